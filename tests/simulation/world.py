"""What all processes of a life share: time, dice, the database, and who may go on."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from photoplay.db.errors import ContentionError, RaceLostError
from photoplay.db.pool import Scope
from photoplay.domain.errors import UnavailableError
from tests.simulation.loop import VirtualLoop
from tests.simulation.memory.database import Server
from tests.simulation.memory.tables import Change, Tables

BEGINNING: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_STANDING_STILL_S: Final = 10.0
"""A transaction that stands still for so long is ended by the server."""
_CONNECTING_S: Final = 5.0
_process: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


@dataclass(frozen=True, slots=True)
class Weather:
    """How likely it is that something happens at one effect."""

    kill: float = 0.0
    pause: float = 0.0
    slow: float = 0.0
    race: float = 0.0
    """The transaction loses to another one."""
    lost_before: float = 0.0
    lost_after: float = 0.0
    """The connection is lost after the commit."""
    wire: float = 0.0
    """Something happens to a request to a provider."""
    store: float = 0.0

    def times(self, factor: float) -> Weather:
        return Weather(*(getattr(self, f.name) * factor for f in fields(self)))


CALM: Final = Weather()


class Broken(Exception):
    """A rule that must hold at every moment does not."""


class World:
    """One life.

    Args:
        seed: decides everything that happens.
        weather: until `peace_at`, in seconds of the life; then everything works.
        trace: called with each step; None when nobody reads it.
    """

    def __init__(
        self,
        seed: int,
        weather: Weather,
        peace_at: float,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.dice = random.Random(f"life {seed}")
        self.loop = VirtualLoop(random.Random(f"order {seed}"))
        self.loop.set_task_factory(_born)
        self.tables = Tables()
        self.server = Server(self.tables, self._begin, self._committed)
        self.peace_at = peace_at
        self.step = 0
        self.trace = trace
        self.outage_until = 0.0
        """The database answers nobody before that."""
        self.broken: list[tuple[int, str]] = []
        """What broke which rule, and at which step."""
        self.on_commit: list[Callable[[Change], None]] = []
        self._weather = weather

    @property
    def weather(self) -> Weather:
        return CALM if self.loop.time() >= self.peace_at else self._weather

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.loop.time())

    def note(self, who: str, what: str) -> None:
        """Count a step."""
        self.step += 1
        if self.trace is not None:
            self.trace(f"{self.step:6} {self.loop.time():10.3f}  {who:9} {what}")

    def break_rule(self, text: str) -> None:
        """Write down that a rule is broken, where it happens."""
        self.broken.append((self.step, text))
        if self.trace is not None:
            self.trace(f"{self.step:6} BROKEN: {text}")

    def _begin(self, scope: Scope) -> Change:
        return Change(self.tables, scope, self.now, self.dice)

    def _committed(self, change: Change) -> None:
        if change.is_changed:
            for tell in self.on_commit:
                tell(change)

    async def sleep(self, least: float, most: float) -> None:
        await asyncio.sleep(self.dice.uniform(least, most))


class Process:
    """Somebody whose effects happen one by one, until killed.

    A killed process has no effect any more; its tasks are cancelled, so that they go away.
    """

    def __init__(self, world: World, name: str, *, danger: float = 1.0) -> None:
        self.world = world
        self.name = name
        self.danger = danger
        self.is_dead = False
        self.stopped_at = 0.0
        """When it was last heard of, for a dead or paused one."""
        self.on_death: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._paused_until = 0.0

    @property
    def is_paused(self) -> bool:
        return self.world.loop.time() < self._paused_until

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something, and all that it starts, as this process."""
        return self.world.loop.create_task(work, context=self._context())

    def _context(self) -> contextvars.Context:
        context = contextvars.copy_context()
        context.run(_process.set, self)
        return context

    def kill(self, why: str = "killed") -> None:
        if self.is_dead:
            return
        self.is_dead = True
        if not self.is_paused:
            self.stopped_at = self.world.loop.time()
        self.world.note(self.name, why)
        for task in self._tasks:
            task.cancel()
        for tell in self.on_death:
            tell()

    def pause(self, seconds: float) -> None:
        if not self.is_paused:
            self.stopped_at = self.world.loop.time()
        self._paused_until = max(self._paused_until, self.world.loop.time() + seconds)
        self.world.note(self.name, f"paused for {seconds:.1f} s")

    async def before(self, what: str) -> None:
        await self.effect(what)
        await self._need_database()
        weather = self.world.weather
        self._maybe_lost(weather.lost_before * self.danger, "no connection")
        if weather.race and self.world.dice.random() < weather.race * self.danger:
            self.world.note(self.name, "lost a race")
            raise RaceLostError

    async def within(self, what: str) -> None:
        if self.is_paused:
            await self.world.sleep(_STANDING_STILL_S, _STANDING_STILL_S)
            if self.is_paused:
                raise ContentionError
        await self.effect(what, quiet=what == "commit", longest=5.0)
        await self._need_database()
        self._maybe_lost(self.world.weather.lost_before * self.danger, "connection lost")

    async def after(self, what: str) -> None:
        await self.effect(what, quiet=True)
        self._maybe_lost(self.world.weather.lost_after * self.danger, f"answer lost: {what}")

    async def _need_database(self) -> None:
        left = self.world.outage_until - self.world.loop.time()
        if left > 0:
            await asyncio.sleep(min(left, _CONNECTING_S))
            self.world.note(self.name, "the database is away")
            raise UnavailableError(code="database_unavailable")

    def _maybe_lost(self, chance: float, how: str) -> None:
        if chance and self.world.dice.random() < chance:
            self.world.note(self.name, how)
            raise UnavailableError(code="database_unavailable")

    async def effect(
        self, what: str, *, quiet: bool = False, longest: float = 90.0, danger: float = 1.0
    ) -> None:
        """Come before or after something that others can see: here a process may end, stop, or wait.

        Args:
            quiet: do not count it as a step.
            longest: pause at most, in seconds.
            danger: how much likelier than elsewhere it is that the process ends or stops here.
        """
        world = self.world
        await self.go_on()
        if not quiet:
            world.note(self.name, what)
        weather, roll = world.weather, world.dice.random()
        if weather is not CALM:
            roll = await self._suffer(weather, roll, longest, danger * self.danger)
        if roll > 0.8:
            await asyncio.sleep((roll - 0.8) * 0.1)
            await self.go_on()

    async def _suffer(self, weather: Weather, roll: float, longest: float, danger: float) -> float:
        """Let happen what the roll says; return another roll where something did."""
        kill = weather.kill * danger
        pause = kill + weather.pause * danger
        slow = pause + weather.slow * self.danger
        if roll >= slow:
            return roll
        if roll < kill:
            self.kill()
        elif roll < pause:
            self.pause(self.world.dice.uniform(0.2, longest))
        else:
            await self.world.sleep(0.1, longest)
        await self.go_on()
        return 0.0

    async def go_on(self) -> None:
        """Wait while this process is paused; a dead one gets no further."""
        while True:
            if self.is_dead:
                raise asyncio.CancelledError
            left = self._paused_until - self.world.loop.time()
            if left <= 0:
                return
            await asyncio.sleep(left)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        if len(self._tasks) > 64:
            self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(task)
        if self.is_dead:
            task.cancel()


def _born(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    """Make a task of the process that starts it."""
    task = asyncio.Task(work, loop=loop, **options)
    context = options.get("context")
    process = context.get(_process) if context is not None else _process.get()
    if process is not None:
        process.adopt(task)
    return task
