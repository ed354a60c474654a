"""Reading what /metrics says."""

from __future__ import annotations


def sample(text: str, name: str, **labels: str) -> float:
    """The value of one line of the metrics."""
    for line in text.splitlines():
        head, _, value = line.rpartition(" ")
        if head.partition("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
            return float(value)
    return 0.0
