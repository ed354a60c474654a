"""Pauses: pure arithmetic, each value named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.outcomes import Refusal
from photoplay.domain.retry import backoff
from photoplay.domain.routing import (
    FAULTS,
    INTERRUPTED,
    TRIES,
    Try,
    candidates,
    may_have_been_charged,
    pause_before_next,
)

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("failures", "jitter", "seconds"),
    [
        (1, 0.5, 1.0),  # 1 · 2^0
        (2, 0.5, 2.0),  # 1 · 2^1
        (4, 0.5, 8.0),  # 1 · 2^3
        (7, 0.5, 60.0),  # 64, cut at the ceiling
        (1, 0.0, 0.75),  # spread over 75 …
        (1, 1.0, 1.25),  # … to 125 %
        (7, 1.0, 60.0),  # the ceiling holds after the spreading too
        (0, 0.5, 1.0),
        (10_000, 0.5, 60.0),  # no overflow
    ],
)
def test_pauses_double_up_to_a_ceiling(failures, jitter, seconds):
    pause = backoff(failures, first=SECOND, ceiling=timedelta(minutes=1), jitter=jitter)
    assert pause == timedelta(seconds=seconds)


@given(st.integers(-5, 10**6), st.floats(0, 1), st.floats(0.01, 100), st.floats(0.01, 1000))
def test_a_pause_is_within_its_bounds(failures, jitter, first, ceiling):
    pause = backoff(
        failures,
        first=timedelta(seconds=first),
        ceiling=timedelta(seconds=ceiling),
        jitter=jitter,
    )
    assert timedelta(0) <= pause <= timedelta(seconds=ceiling)


def tries(provider: str, *refusals: str, charged: bool | None = False) -> list[Try]:
    return [Try(provider, refusal, charged) for refusal in refusals]


ORDER = ("first", "second")


@pytest.mark.parametrize(
    ("ended", "left"),
    [
        ([], ["first", "second"]),
        (tries("first", *[Refusal.BUSY] * (TRIES - 1)), ["first", "second"]),
        (tries("first", *[Refusal.BUSY] * TRIES), ["second"]),
        (tries("first", *[Refusal.FAULT] * FAULTS), ["second"]),
        (tries("first", Refusal.NO_CREDIT), ["second"]),
        (tries("first", Refusal.UNAUTHENTICATED), ["second"]),
        # Nothing was sent: it counts as no try.
        (tries("first", *[INTERRUPTED] * 10), ["first", "second"]),
        (
            tries("first", *[Refusal.BUSY] * TRIES)
            + tries("second", *[Refusal.UNAVAILABLE] * TRIES),
            [],
        ),
    ],
)
def test_the_next_provider_comes_after_the_tries_of_the_one_before(ended, left):
    assert candidates(ORDER, ended) == left


@pytest.mark.parametrize(
    ("refused", "seconds"), [(1, 1.0), (2, 3.0), (3, 10.0), (4, 10.0), (0, 1.0)]
)
def test_refusals_of_one_provider_are_one_three_and_ten_seconds_apart(refused, seconds):
    ended = tries("first", *[Refusal.BUSY] * refused) + tries("second", Refusal.BUSY, INTERRUPTED)
    assert pause_before_next(ended, "first", 0.5) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("charges", "answer"),
    [
        ([], False),
        ([False, False], False),
        ([False, None], None),
        ([None, True], True),
        ([True, False], True),
    ],
)
def test_money_is_not_known_to_be_safe_until_every_attempt_is(charges, answer):
    assert may_have_been_charged(charges) is answer
