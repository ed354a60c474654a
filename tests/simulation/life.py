"""One life: everything that a seed decides, until all has come to rest, and the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from unittest import mock
from uuid import UUID

import structlog

from photoplay.config import Settings, load_settings
from photoplay.worker import transfer
from tests.simulation import store
from tests.simulation.adopted import adopt_job
from tests.simulation.book import Book
from tests.simulation.crew import Site, Worker, shim_of_time
from tests.simulation.judge import Judge
from tests.simulation.loop import StandstillError
from tests.simulation.memory.rules import OPEN_ATTEMPT
from tests.simulation.memory.tables import Change, everybody
from tests.simulation.people import People, Wish
from tests.simulation.provider import providers
from tests.simulation.store import Objects
from tests.simulation.world import CALM, Weather, World

_FAIR: Final = Weather(
    kill=0.006,
    pause=0.006,
    slow=0.02,
    race=0.006,
    lost_before=0.008,
    lost_after=0.008,
    wire=0.03,
    store=0.04,
)
_ORDERS: Final = (
    ("alpha",),
    ("beta",),
    ("gamma",),
    ("alpha", "beta"),
    ("gamma", "alpha"),
    ("beta", "gamma", "alpha"),
    ("alpha", "local"),
    ("local",),
)
_WITH_CLOCK: Final = (
    "photoplay.worker.sweep",
    "photoplay.worker.phases.storing",
    "photoplay.worker.phases.submitting",
)
_WITH_NUMBERS: Final = (
    "photoplay.operations.create_job",
    "photoplay.worker.phases.preparing",
)
_LOOK_S: Final = 20.0
_REST_S: Final = 3 * 3600.0
"""Long enough after the peace for every window and lifetime."""


@dataclass
class Result:
    """What a life was.

    Attributes:
        ends: of its jobs, by status or failure code.
        broken: step and rule.
    """

    seed: int
    steps: int = 0
    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, str]] = field(default_factory=list)


@cache
def _settings(lifetime_s: int, policy: str, attempts: int, days: int | None) -> Settings:
    with tempfile.TemporaryDirectory() as folder:
        made = load_settings(data_dir=Path(folder))
    return made.model_copy(
        update={
            "lifetime_s": lifetime_s,
            "lost_policy": policy,
            "max_attempts": attempts,
            "overdue_s": 120,
            "lease_s": 30.0,
            "retention_days": days,
        }
    )


class Life:
    """Builds a life from its seed.

    Args:
        calm: nothing goes wrong, and every task brings its video.
    """

    def __init__(
        self, seed: int, *, calm: bool = False, trace: Callable[[str], None] | None = None
    ) -> None:
        random.seed(f"code {seed}")
        dice = random.Random(f"plan {seed}")
        weather = CALM if calm else _FAIR.times(dice.choice([0.2, 0.5, 1.0, 1.0, 2.5]))
        peace_at = 0.0 if calm else dice.choice([20.0, 60.0, 200.0, 600.0])
        self.seed = seed
        self.calm = calm
        self.dice = dice
        self.world = World(seed, weather, peace_at, trace)
        known = providers()
        self.site = Site(
            world=self.world,
            settings=_settings(
                dice.choice([400, 400, 1500]),
                dice.choice(["fail", "fail", "retry"]),
                dice.choice([2, 9]),
                None if calm else dice.choice([None] * 7 + [1]),
            ),
            providers=known,
            order=dice.choice(_ORDERS),
            concurrency=dice.choice([None, None, 1, 2]),
            book=Book(self.world, known),
            objects=Objects({}, []),
            workers=[],
            peace_at=peace_at,
        )
        users = [UUID(int=dice.getrandbits(128), version=4) for _ in range(dice.choice([1, 1, 2]))]
        self.people = People(self.site, users)
        self.judge = Judge(self.site, self.people)
        self.site.book.rules = self.judge.at_submission
        self.site.book.call_back = self.people.call_back
        self.world.on_commit.append(self._tell)
        self._started = 0
        self._furnish(users)

    def _furnish(self, users: list[UUID]) -> None:
        tables, dice = self.world.tables, self.dice
        # Where a price is not known, a cap lets nothing be asked for.
        has_cap = not self.calm and "gamma" not in self.site.order and dice.random() < 0.5
        cap = dice.choice(["1.5", "4"]) if has_cap else None
        total = dice.choice([None, "2", "5"]) if has_cap else None
        tables.limits[None] = everybody(
            daily_limit=dice.choice([2, 5, 20]),
            max_open_jobs=dice.choice([1, 3, 5]),
            daily_spend_usd=Decimal(cap) if cap else None,
            total_daily_spend_usd=Decimal(total) if total else None,
        )
        for user in users:
            image = UUID(int=dice.getrandbits(128), version=4)
            path = f"{user}/source-images/{image}.jpg"
            tables.images[image] = {
                "id": image,
                "created_at": self.world.now(),
                "user_id": user,
                "path": path,
                "width": 800,
                "height": 600,
                "bytes": 7,
                "sha256": b"-",
            }
            self.site.objects.content[path] = f"picture {user}".encode()
            self.people.images[user] = image
        if not self.calm and dice.random() < 0.1:
            adopt_job(self.site, dice.choice(users), dice)

    def _tell(self, change: Change) -> None:
        """Tell listeners what changed; now and then a notification is lost."""
        for worker in self.site.workers:
            if worker.process.is_dead:
                continue
            if change.has_queued and self._hears():
                worker.queue_changed.set()
            for job_id in change.changed_jobs:
                if job_id in worker.changes._waiting and self._hears():
                    worker.changes._wake({job_id})

    def _hears(self) -> bool:
        return self.world.weather is CALM or self.world.dice.random() > 0.05

    def _start(self, disk: dict[str, bytes]) -> None:
        self._started += 1
        worker = Worker(self.site, f"worker-{self._started}", disk)
        worker.process.on_death.append(lambda: self._start_again(worker))
        self.site.workers.append(worker)

    def _start_again(self, dead: Worker) -> None:
        dice = self.world.dice
        disk: dict[str, bytes] = {} if dice.random() < 0.2 else dead.disk
        delay = dice.choice([0.5, 3, 30]) * dice.uniform(0.5, 1.5)
        self.world.loop.call_later(delay, self._start, disk, context=contextvars.Context())

    def wishes(self) -> list[Wish]:
        """Return what users ask for."""
        dice, asked = self.dice, []
        for number in range(dice.choice([1, 1, 2, 3])):
            ends = "nothing" if self.calm else dice.choice(["nothing"] * 4 + ["cancel", "erase"])
            asked.append(
                Wish(
                    user=dice.choice(self.people.users),
                    number=number,
                    at=dice.choice([0, 1, 30]) * dice.random(),
                    key=f"key-{number}" if dice.random() < 0.7 else None,
                    provider=dice.choice([None, None, None, *self.site.order]),
                    sends=dice.choice([1, 1, 1, 2, 3]),
                    has_address=dice.random() < 0.15,
                    ends=ends,
                    ends_after=dice.choice([0, 2, 20, 120]) * dice.random(),
                )
            )
        return asked

    async def live(self) -> None:
        """Let everything happen, and return when it has come to rest."""
        dice, world = self.dice, self.world
        for _ in range(dice.choice([1, 1, 2, 3])):
            self._start({})
        acts = [asyncio.create_task(self.people.live(wish)) for wish in self.wishes()]
        if not self.calm:
            acts += [asyncio.create_task(self._meddle()) for _ in range(dice.choice([0, 1, 3]))]
        await asyncio.gather(*acts)
        deadline = world.peace_at + _REST_S
        while not self._rests() and world.loop.time() < deadline:
            await asyncio.sleep(_LOOK_S)
            if world.weather is CALM:
                await self.people.resume_all()
        world.peace_at = world.outage_until = 0.0
        if self.site.settings.retention_days is not None:
            await self._outlive(self.site.settings.retention_days)
        if self.world.tables.erased_objects:
            # Whatever came back late is removed again.
            await asyncio.create_task(self._tidy())

    async def _outlive(self, days: int) -> None:
        """Let everything stand still until all that is kept for days is past its time, and start again."""
        for worker in self.site.workers:
            worker.process.on_death.clear()
            worker.process.kill("switched off")
        await asyncio.sleep(days * 86_400)
        self._start({})
        await asyncio.create_task(self._tidy())
        deadline = self.world.loop.time() + _REST_S
        while not self._rests() and self.world.loop.time() < deadline:
            await asyncio.sleep(_LOOK_S)

    async def _tidy(self) -> None:
        """Have a worker tidy up, as each does now and then."""
        await asyncio.sleep(1)
        while not (alive := [w for w in self.site.workers if not w.process.is_dead]):
            await asyncio.sleep(_LOOK_S)
        await alive[0].process.begin(alive[0].sweeper.tidy())

    async def _meddle(self) -> None:
        """Do something to a worker, or let an operator act."""
        await asyncio.sleep(self.dice.random() ** 2 * self.world.peace_at)
        roll = self.world.dice.random()
        if roll < 0.1:
            self.world.note("database", "goes away")
            self.world.outage_until = self.world.loop.time() + self.world.dice.choice([1, 20, 100])
            return
        if roll < 0.15:
            await self._reconfigure()
            return
        alive = [w for w in self.site.workers if not w.process.is_dead]
        if roll < 0.4 or not alive:
            await self.people.operate()
            return
        worker = self.world.dice.choice(alive)
        if roll < 0.6:
            worker.process.kill()
        elif roll < 0.8:
            worker.process.pause(self.world.dice.choice([3, 20, 60, 200]))
        else:
            await worker.stop()

    async def _reconfigure(self) -> None:
        """Take a provider out of the configuration, and start every worker again."""
        self.site.gone = self.world.dice.choice(self.site.order)
        self.world.note("operator", f"takes {self.site.gone} out")
        old = [w for w in self.site.workers if not w.process.is_dead]
        await asyncio.gather(*(worker.stop() for worker in old))

    def _rests(self) -> bool:
        tables = self.world.tables
        return (
            not any(job["finished_at"] is None for job in tables.jobs.values())
            and not any(a["status"] in OPEN_ATTEMPT for a in tables.attempts.values())
            and not any(job["erased_at"] is not None for job in tables.jobs.values())
            and not any(row["removed_at"] is None for row in tables.erased_objects.values())
            and not any(
                w.process.is_paused or w.handlers
                for w in self.site.workers
                if not w.process.is_dead
            )
        )

    def run(self) -> Result:
        """Live, and judge."""
        world, result = self.world, Result(self.seed)
        current.begin(self)
        try:
            world.loop.run_until_complete(self.live())
            self.judge.at_end()
        except StandstillError:
            world.break_rule("I4: everything waits for ever")
        except Exception as error:
            world.break_rule(f"unexpected: {error!r}")
        finally:
            self._put_away()
        for error in world.loop.failures:
            world.break_rule(f"unexpected: {error!r}")
        result.broken = world.broken
        result.steps = world.step
        result.seconds = world.loop.time()
        self._count(result)
        return result

    def _put_away(self) -> None:
        for worker in self.site.workers:
            worker.process.on_death.clear()
            worker.process.kill("over")
        loop = self.world.loop
        left = [t for t in asyncio.all_tasks(loop) if not t.done()]
        for task in left:
            task.cancel()
        with contextlib.suppress(StandstillError):
            if left:
                loop.run_until_complete(asyncio.wait(left))
        loop.close()

    def _count(self, result: Result) -> None:
        for job in self.world.tables.jobs.values():
            failure = job["failure"]
            result.ends[failure["code"] if failure else job["status"]] += 1
        result.ends["erased"] += len(self.world.tables.erased_jobs)
        result.counts["attempts"] += len(self.world.tables.attempts)
        result.counts["tasks made"] += len(self.site.book.tasks)
        result.counts["submissions arrived"] += sum(self.site.book.arrived.values())
        result.counts["starts of workers"] += self._started
        result.counts["callbacks"] += self.people.callbacks
        result.counts.update(f"answer {a}" for a in self.people.answers)


class _Current:
    """The life whose clock and numbers the modules are given."""

    def __init__(self) -> None:
        self.time: Any = None

    def begin(self, life: Life) -> None:
        self.time = shim_of_time(life.world)


current = _Current()


class _Time:
    def __getattr__(self, name: str) -> Any:
        return getattr(current.time, name)


def _uuid4() -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


@contextlib.contextmanager
def simulated() -> Generator[None]:
    """Give the product's modules made-up time, numbers and media while lives are run."""
    before = structlog.get_config()
    structlog.configure(
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(50),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    with contextlib.ExitStack() as stack:
        for name in _WITH_CLOCK:
            stack.enter_context(mock.patch.object(import_module(name), "time", _Time()))
        for name in _WITH_NUMBERS:
            stack.enter_context(mock.patch.object(import_module(name), "uuid4", _uuid4))
        for name in ("prepare_video", "inspect_video", "make_poster"):
            stack.enter_context(mock.patch.object(transfer, name, getattr(store, name)))
        try:
            yield
        finally:
            structlog.configure(**before)
