"""Workers: the real handler, phases, drivers, follower and sweep, over everything made up."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, Final, cast
from uuid import UUID

from photoplay.config import Settings
from photoplay.db.changes import JobChanges
from photoplay.db.pool import WORKER
from photoplay.domain.errors import UnavailableError
from photoplay.domain.job import Job
from photoplay.network.errors import DownloadGoneError, DownloadInterruptedError
from photoplay.operations.add_image import NewImage, add_image
from photoplay.operations.follow_task import Pace
from photoplay.storage.errors import PictureError
from photoplay.worker import engine
from photoplay.worker.drivers import Driver, Patience
from photoplay.worker.drivers.local import LocalDriver, Look
from photoplay.worker.drivers.remote import RemoteDriver
from photoplay.worker.follower import follow
from photoplay.worker.handler import JobHandler
from photoplay.worker.render_pool import Clip, RenderFaultError
from photoplay.worker.sweep import Sweeper
from photoplay.worker.tools import Tools
from tests.simulation.book import Book
from tests.simulation.memory.database import MemoryDatabase
from tests.simulation.memory.tables import Row
from tests.simulation.provider import Provider
from tests.simulation.store import MemoryPath, MemoryStore, Objects
from tests.simulation.wire import Wire
from tests.simulation.world import Process, World

_LANES: Final = (engine.STEPS, engine.RENDER)
_POLL_S: Final = 30.0
"""A missed notification of the queue is made good after so long."""
_GRACE: Final = timedelta(seconds=90)
"""Between two sweeps lies half of it: what idle workers do costs most of the time of a life."""


@dataclass
class Site:
    """What the workers of a life find where they start."""

    world: World
    settings: Settings
    providers: Mapping[str, Provider]
    order: tuple[str, ...]
    concurrency: int | None
    book: Book
    objects: Objects
    workers: list[Worker]
    peace_at: float
    gone: str | None = None
    """A provider that is configured no longer, for workers that start from now on."""


class _Ordered(dict[Any, None]):
    """Stands for a set whose order would depend on addresses in memory."""

    def add(self, item: object) -> None:
        self[item] = None

    def discard(self, item: object) -> None:
        self.pop(item, None)


class _Waiting(dict[UUID, _Ordered]):
    def __missing__(self, job_id: UUID) -> _Ordered:
        self[job_id] = _Ordered()
        return self[job_id]


class _Renderer:
    """Stands for the pool of rendering processes."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def render(
        self, picture: MemoryPath, video: MemoryPath, spec: object, on_progress: Any
    ) -> Clip:
        world = self._process.world
        for fraction in (0.3, 0.7):
            await world.sleep(0.2, 4)
            await self._process.effect("render", quiet=True)
            on_progress(fraction)
        if world.dice.random() < world.weather.wire * 2:
            raise RenderFaultError("the child died")
        # The same wish makes the same bytes on every machine.
        video.write_bytes(b"render:" + picture.read_bytes())
        return Clip(1280, 720, 4.0, {"engine": "local"})


