"""Every recorded answer of every provider means what its vector says, and no text of theirs leaks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from photoplay.providers.protocol import Lost, More, Task
from tests.unit.providers.exchanges import (
    NOW,
    PROVIDERS,
    answer,
    assert_told,
    read_vectors,
    reply,
    told,
)


def of(step: str) -> Any:
    cases = read_vectors(step=step)
    assert cases
    return pytest.mark.parametrize("case", [c for _, c in cases], ids=[n for n, _ in cases])


def assert_clean(outcome: Any) -> None:
    """A vector marks what people at the provider wrote as "provider text"."""
    shown = str(told(outcome)).lower()
    assert "provider text" not in shown
    assert "reason:" not in shown


def task_of(case: dict[str, Any]) -> Task:
    age_s = case.get("age_s")
    accepted_at = NOW - timedelta(seconds=age_s) if age_s is not None else None
    return Task(case["task_id"], case["model"], accepted_at)


@of("submit")
def test_answer_to_a_submission_is_classified(case):
    outcome = PROVIDERS[case["provider"]].read_submit(answer(case), NOW)
    assert_told(outcome, case["outcome"])
    assert_clean(outcome)


@of("poll")
def test_state_of_a_task_is_classified(case):
    outcome = PROVIDERS[case["provider"]].read_poll(task_of(case), answer(case), NOW)
    assert_told(outcome, case["outcome"])
    assert_clean(outcome)


@of("result")
def test_end_of_a_finished_request_is_classified(case):
    provider, task = PROVIDERS[case["provider"]], task_of(case)
    more = provider.read_poll(
        task, reply(200, {"status": "COMPLETED", **case.get("known", {})}), NOW
    )
    assert isinstance(more, More)
    outcome = provider.read_result(task, more, answer(case), NOW)
    assert_told(outcome, case["outcome"])
    assert_clean(outcome)


@of("history")
def test_result_that_aged_out_is_read_from_the_history(case):
    provider, task = PROVIDERS[case["provider"]], task_of(case)
    missing = reply(404, {"detail": "gone"})
    more = provider.read_poll(task, missing, NOW)
    if "known" in case:
        completed = reply(200, {"status": "COMPLETED", **case["known"]})
        ended = provider.read_poll(task, completed, NOW)
        assert isinstance(ended, More)
        more = provider.read_result(task, ended, missing, NOW)
    assert isinstance(more, More)
    assert more.step == "history"
    outcome = provider.read_result(task, more, answer(case), NOW)
    assert_told(outcome, case["outcome"])
    assert_clean(outcome)


@of("resolve")
def test_unknown_submission_is_found_or_stays_undecided(case):
    provider = PROVIDERS[case["provider"]]
    sent_at = NOW - timedelta(seconds=case.get("age_s", 60))
    lost = Lost(case["handle"], case["model"], sent_at, case.get("picture"))
    outcome = provider.read_resolve(lost, answer(case), NOW)
    assert_told(outcome, case["outcome"])


@of("cancel")
def test_answer_to_a_cancellation_is_classified(case):
    assert PROVIDERS[case["provider"]].read_cancel(answer(case)) == case["outcome"]
