"""The charts of job, phase and attempt: complete, and every way leads to an end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pytest

from photoplay.domain.outcomes import FAILURE_TEXTS, FailureCode
from photoplay.domain.states import (
    ATTEMPT_TRANSITIONS,
    OPEN,
    OPEN_ATTEMPT,
    PHASE_TRANSITIONS,
    STATUS_TRANSITIONS,
    TERMINAL,
    AttemptStatus,
    Phase,
    Status,
)

State = TypeVar("State")


def reachable(chart: Mapping[State, frozenset[State]], start: State) -> set[State]:
    found, new = {start}, {start}
    while new:
        new = set().union(*(chart[state] for state in new)) - found
        found |= new
    return found


@pytest.mark.parametrize(
    ("states", "chart", "start"),
    [
        (Status, STATUS_TRANSITIONS, Status.QUEUED),
        (Phase, PHASE_TRANSITIONS, Phase.ACCEPTED),
        (AttemptStatus, ATTEMPT_TRANSITIONS, AttemptStatus.SUBMITTING),
    ],
)
def test_every_state_is_in_the_chart_can_be_reached_and_leads_to_an_end(states, chart, start):
    assert set(chart) == set(states)
    assert reachable(chart, start) == set(states)
    ends = {state for state in states if not chart[state]}
    assert all(reachable(chart, state) & ends for state in states)
    assert not any(state in chart[state] for state in states)


def test_exactly_the_terminal_statuses_have_no_way_out():
    assert {s for s in Status if not STATUS_TRANSITIONS[s]} == TERMINAL
    assert set(Status) == TERMINAL | OPEN
    assert not TERMINAL & OPEN
    assert [p for p in Phase if not PHASE_TRANSITIONS[p]] == [Phase.DONE]


def test_every_open_phase_can_be_ended():
    assert all(Phase.DONE in PHASE_TRANSITIONS[p] for p in Phase if p is not Phase.DONE)


def test_an_unknown_submission_is_never_sent_again():
    assert AttemptStatus.SUBMITTING not in set().union(*ATTEMPT_TRANSITIONS.values())
    assert ATTEMPT_TRANSITIONS[AttemptStatus.UNKNOWN] == {
        AttemptStatus.ACCEPTED,
        AttemptStatus.LOST,
    }


def test_nothing_is_submitted_but_from_preparing():
    assert [p for p in Phase if Phase.SUBMITTING in PHASE_TRANSITIONS[p]] == [Phase.PREPARING]


def test_a_lost_attempt_may_still_turn_out_to_be_accepted():
    assert ATTEMPT_TRANSITIONS[AttemptStatus.LOST] == {AttemptStatus.ACCEPTED}
    assert AttemptStatus.LOST not in OPEN_ATTEMPT
    assert AttemptStatus.UNKNOWN in OPEN_ATTEMPT


def test_every_failure_has_a_text_for_its_user_and_an_explanation():
    assert set(FAILURE_TEXTS) == set(FailureCode)
    assert all(text.endswith(".") for text in FAILURE_TEXTS.values())