class Worker:
    """One worker process on a machine.

    Args:
        disk: the machine's; outlives the process.
    """

    def __init__(self, site: Site, name: str, disk: dict[str, bytes]) -> None:
        self.site = site
        self.disk = disk
        self.world = site.world
        self.process = Process(site.world, name)
        self.stopping = asyncio.Event()
        self.queue_changed = asyncio.Event()
        database: Any = MemoryDatabase(site.world.server, self.process)
        self._store: Any = MemoryStore(self.process, site.objects)
        worker_id = UUID(int=random.getrandbits(128))
        self.changes = JobChanges(database, role="photoplay_worker")
        self.changes._waiting = cast("Any", _Waiting())
        self._tools = Tools(
            database=database,
            store=self._store,
            decoders=cast("Any", None),
            settings=site.settings,
            order=site.order,
            drivers=self._drivers(),
            fetch_picture=self._fetch_picture,
            reach=self._reach,
        )
        self.handler = JobHandler(self._tools, self.changes, worker_id)
        lifetime = timedelta(seconds=site.settings.lifetime_s)
        self.sweeper = Sweeper(
            database,
            self._store,
            worker_id,
            grace=_GRACE,
            scratch=cast("Any", MemoryPath(disk)),
            lifetime=lifetime,
        )
        if site.world.dice.random() < 0.7:
            # Each tidies up when it starts, which says little when all of them do.
            self.sweeper._tidy_at = site.world.loop.time() + 600
        following = follow(database, self._tools.drivers, lifetime, self.stopping)
        self._loops = [
            self.process.begin(self.sweeper.run(self.stopping)),
            self.process.begin(following),
            self.process.begin(self._work()),
        ]
        self.handlers: dict[asyncio.Task[None], None] = {}

    async def _reach(self, boundary: str) -> None:
        await self.process.effect(boundary, danger=6.0)

    async def _fetch_picture(self, job: Job) -> UUID:
        """Stand for the download and the intake of a picture that was given by address."""
        await self.process.effect(f"fetch {job.source}")
        world = self.world
        if world.dice.random() < world.weather.wire * 2:
            raise world.dice.choice([DownloadInterruptedError("cut"), DownloadGoneError(404)])
        if world.dice.random() < world.weather.wire:
            raise PictureError
        content = f"picture at {job.source}".encode()
        number = UUID(int=random.getrandbits(128), version=4)
        path = f"{job.user_id}/source-images/{number}.jpg"
        self.site.objects.content[path] = content
        await self.process.effect("picture kept", quiet=True)
        new = NewImage(number, path, "image/jpeg", 80, 60, len(content), sha256(content).digest())
        return (await add_image(self._tools.database, WORKER, job.user_id, new))["id"]

    def _drivers(self) -> dict[str, Driver]:
        site, scratch = self.site, cast("Any", MemoryPath(self.disk))
        wire: Any = Wire(self.process, site.book)
        renderer: Any = _Renderer(self.process)
        drivers: dict[str, Driver] = {"local": LocalDriver(renderer, self._store, scratch, Look())}
        for name in site.order:
            provider = site.providers.get(name)
            if provider is None or name == site.gone:
                continue
            limits = provider.limits
            drivers[name] = RemoteDriver(
                provider,
                provider.model,
                sender=wire,
                downloader=wire,
                store=self._store,
                scratch=scratch,
                patience=Patience(
                    recovery_window=limits.recovery_window,
                    result_lifetime=limits.result_lifetime,
                    concurrency=site.concurrency,
                    siblings=(name,),
                ),
                pace=Pace(name, limits.polls_per_s, limits.poll_min, limits.poll_max),
                public_url="https://photoplay.sim",
                sign=_sign,
            )
        return drivers

    async def _work(self) -> None:
        """Stand for the engine: begin a handler for each work item that is due."""
        while not self.stopping.is_set():
            self.queue_changed.clear()
            if self._due():
                try:
                    await self.process.before("dequeue")
                except UnavailableError:
                    await asyncio.sleep(1)
                    continue
                await self._take()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_next()):
                    await self.queue_changed.wait()

    async def _take(self) -> None:
        async with self.world.server.turn:
            for item in self._due():
                item |= {"status": "picked", "holder": self}
                self.process.begin(self._handle(item["id"], item["job_id"], item["entrypoint"]))

    def _due(self) -> list[Row]:
        now = self.world.now()
        items = self.world.tables.items.values()
        return [i for i in items if i["entrypoint"] in _LANES and self._is_due(i, now)]

    def _is_due(self, item: Row, now: Any) -> bool:
        if item["status"] == "queued":
            return item["execute_after"] <= now
        return self.world.loop.time() >= self._silent_until(item)

    def _silent_until(self, item: Row) -> float:
        """Return when a picked item is taken over: its holder has been silent for so long."""
        process = item["holder"].process
        if not (process.is_dead or process.is_paused):
            return float("inf")
        return process.stopped_at + self.site.settings.lease_s

    def _until_next(self) -> float:
        left = _POLL_S
        for item in self.world.tables.items.values():
            if item["status"] == "queued":
                left = min(left, (item["execute_after"] - self.world.now()).total_seconds())
            elif item["holder"] is not self:
                left = min(left, self._silent_until(item) - self.world.loop.time())
        return max(left, 0.01)

    async def _handle(self, item_id: int, job_id: UUID, lane: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.handlers[task] = None
        try:
            await self.process.effect(f"wake {str(job_id)[:8]}")
            with contextlib.suppress(UnavailableError):
                await self.handler(job_id, item_id, lane)
            await self.process.effect("item done", quiet=True)
        finally:
            self.handlers.pop(task, None)
            self._finish(item_id)

    def _finish(self, item_id: int) -> None:
        """Delete the item, as the engine does whatever the handler raised; only its holder may."""
        item = self.world.tables.items.get(item_id)
        if item is not None and item["holder"] is self and not self.process.is_dead:
            del self.world.tables.items[item_id]

    async def stop(self) -> None:
        """Stop in good order: what is under way may end for a while, then it is handed back."""
        self.world.note(self.process.name, "told to stop")
        self.stopping.set()
        self.handler.stopping.set()
        self.queue_changed.set()
        if self.handlers:
            await asyncio.wait(list(self.handlers), timeout=30)
        for task in list(self.handlers):
            task.cancel()
        if self.handlers:
            await asyncio.wait(list(self.handlers), timeout=60)
        await asyncio.wait(self._loops, timeout=60)
        self.process.kill("stopped")


async def _sign(path: str) -> str:
    return f"https://photoplay.sim/media/{path}?signature=s"


def shim_of_time(world: World) -> SimpleNamespace:
    """Return what stands for the module `time` in this life."""
    return SimpleNamespace(
        monotonic=world.loop.time,
        time=lambda: world.now().timestamp(),
        clock_gettime=lambda _: world.loop.time(),
        CLOCK_MONOTONIC=1,
        CLOCK_BOOTTIME=7,
    )
