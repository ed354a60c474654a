"""Everything through a real transaction-mode pooler: whose transaction it is, nobody else finds out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest
import pytest_asyncio

from photoplay.db.pool import Database
from photoplay.worker.run import run_worker
from tests.api.serving import Server, in_process, installed, with_identity
from tests.conftest import until
from tests.support import scopes
from tests.support.clips import clip_drivers, make_clip
from tests.support.pooler import CONNECTIONS, pooler
from tests.support.sweep import Sweep, at_rest, settle

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.system,
    pytest.mark.fault(32),
]
REQUESTS = 2000


def answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, prepare_threshold=None).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
async def pooled_dsn(postgres, dbname) -> AsyncIterator[str]:
    with pooler(postgres, dbname) as dsn:
        await until(lambda: answers(dsn))
        yield dsn


@pytest_asyncio.fixture(loop_scope="session")
async def server(postgres, template, decoders, tmp_path) -> AsyncIterator[Server]:
    """The API and a worker behind the pooler; only LISTEN, the engine and migrations go around it."""
    settings = with_identity(database_pooled=True, database_pool_size=12)
    with installed(postgres, template, decoders, tmp_path, **settings) as direct:
        name = psycopg.conninfo.conninfo_to_dict(direct.owner_dsn)["dbname"]
        with pooler(postgres, str(name)) as dsn:
            await until(lambda: answers(dsn))
            stack = replace(direct, app_dsn=dsn)
            stopping = asyncio.Event()
            clip = make_clip(tmp_path / "clip.mp4")
            async with in_process(stack) as served:
                working = asyncio.create_task(
                    run_worker(stack, stopping, drivers=clip_drivers(clip))
                )
                yield served
                stopping.set()
                await working


async def test_the_pooler_hands_one_connection_to_many_clients(pooled_dsn):
    async with Database(pooled_dsn, size=20, pooled=True) as database:

        async def backend() -> int:
            async with database.pool.connection() as connection:
                row = await (await connection.execute("select pg_backend_pid() as pid")).fetchone()
                return row["pid"]

        pids = await asyncio.gather(*(backend() for _ in range(200)))
        assert database.pool.get_stats()["pool_size"] > CONNECTIONS
    assert 1 <= len(set(pids)) <= CONNECTIONS


async def test_the_scope_of_a_transaction_ends_with_it_behind_a_pooler(pooled_dsn, owner):
    scopes.prepare(owner)
    async with Database(pooled_dsn, size=12, pooled=True) as database:
        assert await scopes.shake(database, rounds=60) == 960


async def test_the_whole_api_of_many_users_leaks_nothing_behind_a_pooler(server):
    citizens = [await settle(server, is_quiet=n % 3 == 0) for n in range(6)]
    await at_rest(server)
    scopes.prepare(server.owner)
    sweep = Sweep(server, citizens, seed=32)
    before = sweep.state_of_the_quiet()
    # Requests and, on the same connections, transactions that fail in every way there is.
    await asyncio.gather(
        sweep.run(REQUESTS), scopes.shake(server.app.state.service.database, rounds=60)
    )
    assert sweep.leaks == []
    assert sweep.state_of_the_quiet() == before
