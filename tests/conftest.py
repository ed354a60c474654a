"""Real Postgres for every test: one embedded server a test process, a fresh database per test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from photoplay import embedded
from photoplay.config import Settings, load_settings
from photoplay.db.migrate import migrate
from photoplay.db.pool import Database
from photoplay.registry import open_registry
from photoplay.stack import APP_ROLE, Stack, ensure_app_role
from photoplay.storage.decoders import DecoderPool
from photoplay.storage.objects import ObjectStore, open_store
from tests.support import supabase
from tests.support.memory import memory_folder

SAMPLES = Path(__file__).parent / "samples"
TEMPLATE = "photoplay_test_template"
# They come first, so that in the end no process is left alone with one of them.
LONG = ("/tests/simulation/", "/tests/unit/providers/local/", "/tests/acceptance/", "/tests/cli/")
CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Where it may lie in memory, a gigabyte of it would be kept.
    "max_wal_size": "96MB",
    "min_wal_size": "32MB",
}


def _is_short(item: pytest.Item) -> bool:
    return not any(folder in item.path.as_posix() for folder in LONG)


# Before xdist's own, which reads the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares costly fixtures in one process: a file, or all of the renderer."""
    items.sort(key=_is_short)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            folder = item.path.parent
            group = "renderer" if folder.parts[-2:] == ("providers", "local") else str(item.path)
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.EmbeddedPostgres]:
    """One server for the test process; nothing needs to survive it."""
    with memory_folder(tmp_path_factory.mktemp("pg")) as folder:
        server = embedded.use(folder, settings=CARELESS)
        yield server
        server.release()


@pytest.fixture(scope="session")
def template(postgres: embedded.EmbeddedPostgres) -> str:
    """A database with the schema, to copy from."""
    with psycopg.connect(postgres.dsn(dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"create database {TEMPLATE}")
    migrate(postgres.dsn(dbname=TEMPLATE))
    ensure_app_role(postgres.dsn(dbname=TEMPLATE))
    return TEMPLATE


@contextlib.contextmanager
def copied_database(postgres: embedded.EmbeddedPostgres, template: str) -> Iterator[str]:
    """Give the name of a fresh copy of a database, dropped afterwards."""
    name = f"photoplay_test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn(dbname="postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield name
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def supabase_postgres(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[embedded.EmbeddedPostgres]:
    """A second server, prepared as Supabase does it, with the databases of `support/supabase.py`."""
    with memory_folder(tmp_path_factory.mktemp("supabase")) as folder:
        server = embedded.use(folder, settings=CARELESS)
        supabase.prepare(server)
        yield server
        server.release()


@pytest.fixture
def supabase_dsn(supabase_postgres) -> Iterator[str]:
    """A Supabase project with our schema; address as its owner."""
    with supabase.copied_project(supabase_postgres, supabase.MIGRATED) as name:
        yield supabase_postgres.dsn(supabase.OWNER, name)


@pytest.fixture
def dbname(postgres: embedded.EmbeddedPostgres, template: str) -> Iterator[str]:
    with copied_database(postgres, template) as name:
        yield name


@pytest.fixture
def owner_dsn(postgres: embedded.EmbeddedPostgres, dbname: str) -> str:
    """Address as the owner: for looking, never for what a test is about."""
    return postgres.dsn(dbname=dbname)


@pytest.fixture
def app_dsn(postgres: embedded.EmbeddedPostgres, dbname: str) -> str:
    """Address as our processes log in: no rights but those of our roles."""
    return postgres.dsn(APP_ROLE, dbname)


@pytest.fixture
async def database(app_dsn: str) -> AsyncIterator[Database]:
    async with Database(app_dsn, size=10) as opened:
        yield opened


@pytest.fixture
def user() -> UUID:
    return uuid4()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a fresh installation; a test changes them with `model_copy`."""
    monkeypatch.chdir(tmp_path)
    return load_settings(data_dir=tmp_path / "data", lease_s=1.0)


@pytest.fixture
def store(settings: Settings) -> Iterator[ObjectStore]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with open_store((settings.data_dir / "objects").as_uri()) as opened:
        yield opened


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool() as pool:
        yield pool


@pytest.fixture
def stack(
    settings: Settings, owner_dsn: str, app_dsn: str, store: ObjectStore, decoders: DecoderPool
) -> Stack:
    return Stack(
        settings,
        owner_dsn,
        app_dsn,
        app_dsn,
        store,
        decoders,
        b"media secret of the tests, 32+ bytes",
        open_registry(settings),
    )


@pytest.fixture
def owner(owner_dsn: str) -> Iterator[psycopg.Connection]:
    """A session that sees everything."""
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        yield connection


async def until(condition, *, within_s: float = 60.0):
    """Return the condition's first true value; fails when there is none in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError("the condition did not come true in time")
        await asyncio.sleep(0.02)
