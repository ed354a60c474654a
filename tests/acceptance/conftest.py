"""An installation that is wired to the sandbox: server for callbacks, workers, real drivers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import uvicorn

from photoplay.api.app import create_app
from photoplay.config import load_settings
from photoplay.db.pool import Database, operator
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.invariants import check_invariants
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.set_limits import set_limits
from photoplay.registry import open_registry
from photoplay.sandbox import Sandbox, SandboxOptions
from photoplay.stack import APP_ROLE, Stack
from photoplay.storage.objects import open_store
from photoplay.worker.run import run_worker
from tests.conftest import copied_database, until
from tests.support.pictures import stored_picture

MEDIA_SECRET = b"media secret of the tests, 32+ bytes"


@dataclass(slots=True)
class Shop:
    """A running installation whose providers are the sandbox's."""

    stack: Stack
    database: Database
    owner: psycopg.Connection
    sandbox: Sandbox
    user: UUID
    picture: Picture

    async def wish(self, provider: str | None = None, **options: Any) -> UUID:
        asked = MotionOptions(provider=provider, **options)
        name = provider or self.stack.registry.order[0]
        expected = self.stack.registry.expected_usd(asked, self.stack.settings.option_defaults)
        key = uuid4().hex
        new = NewJob(
            self.picture, asked, name, prompt=f"wish {key}", key=key, estimate_usd=expected
        )
        return (await create_job(self.database, operator(self.user), new)).id

    def job(self, job_id: UUID) -> dict[str, Any]:
        cursor = self.owner.cursor(row_factory=psycopg.rows.dict_row)
        row = cursor.execute("select * from public.video_jobs where id = %s", (job_id,)).fetchone()
        assert row is not None
        return row

    def attempts(self, job_id: UUID) -> list[dict[str, Any]]:
        cursor = self.owner.cursor(row_factory=psycopg.rows.dict_row)
        statement = "select * from photoplay.attempts where job_id = %s order by n"
        return cursor.execute(statement, (job_id,)).fetchall()

    async def ended(self, job_id: UUID, *, within_s: float = 60) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            row = self.job(job_id)
            return row if row["finished_at"] else None

        return await until(look, within_s=within_s)

    async def attempt_is(self, job_id: UUID, status: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            attempts = self.attempts(job_id)
            return attempts[-1] if attempts and attempts[-1]["status"] == status else None

        return await until(look, within_s=60)

    def age(self, job_id: UUID, by: timedelta) -> None:
        """Let time pass for a job's newest attempt, and look at it now."""
        self.owner.execute(
            "update photoplay.attempts set sent_at = sent_at - %s where job_id = %s", (by, job_id)
        )
        self.owner.execute("select photoplay.wake(%s)", (job_id,))

    @contextlib.contextmanager
    def as_replica(self) -> Iterator[None]:
        """Write what the state machine allows to nobody."""
        with self.owner.transaction():
            self.owner.execute("set local session_replication_role = replica")
            yield

    def let_its_time_pass(self, job_id: UUID) -> None:
        """Make job and attempt older than any lifetime."""
        age = timedelta(seconds=self.stack.settings.lifetime_s + 60)
        with self.as_replica():
            self.owner.execute(
                "update public.video_jobs set created_at = created_at - %s where id = %s",
                (age, job_id),
            )
            self.owner.execute(
                "update photoplay.attempts set accepted_at = accepted_at - %s where job_id = %s",
                (age, job_id),
            )

    async def is_sound(self) -> None:
        broken = await check_invariants(self.database, self.stack.store)
        assert not any(broken.values()), broken
        # One attempt, one submission: as the provider counted them.
        sent = self.owner.execute(
            "select count(*) from photoplay.attempts where sent_at is not null"
        ).fetchone()
        assert sent is not None
        assert self.sandbox.count("submit") <= sent[0]


@pytest.fixture
def providers() -> str:
    """`VIDEO_PROVIDER_PRIORITY` of the shop; a test module may override it."""
    return "fal-pika,kling,runway"


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxOptions(quick=True, queue_s=0.0, run_s=0.1)) as opened:
        for name, value in opened.environment.items():
            monkeypatch.setenv(name, value)
        yield opened


@pytest.fixture
async def idle_shop(
    sandbox, providers, postgres, template, decoders, tmp_path, monkeypatch
) -> AsyncIterator[Shop]:
    """A shop where nobody works yet."""
    monkeypatch.chdir(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))
    settings = load_settings(
        data_dir=tmp_path / "data",
        lease_s=1.0,
        provider_priority=providers,
        poll_min_s=0.05,
        poll_max_s=0.3,
        public_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        daily_limit=1000,
        max_open_jobs=1000,
    )
    settings.data_dir.mkdir()
    user = uuid4()
    async with contextlib.AsyncExitStack() as closing:
        name = closing.enter_context(copied_database(postgres, template))
        store = closing.enter_context(open_store((settings.data_dir / "objects").as_uri()))
        owner = closing.enter_context(psycopg.connect(postgres.dsn(dbname=name), autocommit=True))
        dsn = postgres.dsn(APP_ROLE, name)
        stack = Stack(
            settings, postgres.dsn(dbname=name), dsn, dsn, store, decoders, MEDIA_SECRET,
            open_registry(settings),
        )  # fmt: skip
        database = await closing.enter_async_context(stack.database(size=4))
        await set_limits(database, daily_limit=1000, max_open_jobs=1000, dedupe_open_jobs=False)
        picture = await stored_picture(database, store, user)
        app = create_app(stack, base_url="")
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        await until(lambda: server.started)
        try:
            yield Shop(stack, database, owner, sandbox, user, picture)
        finally:
            server.should_exit = True
            await serving


@pytest.fixture
async def shop(idle_shop) -> AsyncIterator[Shop]:
    """A shop with a worker in this process."""
    stopping = asyncio.Event()
    working = asyncio.create_task(run_worker(idle_shop.stack, stopping))
    try:
        yield idle_shop
    finally:
        stopping.set()
        await working
