"""A worker from start to graceful stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

from photoplay.config import Settings
from photoplay.db.changes import JobChanges
from photoplay.db.pool import Database
from photoplay.network.addresses import AddressPolicy
from photoplay.network.download import Downloader
from photoplay.network.guard import SystemResolver
from photoplay.network.sender import Sender
from photoplay.operations.follow_task import Pace
from photoplay.providers.builtin import LOCAL
from photoplay.providers.protocol import RemoteProvider
from photoplay.registry import Registry, Remote
from photoplay.stack import Stack
from photoplay.telemetry import get_logger
from photoplay.worker.drivers import Driver, Patience
from photoplay.worker.drivers.local import LocalDriver, Look
from photoplay.worker.drivers.remote import RemoteDriver
from photoplay.worker.engine import Engine
from photoplay.worker.follower import follow
from photoplay.worker.handler import JobHandler, lanes
from photoplay.worker.log_keeper import LogKeeper
from photoplay.worker.pictures import PictureFetcher
from photoplay.worker.render_pool import RenderPool
from photoplay.worker.sweep import Sweeper
from photoplay.worker.tools import Tools

DRAIN = timedelta(seconds=30)
"""How long a stopping worker lets its handlers finish before it hands their jobs back."""

_log = get_logger(__name__)


DriverSource = Callable[[Stack], AbstractAsyncContextManager[dict[str, Driver]]]


@asynccontextmanager
async def open_drivers(stack: Stack) -> AsyncGenerator[dict[str, Driver]]:
    """Give a driver for the built-in renderer and for every configured model, by name."""
    settings = stack.settings
    pool = RenderPool(settings.render_processes)
    look = Look(settings.depth_model, settings.depth_preset, settings.encoder)
    drivers: dict[str, Driver] = {
        LOCAL.provider: LocalDriver(pool, stack.store, settings.scratch_dir, look)
    }
    policy, resolver = AddressPolicy(settings.allowed_networks), SystemResolver()
    try:
        async with Sender(policy, resolver) as sender, Downloader(policy, resolver) as downloader:
            for name, remote in stack.registry.remotes.items():
                drivers[name] = RemoteDriver(
                    remote.provider,
                    remote.model,
                    sender=sender,
                    downloader=downloader,
                    store=stack.store,
                    scratch=settings.scratch_dir,
                    patience=_patience(settings, remote, stack.registry),
                    pace=_pace(settings, remote.provider),
                    public_url=settings.public_url,
                    sign=stack.sign_for_provider,
                )
            yield drivers
    finally:
        pool.close()
        resolver.close()


def _patience(settings: Settings, remote: Remote, registry: Registry) -> Patience:
    """Return how long things take at a provider, with the operator's settings applied."""
    limits = remote.provider.limits
    account = remote.provider.name
    return Patience(
        recovery_window=limits.recovery_window,
        result_lifetime=limits.result_lifetime,
        concurrency=settings.provider_concurrency.get(account, limits.concurrency),
        siblings=tuple(
            name for name, other in registry.remotes.items() if other.provider is remote.provider
        ),
    )


def _pace(settings: Settings, provider: RemoteProvider) -> Pace:
    limits = provider.limits
    shortest = _seconds(settings.poll_min_s) or limits.poll_min
    longest = _seconds(settings.poll_max_s) or limits.poll_max
    per_s = settings.provider_polls_per_s.get(provider.name, limits.polls_per_s)
    return Pace(provider.name, per_s, shortest, max(shortest, longest))


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


async def _pass(_: str) -> None:
    """Nothing happens at a phase boundary, except in tests."""


async def run_worker(
    stack: Stack,
    stopping: asyncio.Event,
    *,
    drivers: DriverSource = open_drivers,
    reach: Callable[[str], Awaitable[None]] = _pass,
) -> None:
    """Work until `stopping` is set, then finish what is held (up to `DRAIN`) and return.

    Args:
        drivers: opens the drivers by provider name for the worker's life.
        reach: called at every phase boundary with its name.
    """
    settings = stack.settings
    lifetime = timedelta(seconds=settings.lifetime_s)
    async with (
        stack.database(size=8, name="photoplay-worker") as database,
        LogKeeper(database),
        drivers(stack) as opened,
    ):
        tools = Tools(
            database=database,
            store=stack.store,
            decoders=stack.decoders,
            settings=settings,
            order=stack.registry.order,
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
            lifetime=lifetime,
        )
        engine = Engine(stack.direct_dsn, lanes(settings.render_processes), takeover=settings.lease)
        listening = asyncio.create_task(changes.run(), name="job-changes")
        sweeping = asyncio.create_task(sweeper.run(stopping), name="sweep")
        following = asyncio.create_task(follow(database, opened, lifetime, stopping), name="follow")
        working = asyncio.create_task(engine.run(handler, stopping), name="engine")
        _log.info(
            "worker.started", worker_id=str(handler.worker_id), providers=stack.registry.order
        )
        try:
            await stopping.wait()
            handler.stopping.set()
            await _drain(working)
        finally:
            listening.cancel()
            working.cancel()
            await asyncio.gather(listening, working, sweeping, following, return_exceptions=True)
            with contextlib.suppress(Exception):
                await sweeper.leave()
            _log.info("worker.stopped", worker_id=str(handler.worker_id))


async def _drain(working: asyncio.Task[None]) -> None:
    done, _ = await asyncio.wait({working}, timeout=DRAIN.total_seconds())
    if not done:
        # The handlers hand their jobs back when they are cancelled.
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
