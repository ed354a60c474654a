"""What Prometheus reads. Labels are bounded: no ids, no addresses, no content."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY: Final = CollectorRegistry()
REQUESTS: Final = Histogram(
    "photoplay_http_request_seconds",
    "Time to the first byte of an answer.",
    ["route", "method", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
    registry=REGISTRY,
)
JOBS_CREATED: Final = Counter(
    "photoplay_animate_requests",
    "Wishes by what became of them: created, duplicate, or the refusal's code.",
    ["outcome"],
    registry=REGISTRY,
)
CALLBACKS: Final = Counter(
    "photoplay_callbacks",
    "Callbacks of providers: accepted, repeated, late (its attempt had ended), or forged.",
    ["provider", "result"],
    registry=REGISTRY,
)


def refusals() -> dict[str, int]:
    """Return how many wishes this process refused since its start, by the refusal's code."""
    return {
        sample.labels["outcome"]: int(sample.value)
        for metric in JOBS_CREATED.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
