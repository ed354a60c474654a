"""Submissions that nobody could confirm: an operator says what became of them, and it is written down."""

from __future__ import annotations

from uuid import uuid4

import pytest

from photoplay.domain.errors import ConflictError, LeaseLostError
from photoplay.domain.outcomes import FailureCode, Refusal
from photoplay.domain.routing import RETRIED_BY_POLICY
from photoplay.domain.states import AttemptStatus
from photoplay.operations.record_submission import mark_sent, record_unknown
from photoplay.operations.requeue_job import requeue_job
from photoplay.operations.resolve_submission import resolve_submission
from photoplay.operations.settle_attempt import prepare_again, settle_failure
from tests.operations.test_create_job import used
from tests.operations.test_ending import Course, course  # noqa: F401 -- the fixture


@pytest.fixture
async def unknown(course: Course) -> Course:  # noqa: F811
    """A job whose one submission may or may not have been taken."""
    await course.begin(billed=True)
    await mark_sent(course.database, course.job, course.attempt_id)
    await record_unknown(course.database, course.job, course.attempt_id)
    course.job = await course.read()
    return course


async def begin_another(unknown: Course) -> None:
    """Let the operator's policy try once more what is lost."""
    await prepare_again(
        unknown.database,
        unknown.job,
        unknown.attempt_id,
        refusal=Refusal.UNAVAILABLE,
        charged=None,
        ending=AttemptStatus.LOST,
        error=RETRIED_BY_POLICY,
    )
    unknown.attempt_id, unknown.job = uuid4(), await unknown.read()
    await unknown.begin(billed=True)


def audit(owner) -> list[tuple[str, str]]:
    return owner.execute("select actor, action from photoplay.audit order by id").fetchall()


async def test_a_task_that_the_operator_found_is_a_hint_for_the_worker(unknown, owner):
    await resolve_submission(unknown.database, unknown.job.id, task_id="task-7", actor="key:ab")
    attempt = (await unknown.read()).attempt
    assert (attempt.hinted_task_id, attempt.status) == ("task-7", AttemptStatus.UNKNOWN)
    assert audit(owner) == [("key:ab", "submission.resolve")]


async def test_what_never_arrived_is_tried_again_and_the_old_lease_writes_no_more(unknown, owner):
    await resolve_submission(unknown.database, unknown.job.id, task_id=None, actor="key:ab")
    row = owner.execute("select status, phase from public.video_jobs").fetchone()
    assert row == ("running", "preparing")
    assert owner.execute("select status, charged from photoplay.attempts").fetchone() == (
        "lost",
        False,
    )
    assert used(owner, unknown.user) == 1
    with pytest.raises(LeaseLostError):
        await record_unknown(unknown.database, unknown.job, unknown.attempt_id)
    with pytest.raises(ConflictError, match="unresolved"):
        await resolve_submission(unknown.database, unknown.job.id, task_id=None, actor="key:ab")
    assert len(audit(owner)) == 1


async def test_an_older_submission_that_never_arrived_does_not_take_the_job_from_its_newer_task(
    unknown, owner
):
    await begin_another(unknown)
    await unknown.accept()
    await resolve_submission(unknown.database, unknown.job.id, task_id=None, actor="key:ab")
    row = owner.execute("select status, phase from public.video_jobs").fetchone()
    assert row == ("running", "waiting")
    attempts = owner.execute("select status, charged from photoplay.attempts order by n").fetchall()
    assert attempts == [("lost", False), ("accepted", None)]
    # Its lease is still good: the worker that waits for the newer one goes on.
    await unknown.deliver()


async def test_of_several_unresolved_submissions_the_one_that_is_named_is_resolved(unknown, owner):
    await begin_another(unknown)
    await mark_sent(unknown.database, unknown.job, unknown.attempt_id)
    await record_unknown(unknown.database, unknown.job, unknown.attempt_id)
    database, job_id = unknown.database, unknown.job.id
    with pytest.raises(ConflictError, match="name one of the attempts 1, 2"):
        await resolve_submission(database, job_id, task_id=None, actor="key:ab")
    await resolve_submission(database, job_id, task_id=None, actor="key:ab", n=1)
    attempts = owner.execute("select status, charged from photoplay.attempts order by n").fetchall()
    assert attempts == [("lost", False), ("unknown", None)]
    with pytest.raises(ConflictError, match="look at its attempts"):
        await resolve_submission(database, job_id, task_id=None, actor="key:ab", n=1)
    await resolve_submission(database, job_id, task_id="task-2", actor="key:ab")
    assert (await unknown.read()).attempt.hinted_task_id == "task-2"


async def test_what_never_arrived_gives_the_unit_of_an_ended_job_back(unknown, owner):
    await settle_failure(
        unknown.database,
        unknown.job,
        FailureCode.OUTCOME_UNKNOWN,
        "unknown",
        charged=None,
        retryable=False,
        attempt_status=AttemptStatus.LOST,
    )
    assert used(owner, unknown.user) == 1
    await resolve_submission(unknown.database, unknown.job.id, task_id=None, actor="key:ab")
    assert used(owner, unknown.user) == 0
    assert owner.execute("select status from public.video_jobs").fetchone() == ("failed",)


async def test_requeueing_makes_a_work_item_and_an_audit_row(course, owner):  # noqa: F811
    owner.execute("delete from photoplay.pgqueuer")
    await requeue_job(course.database, course.job.id, actor="key:ab")
    assert owner.execute("select count(*) from photoplay.pgqueuer").fetchone() == (1,)
    assert audit(owner) == [("key:ab", "job.requeue")]
