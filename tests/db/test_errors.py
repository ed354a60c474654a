"""A Postgres error becomes the decision its caller has to make, and a lost transaction leaves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import psycopg_pool
import pytest
from psycopg import errors, sql

from photoplay.db.changes import JobChanges, changed
from photoplay.db.errors import ContentionError, RaceLostError, SchemaError, translated
from photoplay.db.pool import ADMIN, WORKER, Database, reader, writer
from photoplay.domain.errors import (
    IllegalTransitionError,
    LeaseLostError,
    PhotoplayError,
    UnavailableError,
)
from tests.conftest import until


class Raised(psycopg.DatabaseError):
    """An error with one of our own SQLSTATEs, as psycopg makes it."""


def with_state(state: str) -> psycopg.Error:
    try:
        return errors.lookup(state)()
    except KeyError:
        error = Raised()
        error.sqlstate = state
        return error


@pytest.mark.parametrize(
    ("state", "ours"),
    [
        ("PP001", LeaseLostError),
        ("PP002", IllegalTransitionError),
        ("PP003", IllegalTransitionError),
        ("PP004", IllegalTransitionError),
        ("40001", RaceLostError),
        ("40P01", RaceLostError),
        ("55P03", ContentionError),
        ("57014", ContentionError),
        ("25P03", ContentionError),
        ("3F000", SchemaError),
        ("42P01", SchemaError),
        ("42883", SchemaError),
        ("42703", SchemaError),
        ("08006", UnavailableError),
        ("53100", UnavailableError),
        ("53300", UnavailableError),
        ("57P01", UnavailableError),
        ("57P02", UnavailableError),
        ("57P03", UnavailableError),
    ],
)
def test_a_sqlstate_is_one_decision(state, ours):
    error = translated(with_state(state))
    assert type(error) is ours
    assert isinstance(error, PhotoplayError)
    assert error.retryable == (ours in {ContentionError, RaceLostError, UnavailableError})


@pytest.mark.parametrize("error", [psycopg_pool.PoolTimeout(), psycopg_pool.TooManyRequests()])
def test_a_pool_that_cannot_give_a_connection_is_a_database_that_is_away(error):
    assert translated(error).code == "database_unavailable"


@pytest.mark.parametrize("state", ["23505", "23514", "42501", "22P02", "22012"])
def test_a_bug_of_ours_stays_what_it_is(state):
    error = with_state(state)
    assert translated(error) is error


def test_what_the_server_says_stays_out_of_our_message():
    error = errors.DeadlockDetected("Process 1 waits for row of secret@example.org")
    assert "secret" not in str(translated(error))


# Lost transactions, made for real (fault 31).


@pytest.fixture
def rows(owner: psycopg.Connection) -> Iterator[list[str]]:
    users = [str(uuid4()), str(uuid4())]
    for user in users:
        owner.execute(
            "insert into public.video_quota (user_id, date, count) values (%s, '2026-01-01', 0)",
            (user,),
        )
    return users


ADD = "update public.video_quota set count = count + 1 where user_id = %s"


async def together(
    database: Database, *steps: tuple[str, tuple[str, ...]] | Callable[[], object]
) -> None:
    """Run statements as one transaction, and in between what happens beside it."""
    async with database.transaction(ADMIN) as tx:
        for step in steps:
            if callable(step):
                step()
            else:
                await tx._connection.execute(*step)


def counts(owner: psycopg.Connection) -> list[int]:
    return [r[0] for r in owner.execute("select count from public.video_quota order by 1")]


async def test_the_loser_of_a_deadlock_may_run_again_and_left_nothing(app_dsn, owner, rows):
    both = asyncio.Barrier(2)

    async def add(database: Database, first: str, second: str) -> None:
        async with database.transaction(ADMIN) as tx:
            await tx._connection.execute(ADD, (first,))
            await both.wait()
            await tx._connection.execute(ADD, (second,))

    owner.execute("alter role photoplay_app set deadlock_timeout = '20ms'")
    try:
        async with Database(app_dsn, size=2) as database:
            results = await asyncio.gather(
                add(database, *rows), add(database, *rows[::-1]), return_exceptions=True
            )
    finally:
        owner.execute("alter role photoplay_app reset deadlock_timeout")
    assert [type(r) for r in results if r] == [RaceLostError]
    assert counts(owner) == [1, 1]


async def test_a_serialization_failure_may_run_again_and_left_nothing(app_dsn, owner, rows):
    first, second = rows
    strict = "&options=-c%20default_transaction_isolation%3Drepeatable%5C%20read"
    async with Database(app_dsn + strict, size=2) as database:
        with pytest.raises(RaceLostError):
            await together(
                database,
                (ADD, (second,)),
                lambda: owner.execute(ADD, (first,)),
                (ADD, (first,)),
            )
    assert counts(owner) == [0, 1]


async def test_a_statement_that_took_too_long_may_run_again_and_left_nothing(database, owner, rows):
    first, second = rows
    with owner.transaction():
        owner.execute(ADD, (first,))
        patience = ("set local statement_timeout = '20ms'", ())
        with pytest.raises(ContentionError):
            await together(database, patience, (ADD, (second,)), (ADD, (first,)))
    assert counts(owner) == [0, 1]


async def test_a_lock_that_does_not_come_may_be_asked_for_again(database, owner, rows):
    with owner.transaction():
        owner.execute(ADD, (rows[0],))
        patience = ("set local lock_timeout = '20ms'", ())
        with pytest.raises(ContentionError):
            await together(database, patience, (ADD, (rows[0],)))
    assert counts(owner) == [0, 1]


async def test_refusals_of_the_schema_have_their_own_errors(database, owner, user):
    job_id = uuid4()
    with pytest.raises(LeaseLostError):
        await database.once(WORKER, "hold_lease", {"job_id": job_id, "fence": 1})
    owner.execute(
        "insert into public.video_jobs (id, user_id, source_image_url) values (%s, %s, 'x')",
        (job_id, user),
    )
    with pytest.raises(IllegalTransitionError):
        async with database.transaction(writer(user)) as tx:
            await tx._connection.execute("update public.video_jobs set phase = 'storing'")


async def test_a_database_of_another_release_is_named_as_that(database, owner, user):
    owner.execute("alter table photoplay.limits rename column daily_limit to other")
    with pytest.raises(SchemaError):
        await database.once(reader(user), "get_quota", {"user_id": user})


# Postgres that is away.


async def impatient(dsn: str) -> Database:
    database = Database(dsn, size=2)
    database.pool.timeout = 0.3
    await database.open()
    return database


async def all_ways(database: Database) -> AsyncIterator[Exception]:
    async def in_a_transaction() -> None:
        async with database.transaction(ADMIN) as tx:
            await tx.all("sweep_expired")

    for work in (
        in_a_transaction(),
        database.once(ADMIN, "sweep_expired", {}),
        database.connect(role=ADMIN.role),
    ):
        with pytest.raises(UnavailableError) as raised:
            await work
        yield raised.value


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path):
    database = await impatient(f"postgresql://photoplay_app@/x?host={tmp_path}&port=1")
    try:
        said = [error.code async for error in all_ways(database)]
    finally:
        await database.close()
    assert said == ["database_unavailable"] * 3


async def test_a_server_with_too_many_connections_is_unavailable_until_one_is_free(
    app_dsn, dbname, owner
):
    # The owner's own connection counts as well.
    owner.execute(sql.SQL("alter database {} connection limit 2").format(sql.Identifier(dbname)))
    taken = await psycopg.AsyncConnection.connect(app_dsn)
    database = await impatient(app_dsn)
    try:
        said = [error.code async for error in all_ways(database)]
        assert said == ["database_unavailable"] * 3
        await taken.close()
        database.pool.timeout = 30
        assert await database.once(ADMIN, "sweep_expired", {}) == []
    finally:
        await taken.close()
        await database.close()


async def test_a_transaction_whose_server_process_dies_is_unavailable_and_left_nothing(
    database, owner, rows
):
    def kill() -> None:
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and state = 'idle in transaction'"
        )

    with pytest.raises(UnavailableError):
        await together(database, (ADD, (rows[0],)), kill, (ADD, (rows[1],)))
    assert counts(owner) == [0, 0]
    assert await database.once(ADMIN, "sweep_expired", {}) == []


@pytest.mark.parametrize("way", ["batch", "transaction"])
async def test_a_cancellation_stays_one_when_the_connection_is_lost_with_it(
    database, owner, user, way
):
    job_id = uuid4()
    owner.execute(
        "insert into public.video_jobs (id, user_id, source_image_url) values (%s, %s, 'x')",
        (job_id, user),
    )
    owner.execute("insert into photoplay.leases (job_id, fence) values (%s, 1)", (job_id,))
    values = {"job_id": job_id, "fence": 1}
    waiting = (
        "select pid from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )

    async def hold() -> None:
        if way == "batch":
            await database.batch(WORKER, [("hold_lease", values)])
        else:
            async with database.transaction(WORKER) as tx:
                await tx.run("hold_lease", **values)

    with owner.transaction():
        owner.execute("select from photoplay.leases for update")
        task = asyncio.create_task(hold())
        (pid,) = await until(lambda: owner.execute(waiting).fetchone())
        owner.execute("select pg_terminate_backend(%s)", (pid,))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await database.once(ADMIN, "sweep_expired", {}) == []


async def test_a_lost_listener_listens_again_and_looks_at_what_it_missed(database, owner, user):
    job_id = uuid4()
    owner.execute(
        "insert into public.video_jobs (id, user_id, source_image_url) values (%s, %s, 'x')",
        (job_id, user),
    )
    changes = JobChanges(database, role="photoplay_worker")
    listening = (
        "select pid from pg_stat_activity "
        "where datname = current_database() and query = 'listen photoplay_jobs'"
    )
    running = asyncio.create_task(changes.run())
    try:
        with changes.of(job_id) as event:
            pid = (await until(lambda: owner.execute(listening).fetchone()))[0]
            await until(event.is_set)
            event.clear()
            owner.execute("select pg_terminate_backend(%s)", (pid,))
            owner.execute("update public.video_jobs set progress = 0.5 where id = %s", (job_id,))
            # Nobody listened to that; looking again after the reconnect finds it.
            assert await changed(event, within_s=30)
            assert owner.execute(listening).fetchone()[0] != pid
            owner.execute("update public.video_jobs set progress = 0.6 where id = %s", (job_id,))
            assert await changed(event, within_s=30)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
