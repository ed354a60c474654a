"""The engine: makes a handler run for a job, at a time, on one of the workers.

PgQueuer carries it; this is the only module that knows. The engine decides nothing about a job: a
work item is a wake-up with the job's id, every handler is harmless when run twice, and whoever holds
the newest lease may write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

import psycopg
from pgqueuer.adapters.persistence import qb
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.core.tm import TaskManager
from pgqueuer.domain.models import Job as Item
from pgqueuer.domain.models import TracebackRecord
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import JOB_STATUS
from pgqueuer.ports.driver import Driver, NotifyCallback
from psycopg import sql
from psycopg.rows import dict_row

from photoplay.db.pool import Connection, Database
from photoplay.telemetry import get_logger

Handler = Callable[[UUID, int, str], Awaitable[None]]
"""Called with the job's id, the work item's id and the lane's name."""

_SETTINGS = DBSettings(db_schema="photoplay", prefix="")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of work of a worker.

    Attributes:
        name: entry point of its work items.
        capacity: items this worker holds at once; what is beyond stays for other workers.
        batch: items claimed at once; at most half of the capacity.
    """

    name: str
    capacity: int
    batch: int


STEPS = "steps"
"""Short steps: a row, a request, a commit."""
RENDER = "render"
"""Work that fills a core for seconds; a worker takes no more of it than it can do at once."""


class _PoolDriver(Driver):
    """Runs the engine's statements on a pool and listens on a connection of its own.

    The library's own driver shares one connection between the two, so a statement waits for the
    notification reader.
    """

    def __init__(self, database: Database, listener: Connection) -> None:
        self._database = database
        self._listener = listener
        self._callbacks: dict[str, list[NotifyCallback]] = {}
        self._shutdown = asyncio.Event()
        self._tm = TaskManager()
        self._watching: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()

    @property
    def shutdown(self) -> asyncio.Event:
        return self._shutdown

    @property
    def tm(self) -> TaskManager:
        return self._tm

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        async with self._database.pool.connection() as connection:
            cursor = psycopg.AsyncRawCursor(connection, row_factory=dict_row)
            await cursor.execute(query.encode(), args or None)
            return cast("list[dict[str, object]]", await cursor.fetchall())

    async def execute(self, query: str, *args: object) -> str:
        async with self._database.pool.connection() as connection:
            cursor = psycopg.AsyncRawCursor(connection)
            await cursor.execute(query.encode(), args or None)
            return cursor.statusmessage or ""

    async def notify(self, channel: str, payload: str) -> None:
        await self.execute("select pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        self._callbacks.setdefault(channel, []).append(callback)
        await self._listener.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="engine-listener")

    async def _watch(self) -> None:
        try:
            while not self._shutdown.is_set():
                async for note in self._listener.notifies(timeout=1.0, stop_after=16):
                    for callback in list(self._callbacks.get(note.channel, ())):
                        callback(note.payload)
        except psycopg.Error:
            self.lost.set()

    async def __aenter__(self) -> _PoolDriver:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._shutdown.set()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        await self._tm.gather_tasks()


class _FencedQueries(Queries):
    """Finishes an item only for the worker that holds it.

    The library deletes by id alone, so a worker that was stopped and comes back would delete the
    item that its successor is using.
    """

    async def log_jobs(
        self, job_status: list[tuple[Item, JOB_STATUS, TracebackRecord | None]]
    ) -> None:
        await self.driver.execute(
            "delete from photoplay.pgqueuer item using unnest($1::bigint[], $2::uuid[]) as done (id, holder) "
            "where item.id = done.id and item.queue_manager_id = done.holder",
            [item.id for item, _, _ in job_status],
            [item.queue_manager_id for item, _, _ in job_status],
        )


class _Manager(QueueManager):
    async def verify_structure(self) -> None:
        """Trust the migrations; the library would ask some fifteen slow questions at each start."""


class Engine:
    """Runs handlers for the work items of some lanes until told to stop.

    Args:
        dsn: direct address of the database; LISTEN does not pass a transaction-mode pooler.
        lanes: the kinds of work this process takes.
        takeover: silence after which another worker takes an item over.
    """

    def __init__(self, dsn: str, lanes: Sequence[Lane], *, takeover: timedelta) -> None:
        self._dsn = dsn
        self._lanes = lanes
        self._takeover = takeover

    async def run(self, handler: Handler, stopping: asyncio.Event) -> None:
        """Run until `stopping` is set and every handler has returned.

        A lost database does not end it: it connects again, and what was lost on the way is taken
        over by time-out.
        """
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(
                    self._keep_lane(lane, handler, stopping), name=f"lane-{lane.name}"
                )

    async def _keep_lane(self, lane: Lane, handler: Handler, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self._run_lane(lane, handler, stopping)
            except Exception as error:  # noqa: BLE001 -- the edge of the loop: connect again
                _log.warning("engine.interrupted", lane=lane.name, error=type(error).__name__)
                await _either(stopping, seconds=1.0)

    async def _run_lane(self, lane: Lane, handler: Handler, stopping: asyncio.Event) -> None:
        database = Database(
            self._dsn,
            size=4,
            application_name=f"photoplay-{lane.name}",
            session_role="photoplay_worker",
        )
        async with database:
            listener = await database.connect(role="photoplay_worker")
            try:
                driver = _PoolDriver(database, listener)
                queries = _FencedQueries(
                    driver,
                    qbe=qb.QueryBuilderEnvironment(_SETTINGS),
                    qbq=qb.QueryQueueBuilder(_SETTINGS),
                    qbs=qb.QuerySchedulerBuilder(_SETTINGS),
                )
                manager = _Manager(queries)

                async def handle(item: Item) -> None:
                    await handler(UUID((item.payload or b"").decode()), int(item.id), lane.name)

                manager.entrypoint(lane.name, accepts_context=False)(handle)
                await self._drive(manager, driver, lane, stopping)
            finally:
                await listener.close()

    async def _drive(
        self, manager: QueueManager, driver: _PoolDriver, lane: Lane, stopping: asyncio.Event
    ) -> None:
        running = asyncio.create_task(
            manager.run(
                batch_size=lane.batch,
                max_concurrent_tasks=lane.capacity,
                dequeue_timeout=min(timedelta(seconds=2), self._takeover / 3),
                heartbeat_timeout=self._takeover,
                log_aggregation_interval=timedelta(0),
            )
        )
        signals = [asyncio.create_task(stopping.wait()), asyncio.create_task(driver.lost.wait())]
        try:
            await asyncio.wait({running, *signals}, return_when=asyncio.FIRST_COMPLETED)
            manager.shutdown.set()
            await running
        finally:
            for signal in signals:
                signal.cancel()
        if driver.lost.is_set():
            raise ConnectionError("the engine's listener lost its connection")


async def _either(event: asyncio.Event, *, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
