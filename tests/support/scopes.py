"""Transactions of two users and of ours on the same few connections, and what each of them must not see.

Fault 32: the scope of one that was left behind, also by one that failed, was refused, or was cancelled
in the middle.
"""

from __future__ import annotations

import asyncio
import random
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from photoplay.db.pool import ADMIN, WORKER, Database, reader, writer
from photoplay.domain.errors import LeaseLostError

USER, OTHER = uuid4(), uuid4()
USED = {USER: 3, OTHER: 7}
LOCK = 32


def prepare(owner: psycopg.Connection) -> None:
    """Give both users used units, and hold what the cancelled ones wait for."""
    for user, used in USED.items():
        owner.execute(
            "insert into public.video_quota (user_id, date, count) values (%s, photoplay.quota_day(), %s)",
            (user, used),
        )
    owner.execute("select pg_advisory_lock(%s)", (LOCK,))


async def shake(database: Database, *, rounds: int, seed: int = 32) -> int:
    """Run every kind of transaction for both users, shuffled; return how many.

    More are under way than there are connections, and few enough that nobody waits in vain.
    """
    cases = [(kind, user) for kind in KINDS for user in USED] * rounds
    random.Random(seed).shuffle(cases)
    room = asyncio.Semaphore(12)

    async def one(kind, user) -> None:
        async with room:
            await kind(database, user)

    await asyncio.gather(*(one(kind, user) for kind, user in cases))
    await asyncio.gather(*(looks_without_a_scope(database, USER) for _ in range(12)))
    return len(cases)


async def reads(database: Database, user: UUID) -> None:
    async with database.transaction(reader(user)) as tx:
        rows = await tx._connection.execute("select user_id from public.video_quota")
        assert {r["user_id"] for r in await rows.fetchall()} == {user}


async def reads_in_a_pipeline(database: Database, user: UUID) -> None:
    asked = [USER, OTHER, USER]
    answers = await database.batch(reader(user), [("get_quota", {"user_id": u}) for u in asked])
    used = [rows[0]["used"] for rows in answers]
    assert used == [USED[user] if u == user else 0 for u in asked]


async def fails_in_the_middle(database: Database, user: UUID) -> None:
    async def work() -> None:
        async with database.transaction(writer(user)) as tx:
            await tx.all("list_events", job_id=uuid4())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()


async def is_refused_by_the_database(database: Database, user: UUID) -> None:
    async def work() -> None:
        async with database.transaction(writer(user)) as tx:
            await tx._connection.execute("select * from photoplay.leases")

    with pytest.raises(errors.InsufficientPrivilege):
        await work()


async def fails_in_a_pipeline(database: Database, _: UUID) -> None:
    with pytest.raises(LeaseLostError):
        await database.batch(
            WORKER,
            [
                ("hold_lease", {"job_id": uuid4(), "fence": 1}),
                ("begin_preparing", {"job_id": uuid4()}),
            ],
        )


async def is_cancelled(database: Database, user: UUID) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with database.transaction(writer(user)) as tx:
            inside.set()
            # Waits for the test's own lock until it is cancelled.
            await tx._connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def looks_as_the_operator(database: Database, _: UUID) -> None:
    rows = await database.batch(ADMIN, [("get_quota", {"user_id": u}) for u in (USER, OTHER)])
    assert [r[0]["used"] for r in rows] == list(USED.values())


async def looks_without_a_scope(database: Database, _: UUID) -> None:
    """What a connection carries between transactions: the login alone, which may do nothing."""
    async with database.pool.connection() as connection:
        row = await (
            await connection.execute(
                "select current_user as acting, current_setting('request.jwt.claims', true) as claims"
            )
        ).fetchone()
        assert row is not None
        assert (row["acting"], row["claims"] or "") == ("photoplay_app", "")
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute("select count(*) from public.video_quota")


KINDS = (
    reads,
    reads_in_a_pipeline,
    fails_in_the_middle,
    is_refused_by_the_database,
    fails_in_a_pipeline,
    is_cancelled,
    looks_as_the_operator,
    looks_without_a_scope,
)
