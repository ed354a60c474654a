"""Postgres dies, restarts, or goes away at the commit: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from photoplay import embedded
from photoplay.db.migrate import migrate
from photoplay.db.pool import Database, operator, writer
from photoplay.domain.errors import UnavailableError
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.invariants import check_invariants
from photoplay.operations.create_job import CreatedJob, NewJob, create_job
from photoplay.operations.set_limits import set_limits
from photoplay.stack import APP_ROLE, Stack, ensure_app_role
from photoplay.storage.objects import ObjectStore
from photoplay.worker.run import run_worker
from tests.conftest import until
from tests.support.clips import ClipDriver, make_clip
from tests.support.pictures import stored_picture

pytestmark = pytest.mark.xdist_group("database-faults")
JOBS = 30


async def with_patience(create: Callable[[], asyncio.Future[CreatedJob]]) -> CreatedJob:
    """Do what a client does: send the same again until there is an answer."""
    while True:
        try:
            return await create()
        except UnavailableError:
            await asyncio.sleep(0.05)


class Work:
    """A worker of this process on a server, with the drivers it opened."""

    def __init__(self, stack: Stack, clip: Path) -> None:
        self.stack = stack
        self.stopping = asyncio.Event()
        self._clip = clip
        self.driver: ClipDriver | None = None

    @asynccontextmanager
    async def _drivers(self, stack: Stack) -> AsyncGenerator[dict[str, ClipDriver]]:
        self.driver = ClipDriver(self._clip, stack.settings.scratch_dir)
        yield {"local": self.driver}

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        worker = asyncio.create_task(run_worker(self.stack, self.stopping, drivers=self._drivers))
        try:
            yield
        finally:
            self.stopping.set()
            await worker


def count(dsn: str, query: str) -> int | None:
    """Return a number from the database, None while it is away."""
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
    except psycopg.OperationalError:
        return None
    return row[0] if row else None


OPEN_JOBS = "select count(*) from public.video_jobs where status in ('queued', 'running')"
EVENTS = "select count(*) from photoplay.events"
KILL_ALL = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid()"
)


async def assert_everything_ended_whole(
    app_dsn: str, owner_dsn: str, store: ObjectStore, driver: ClipDriver, user: UUID
) -> None:
    with psycopg.connect(owner_dsn) as owner:
        statuses = owner.execute("select status from public.video_jobs").fetchall()
        # Whoever waited for the database longer than its lease to say that it sends, does not send.
        sent = owner.execute(
            "select count(*), count(distinct job_id) from photoplay.attempts"
            " where sent_at is not null and refusal is distinct from 'interrupted'"
        ).fetchone()
    assert Counter(s for (s,) in statuses) == {"succeeded": JOBS}
    # What was interrupted before it was sent may be begun again; nothing is sent twice.
    assert sent == (JOBS, JOBS)
    assert len(driver.submitted) == len(set(driver.submitted)) <= JOBS
    videos = [v async for v in store.list_objects(f"{user}/generated-videos/")]
    assert len([v for v in videos if v.key.endswith(".mp4")]) == JOBS
    async with Database(app_dsn, size=1) as database:
        assert not any((await check_invariants(database, store)).values())


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[embedded.EmbeddedPostgres]:
    """A server to be killed; its commits reach the operating system, which survives."""
    server = embedded.use(tmp_path / "own", settings={"fsync": "off"})
    migrate(server.dsn())
    ensure_app_role(server.dsn())
    yield server
    server.release()


@pytest.mark.fault(29)
async def test_every_job_ends_once_while_postgres_is_killed_and_restarted(
    own_server, settings, store, decoders, user, tmp_path
):
    owner_dsn, app_dsn = own_server.dsn(), own_server.dsn(APP_ROLE)
    stack = Stack(settings, owner_dsn, app_dsn, app_dsn, store, decoders, b"secret" * 8)
    work = Work(stack, make_clip(tmp_path / "clip.mp4"))
    async with Database(app_dsn, size=8) as database:
        await set_limits(database, daily_limit=100, max_open_jobs=100, dedupe_open_jobs=False)
        picture = await stored_picture(database, store, user)
        wish = NewJob(picture, MotionOptions(), "local")

        async def wish_for(n: int) -> CreatedJob:
            mine = replace(wish, key=f"key-{n}")
            return await with_patience(lambda: create_job(database, writer(user), mine))

        async def kill_backends() -> None:
            count(owner_dsn, KILL_ALL)

        async def signal_server(number: signal.Signals) -> None:
            victim = await until(lambda: own_server.pid)
            os.kill(victim, number)
            await until(lambda: own_server.pid not in {None, victim})

        faults = [
            kill_backends(),
            kill_backends(),
            signal_server(signal.SIGINT),  # as pg_ctl restart -m fast
            kill_backends(),
            signal_server(signal.SIGQUIT),  # as pg_ctl restart -m immediate
            kill_backends(),
            signal_server(signal.SIGKILL),
        ]
        async with work.running():
            wishes = [asyncio.create_task(wish_for(n)) for n in range(JOBS)]
            for fault in faults:
                before = count(owner_dsn, EVENTS) or 0
                await fault
                # The next fault comes when this one is survived: work goes on.
                await until(lambda b=before: (count(owner_dsn, EVENTS) or 0) > b + 3)
            made = await asyncio.gather(*wishes)
            await until(lambda: count(owner_dsn, OPEN_JOBS) == 0, within_s=60)
    assert len({job.id for job in made}) == JOBS
    assert work.driver is not None
    await assert_everything_ended_whole(app_dsn, owner_dsn, store, work.driver, user)
    assert count(owner_dsn, "select count from public.video_quota") == JOBS


@pytest.mark.fault(33)
async def test_without_notifications_everything_still_moves_by_polling(
    owner, owner_dsn, database, stack, store, user, tmp_path
):
    # The engine's wakes are never announced, and the listeners die twice on the way.
    owner.execute("drop trigger tg_pgqueuer_changed on photoplay.pgqueuer")
    await set_limits(database, daily_limit=100, max_open_jobs=100, dedupe_open_jobs=False)
    picture = await stored_picture(database, store, user)
    work = Work(stack, make_clip(tmp_path / "clip.mp4"))
    listeners = (
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and query ilike 'listen %'"
    )
    async with work.running():
        for n in range(3):
            await until(lambda: count(owner_dsn, listeners) == 3)
            if n:
                count(owner_dsn, f"{KILL_ALL} and query ilike 'listen %'")
            new = NewJob(picture, MotionOptions(), "local")
            await create_job(database, operator(user), new)
            await until(lambda: count(owner_dsn, OPEN_JOBS) == 0)
    statuses = owner.execute("select status from public.video_jobs").fetchall()
    assert statuses == [("succeeded",)] * 3
    assert not any((await check_invariants(database, store)).values())


# The connection breaks at the commit: whether it happened is not known (fault 30).


class Severing:
    """Stands between client and server and breaks one connection at its commit.

    Args:
        reached: whether the commit still reaches the server, and only its answer is lost.
    """

    def __init__(self, dsn: str, *, reached: bool) -> None:
        self._info = psycopg.conninfo.conninfo_to_dict(dsn)
        self._folder = tempfile.mkdtemp(prefix="pp-")
        self._reached = reached
        self.broken = 0

    @property
    def dsn(self) -> str:
        return psycopg.conninfo.make_conninfo(**{**self._info, "host": self._folder})

    async def __aenter__(self) -> Severing:
        port = self._info["port"]
        self._server_path = f"{self._info['host']}/.s.PGSQL.{port}"
        self._server = await asyncio.start_unix_server(
            self._serve, f"{self._folder}/.s.PGSQL.{port}"
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.to_thread(shutil.rmtree, self._folder)

    async def _serve(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self._server_path)
        answering = asyncio.create_task(self._forward(from_server, to_client))
        try:
            while data := await from_client.read(65536):
                if self.broken == 0 and b"commit\x00" in data.lower():
                    self.broken += 1
                    answering.cancel()
                    await asyncio.gather(answering, return_exceptions=True)
                    if self._reached:
                        to_server.write(data)
                        await from_server.readuntil(b"COMMIT\x00")
                    return
                to_server.write(data)
        finally:
            answering.cancel()
            for writer_ in (to_server, to_client):
                writer_.close()
                with contextlib.suppress(OSError):
                    await writer_.wait_closed()

    @staticmethod
    async def _forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)


@pytest.fixture(params=[True, False], ids=["committed", "not-committed"])
async def severing(request, app_dsn) -> AsyncIterator[Severing]:
    async with Severing(app_dsn, reached=request.param) as opened:
        yield opened


@pytest.mark.fault(30)
async def test_a_create_whose_commit_is_unknown_is_one_job_when_it_is_sent_again(
    request, severing, owner, database, store, user
):
    picture: Picture = await stored_picture(database, store, user)
    wish = NewJob(picture, MotionOptions(), "local", key="the same")
    was_committed = "not-committed" not in request.node.name
    async with Database(severing.dsn, size=1) as behind:
        with pytest.raises(UnavailableError) as lost:
            await create_job(behind, writer(user), wish)
        assert lost.value.retryable
        assert severing.broken == 1
        assert owner.execute("select count(*) from public.video_jobs").fetchone() == (
            int(was_committed),
        )
        again = await create_job(behind, writer(user), wish)
    assert again.replayed == was_committed
    for table in (
        "public.video_jobs",
        "photoplay.events",
        "photoplay.pgqueuer",
        "photoplay.quota_ledger",
    ):
        assert owner.execute(f"select count(*) from {table}").fetchone() == (1,), table
    assert owner.execute("select count from public.video_quota").fetchone() == (1,)
