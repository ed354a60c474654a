from __future__ import annotations

import asyncio
from uuid import uuid4

import psycopg
import pytest

from photoplay.db.pool import WORKER, Database, uninterrupted


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
