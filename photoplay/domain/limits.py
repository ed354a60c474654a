"""How a user stands under its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Standing:
    """How a user stands under one limit.

    Attributes:
        policy: the limit's name in `RateLimit`.
        remaining: what is left of it now.
        limit: how much it is; None where that is the operator's business.
        window_s: length of its day or minute; None when it has none.
        reset_s: seconds until there is more; None when that depends on something else.
        unit: what is counted, where that is not requests.
    """

    policy: str
    remaining: int
    limit: int | None = None
    window_s: int | None = None
    reset_s: int | None = None
    unit: str | None = None


def standings(facts: Mapping[str, Any]) -> tuple[Standing, ...]:
    """Return how a user stands, from the facts of `create_job` or a row of `get_quota`.

    A limit that the facts do not name, or that is not set, is left out.
    """
    found: list[Standing] = []
    if facts.get("daily_limit") is not None:
        left = max(facts["daily_limit"] - facts["used"], 0)
        found.append(
            Standing(
                "daily",
                left,
                limit=facts["daily_limit"],
                window_s=int(facts["day_s"]),
                reset_s=int(facts["resets_in_s"]),
            )
        )
    if facts.get("max_open_jobs") is not None:
        left = max(facts["max_open_jobs"] - facts["open_jobs"], 0)
        limit = facts["max_open_jobs"]
        found.append(Standing("open-jobs", left, limit=limit, unit="concurrent-requests"))
    if facts.get("requests_per_minute") is not None:
        found.append(
            Standing(
                "requests",
                int(facts["requests_left"]),
                limit=facts["requests_per_minute"],
                window_s=60,
                reset_s=int(facts["request_in_s"]),
            )
        )
    return tuple(found)
