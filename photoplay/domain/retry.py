"""When to try again. Pure arithmetic; the jitter is passed in, so a test names every value."""

from __future__ import annotations

from datetime import timedelta


def backoff(
    failures: int,
    *,
    first: timedelta,
    ceiling: timedelta,
    factor: float = 2.0,
    jitter: float = 0.5,
) -> timedelta:
    """Return the pause after the n-th failure in a row.

    Args:
        failures: 1 for the first failure.
        first: pause after the first failure, before jitter.
        ceiling: no pause is longer, jitter included.
        factor: growth per failure.
        jitter: 0 to 1, from a random source; spreads the pause over 75 to 125 % of itself.
    """
    exponent = min(max(failures - 1, 0), 60)
    pause_s = min(first.total_seconds() * factor**exponent, ceiling.total_seconds())
    return min(timedelta(seconds=pause_s * (0.75 + 0.5 * jitter)), ceiling)
