"""A worker from start to graceful stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

from photoplay.db.changes import JobChanges
from photoplay.db.pool import Database
from photoplay.stack import Stack
from photoplay.telemetry import get_logger
from photoplay.worker.drivers import Driver
from photoplay.worker.drivers.local import LocalDriver
from photoplay.worker.engine import Engine
from photoplay.worker.handler import JobHandler, lanes
from photoplay.worker.pictures import PictureFetcher
from photoplay.worker.render_pool import RenderPool
from photoplay.worker.sweep import Sweeper
from photoplay.worker.tools import Tools

DRAIN = timedelta(seconds=30)
"""How long a stopping worker lets its handlers finish before it hands their jobs back."""

_log = get_logger(__name__)


DriverSource = Callable[[Stack], AbstractAsyncContextManager[dict[str, Driver]]]


@asynccontextmanager
async def local_drivers(stack: Stack) -> AsyncGenerator[dict[str, Driver]]:
    """Give the drivers of this release, with the children they need."""
    settings = stack.settings
    pool = RenderPool(settings.render_processes)
    try:
        yield {"local": LocalDriver(pool, stack.store, settings.scratch_dir, settings.depth_model)}
    finally:
        pool.close()


async def _pass(_: str) -> None:
    """Nothing happens at a phase boundary, except in tests."""


async def run_worker(
    stack: Stack,
    stopping: asyncio.Event,
    *,
    drivers: DriverSource = local_drivers,
    reach: Callable[[str], Awaitable[None]] = _pass,
) -> None:
    """Work until `stopping` is set, then finish what is held (up to `DRAIN`) and return.

    Args:
        drivers: opens the drivers by provider name for the worker's life.
        reach: called at every phase boundary with its name.
    """
    settings = stack.settings
    async with (
        stack.database(size=8, name="photoplay-worker") as database,
        drivers(stack) as opened,
    ):
        tools = Tools(
            database=database,
            store=stack.store,
            decoders=stack.decoders,
            settings=settings,
            drivers=opened,
            fetch_picture=PictureFetcher(stack.intake(database), settings).fetch,
            reach=reach,
        )
        direct = Database(stack.direct_dsn, size=1, application_name="photoplay-changes")
        changes = JobChanges(direct, role="photoplay_worker")
        handler = JobHandler(tools, changes)
        sweeper = Sweeper(
            database,
            stack.store,
            handler.worker_id,
            grace=max(settings.lease, timedelta(seconds=2)),
            scratch=settings.scratch_dir,
            lifetime=timedelta(seconds=settings.lifetime_s),
        )
        engine = Engine(stack.direct_dsn, lanes(settings.render_processes), takeover=settings.lease)
        listening = asyncio.create_task(changes.run(), name="job-changes")
        sweeping = asyncio.create_task(sweeper.run(stopping), name="sweep")
        working = asyncio.create_task(engine.run(handler, stopping), name="engine")
        _log.info("worker.started", worker_id=str(handler.worker_id), providers=settings.providers)
        try:
            await stopping.wait()
            handler.stopping.set()
            await _drain(working)
        finally:
            listening.cancel()
            working.cancel()
            await asyncio.gather(listening, working, sweeping, return_exceptions=True)
            with contextlib.suppress(Exception):
                await sweeper.leave()
            _log.info("worker.stopped", worker_id=str(handler.worker_id))


async def _drain(working: asyncio.Task[None]) -> None:
    done, _ = await asyncio.wait({working}, timeout=DRAIN.total_seconds())
    if not done:
        # The handlers hand their jobs back when they are cancelled.
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
