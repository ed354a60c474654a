from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from photoplay.db.pool import Database, writer
from photoplay.domain.capability import Capability, fit
from photoplay.domain.options import MotionOptions, OptionDefaults
from photoplay.operations.begin_attempt import NewAttempt, begin_attempt
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.follow_task import DueTask, Pace, follow_task, slow_polls, take_polls
from photoplay.operations.record_submission import mark_sent, record_acceptance
from photoplay.operations.settle_attempt import prepare_again
from tests.operations.test_provider_health import PAID, prepared

SECOND = timedelta(seconds=1)
PACE = Pace("paid", 1000, 10 * SECOND, 60 * SECOND)


async def followed(
    database: Database, user: UUID, capability: Capability = PAID, pace: Pace = PACE
) -> tuple:
    """Return a job and its attempt that a provider has accepted, and that is followed."""
    job, attempt_id = await prepared(database, user), uuid4()
    new = NewAttempt(attempt_id, capability, fit(MotionOptions(), capability, OptionDefaults()))
    await begin_attempt(database, job, new)
    await mark_sent(database, job, attempt_id)
    await record_acceptance(database, job, attempt_id, f"task-{attempt_id}", cost_usd=None)
    await follow_task(database, job, attempt_id, pace)
    return job, attempt_id


def make_due(owner: psycopg.Connection) -> None:
    owner.execute("update photoplay.polls set next_at = now()")


async def taken(database: Database, pace: Pace = PACE, most: int = 100) -> Sequence[DueTask]:
    return (await take_polls(database, pace, most=most))[0]


@pytest.mark.parametrize(("age_s", "pause_s"), [(0, 2), (10, 2), (100, 10), (5000, 30)])
def test_polls_are_a_tenth_of_the_tasks_age_apart_within_bounds(owner, age_s, pause_s):
    pauses = owner.execute(
        "select min(pause), max(pause) from (select photoplay.poll_pause(%s, %s, %s) as pause"
        " from generate_series(1, 200)) drawn",
        (age_s * SECOND, 2 * SECOND, 30 * SECOND),
    ).fetchone()
    assert pauses is not None
    shortest, longest = pauses
    assert 0.9 * pause_s * SECOND <= shortest < longest <= 1.1 * pause_s * SECOND


async def test_a_task_is_due_after_its_pause_and_then_for_one_worker_only(database, owner, user):
    job, _ = await followed(database, user)
    due, upcoming = await take_polls(database, PACE, most=100)
    assert due == []
    assert upcoming is not None
    assert 8 * SECOND < upcoming <= 11 * SECOND
    make_due(owner)
    (first, second) = await asyncio.gather(taken(database), taken(database))
    (task,) = [*first, *second]
    assert (task.job_id, task.provider) == (job.id, "paid")
    # Should that worker be lost, it is simply due again, for any other one.
    assert await taken(database) == []
    make_due(owner)
    assert [t.task_id for t in await taken(database)] == [task.task_id]


async def test_following_twice_leaves_the_next_poll_where_it_is(database, owner, user):
    job, attempt_id = await followed(database, user)
    make_due(owner)
    await follow_task(database, job, attempt_id, PACE)
    assert len(await taken(database)) == 1


async def test_users_take_turns_when_not_all_can_be_asked(database, owner):
    users = {uuid4(): 5, uuid4(): 2, uuid4(): 1}
    owners: dict[UUID, UUID] = {}
    for user, count in users.items():
        for _ in range(count):
            job, _ = await followed(database, user)
            owners[job.id] = user
    make_due(owner)
    turns = [owners[t.job_id] for _ in range(8) for t in await taken(database, most=1)]
    # Everybody once, then those that have more, then the one that has most of all.
    assert [set(turns[:3]), set(turns[3:5]), len(set(turns[5:]))] == [
        set(users), {user for user, count in users.items() if count > 1}, 1,
    ]  # fmt: skip


async def test_within_a_batch_everybody_comes_once_before_anybody_comes_twice(database, owner):
    one, many = uuid4(), uuid4()
    for _ in range(4):
        await followed(database, many)
    job, _ = await followed(database, one)
    # The others have waited for longer.
    owner.execute("update photoplay.polls set next_at = now() - interval '1 minute'")
    owner.execute("update photoplay.polls set next_at = now() where job_id = %s", (job.id,))
    assert job.id in {task.job_id for task in await taken(database, most=2)}


async def test_an_account_is_asked_no_more_than_its_rate_by_all_workers_together(
    database, owner, app_dsn, user
):
    for _ in range(12):
        await followed(database, user)
    make_due(owner)
    pace = replace(PACE, per_s=4)
    began = owner.execute("select clock_timestamp()").fetchone()
    async with Database(app_dsn, size=4) as other:
        batches = await asyncio.gather(*(taken(d, pace) for d in (database, other) * 3))
    ended = owner.execute("select clock_timestamp()").fetchone()
    took_s = (ended[0] - began[0]).total_seconds()
    assert 4 <= sum(map(len, batches)) <= 4 * (1 + took_s)
    # A second later there is room for as many again.
    owner.execute(
        "update photoplay.accounts set polls_left = 0, counted_at = now() - interval '1 s'"
    )
    assert len(await taken(database, pace)) == 4


async def test_a_provider_that_asks_for_less_is_left_alone_and_then_asked_half_as_often(
    database, owner, user
):
    for _ in range(9):
        await followed(database, user)
    pace = replace(PACE, per_s=8)
    make_due(owner)
    assert len(await taken(database, pace, most=1)) == 1
    for _ in range(3):
        await slow_polls(database, pace, 30 * SECOND)
    assert await taken(database, pace) == []
    owner.execute(
        "update photoplay.accounts set held_until = now(), polls_left = 0,"
        " counted_at = now() - interval '1 s'"
    )
    assert len(await taken(database, pace)) == 4
    # It finds its way back by itself.
    make_due(owner)
    owner.execute("update photoplay.accounts set counted_at = now() - interval '2 min'")
    assert len(await taken(database, pace)) == 8


async def test_an_attempt_that_has_ended_is_asked_about_no_more(database, owner, user):
    job, attempt_id = await followed(database, user)
    await prepare_again(database, job, attempt_id, refusal="fault", charged=False)
    # Also one that the user ended, because it costs nothing.
    free, _ = await followed(database, user, replace(PAID, billed=False))
    await cancel_job(database, writer(user), free.id)
    assert owner.execute("select count(*) from photoplay.polls").fetchone() == (0,)
