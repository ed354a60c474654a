"""Which provider is tried next. Never a race: only after a definite verdict of the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from photoplay.domain.outcomes import Refusal

TRIES: Final = 3
"""Submissions to one provider that are refused because it is busy or away, before the next one."""
FAULTS: Final = 2
"""Tasks of one provider that may fail before the next one."""
_PAUSES: Final = (timedelta(seconds=1), timedelta(seconds=3), timedelta(seconds=10))
_OPERATOR: Final = frozenset({Refusal.NO_CREDIT, Refusal.UNAUTHENTICATED})
INTERRUPTED: Final = "interrupted"
"""Refusal of an attempt whose worker was lost before anything was sent: it counts as no try."""
RETRIED_BY_POLICY: Final = "lost, tried again by policy"
"""Error of an attempt that may be billed and was followed by another, as the operator's policy says."""


@dataclass(frozen=True, slots=True)
class Try:
    """An ended attempt, as far as routing looks at it.

    Attributes:
        refusal: why it ended; `interrupted` when nothing had been sent.
        charged: None when it is not known.
    """

    provider: str
    refusal: str | None
    charged: bool | None


class Entry(StrEnum):
    """Whether an attempt may be begun at a provider now."""

    YES = "yes"
    PAUSED = "paused"
    """By an operator."""
    OPEN = "open"
    """The circuit breaker is open."""
    FULL = "full"
    """As many attempts as the provider takes are under way."""
    CAPPED = "capped"
    """The day's spend leaves no room for its price, or its price is not known while there is a cap."""


def candidates(order: Sequence[str], tries: Sequence[Try]) -> list[str]:
    """Return the providers that may still be tried, first choice first."""
    return [name for name in order if _has_tries_left([t for t in tries if t.provider == name])]


def _has_tries_left(tries: Sequence[Try]) -> bool:
    refusals = [t.refusal for t in tries if t.refusal not in {None, INTERRUPTED}]
    if any(refusal in _OPERATOR for refusal in refusals):
        return False
    return len(refusals) < TRIES and refusals.count(Refusal.FAULT) < FAULTS


def pause_before_next(tries: Sequence[Try], provider: str, jitter: float) -> timedelta:
    """Return how long to wait after a verdict of `provider`: 1 s, 3 s, then 10 s, spread by a quarter.

    Args:
        jitter: 0 to 1, from a random source.
    """
    refused = sum(t.provider == provider and t.refusal != INTERRUPTED for t in tries)
    return _PAUSES[min(max(refused, 1), len(_PAUSES)) - 1] * (0.75 + 0.5 * jitter)


def may_have_been_charged(charges: Iterable[bool | None]) -> bool | None:
    """Return whether any attempt of a job was billed: True, False, or None when it is not known."""
    known = set(charges)
    if True in known:
        return True
    return None if None in known else False
