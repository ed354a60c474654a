from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from photoplay.db import pool
from photoplay.db.errors import ContentionError, RaceLostError
from photoplay.db.pool import ADMIN, WORKER, Database, uninterrupted, writer
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.operations.create_job import CreatedJob, NewJob, create_job
from tests.conftest import until


async def test_a_cancelled_caller_waits_for_the_end_of_its_transaction_and_stays_cancelled():
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @uninterrupted
    async def work() -> None:
        begun.set()
        await may_end.wait()
        ended.set()
        raise ValueError("how it ended is nobody's business any more")

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_cancelled_queries_cost_no_connection(app_dsn):
    async with Database(app_dsn, size=4) as database:
        look = {"job_id": uuid4()}
        await database.once(WORKER, "get_job_version", look)
        for delay in range(60):
            task = asyncio.create_task(database.once(WORKER, "get_job_version", look))
            # Another point of the query each time, from before it is sent to after its answer.
            for _ in range(delay):
                await asyncio.sleep(0)
            task.cancel()
            result = (await asyncio.gather(task, return_exceptions=True))[0]
            assert isinstance(result, asyncio.CancelledError | list), repr(result)
        assert await database.once(WORKER, "get_job_version", look) == []
        stats = database.pool.get_stats()
        assert stats.get("connections_lost", 0) == 0
        assert stats.get("requests_waiting", 0) == 0


async def test_a_failed_statement_leaves_its_connection_usable(app_dsn):
    async with Database(app_dsn, size=1) as database:
        for _ in range(3):
            with pytest.raises(psycopg.errors.InvalidTextRepresentation):
                await database.once(WORKER, "get_job_version", {"job_id": "no id"})
            assert await database.once(WORKER, "get_job_version", {"job_id": uuid4()}) == []


@pytest.mark.fault(31)
async def test_the_loser_of_a_deadlock_runs_again(app_dsn, owner, user):
    days = ("2026-01-01", "2026-01-02")
    for day in days:
        owner.execute("insert into public.video_quota (user_id, date) values (%s, %s)", (user, day))
    add = "update public.video_quota set count = count + 1 where user_id = %s and date = %s"
    both, runs = asyncio.Barrier(2), 0

    @uninterrupted
    async def add_to(database: Database, first: str, second: str) -> None:
        nonlocal runs
        runs += 1
        async with database.transaction(ADMIN) as tx:
            await tx._connection.execute(add, (user, first))
            if runs <= 2:
                await both.wait()
            await tx._connection.execute(add, (user, second))

    owner.execute("alter role photoplay_app set deadlock_timeout = '20ms'")
    try:
        async with Database(app_dsn, size=2) as database:
            await asyncio.gather(add_to(database, *days), add_to(database, *days[::-1]))
    finally:
        owner.execute("alter role photoplay_app reset deadlock_timeout")
    assert runs == 3
    counts = owner.execute("select count from public.video_quota where user_id = %s", (user,))
    assert counts.fetchall() == [(2,), (2,)]


@pytest.mark.fault(31)
async def test_who_loses_again_and_again_is_told_so(database):
    runs = 0

    @uninterrupted
    async def lose() -> None:
        nonlocal runs
        runs += 1
        async with database.transaction(ADMIN) as tx:
            await tx._connection.execute("do $$ begin raise sqlstate '40001'; end $$")

    with pytest.raises(RaceLostError):
        await lose()
    assert runs == 3


@pytest.mark.fault(31)
async def test_a_statement_is_given_up_after_its_time_and_leaves_nothing(app_dsn, owner, user):
    """Somebody holds the user's creations up; whoever waits for it is told, and may come again."""
    new = NewJob(Picture(url="https://pictures.example/x.jpg"), MotionOptions(), "local", key="k")
    hold = "select pg_advisory_xact_lock(hashtextextended(%s::text, 7406))"
    async with Database(app_dsn, size=1, statement_timeout=timedelta(milliseconds=50)) as hasty:
        with owner.transaction():
            owner.execute(hold, (user,))
            with pytest.raises(ContentionError):
                await create_job(hasty, writer(user), new)
        assert owner.execute("select count(*) from public.video_jobs").fetchone() == (0,)

        async def come_again() -> CreatedJob | None:
            # A busy machine may take longer than that for an honest creation.
            with contextlib.suppress(ContentionError):
                return await create_job(hasty, writer(user), new)
            return None

        created = await until(come_again)
        assert not created.replayed


@pytest.mark.fault(26)
async def test_a_process_that_stops_in_a_transaction_loses_it_and_its_locks(
    app_dsn, owner, user, monkeypatch
):
    monkeypatch.setattr(pool, "_STOPPED_AFTER", timedelta(milliseconds=50))
    hold = "select pg_advisory_xact_lock(hashtextextended(%s::text, 7406))"
    async with Database(app_dsn, size=1) as stopped:

        async def stop() -> None:
            async with stopped.transaction(ADMIN) as tx:
                await tx._connection.execute(hold, (user,))
                owner.execute(hold, (user,))
                await tx.all("sweep_expired")

        with pytest.raises(ContentionError):
            await stop()
        assert await stopped.once(ADMIN, "sweep_expired", {}) == []
