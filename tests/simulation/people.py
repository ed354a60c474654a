"""Users and operators: what they ask for, again, and take back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from photoplay.db.pool import ADMIN, writer
from photoplay.domain.errors import PhotoplayError, RequestError, UnavailableError
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.erase_user import erase_user
from photoplay.operations.pause_provider import pause_provider, resume_provider
from photoplay.operations.record_callback import find_attempt, record_callback
from photoplay.operations.requeue_job import requeue_job
from photoplay.operations.reset_quota import reset_quota
from photoplay.operations.resolve_submission import resolve_submission
from tests.simulation.book import Made
from tests.simulation.crew import Site
from tests.simulation.memory.database import MemoryDatabase
from tests.simulation.store import MemoryStore
from tests.simulation.world import Process

_TRIES = 6
Request = Callable[[Any, MemoryStore], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Wish:
    """One job that a user asks for.

    Attributes:
        at: seconds of the life.
        sends: how often the same request is sent, at about the same time.
        ends: what the user does to it later: cancel, erase, or nothing.
    """

    user: UUID
    number: int
    at: float
    key: str | None
    provider: str | None
    sends: int
    has_address: bool
    """The picture is not uploaded but named by its address."""
    ends: str
    ends_after: float


class People:
    """Everybody outside of the workers."""

    def __init__(self, site: Site, users: list[UUID]) -> None:
        self.site = site
        self.world = site.world
        self.users = users
        self.images: dict[UUID, UUID] = {}
        self.told: dict[tuple[UUID, str], UUID] = {}
        """The job that each key was answered with."""
        self.answers: list[str] = []
        self.created: list[tuple[UUID, UUID]] = []
        self.erased: list[UUID] = []
        self.callbacks = 0

    async def request(self, who: str, work: Request, *, tries: int = _TRIES) -> Any:
        """Carry a request out in a process of its own; sent again when no answer comes.

        Raises:
            PhotoplayError: the answer is a refusal, or there was none in all tries.
        """
        for _ in range(tries):
            process = Process(self.world, who, danger=0.5)
            database: Any = MemoryDatabase(self.world.server, process)
            store = MemoryStore(process, self.site.objects)
            task = process.begin(_serve(work(database, store)))
            await asyncio.wait([task])
            with contextlib.suppress(asyncio.CancelledError, UnavailableError):
                return task.result()
            await self.world.sleep(0.1, 8)
        raise UnavailableError

    async def live(self, wish: Wish) -> None:
        """Ask for a job, perhaps more than once, and do with it what the wish says."""
        await asyncio.sleep(wish.at)
        jobs = await asyncio.gather(*(self._ask(wish) for _ in range(wish.sends)))
        known = [job for job in jobs if job is not None]
        if wish.ends == "nothing" or not known:
            return
        await asyncio.sleep(wish.ends_after)
        work = self._cancel if wish.ends == "cancel" else self._erase
        with contextlib.suppress(PhotoplayError):
            await self.request("user", lambda d, s: work(d, s, wish.user, known[0]))

    async def _ask(self, wish: Wish) -> UUID | None:
        picture = Picture(image_id=self.images[wish.user])
        if wish.has_address:
            picture = Picture(url="https://pictures.example/1.jpg")
        options = MotionOptions(duration_s=4.0, provider=wish.provider)
        provider = wish.provider or self.site.order[0]
        known = self.site.providers.get(provider)
        estimate = 1.0 if known is None or known.model.price is not None else None
        new = NewJob(
            picture,
            options,
            provider,
            prompt=f"wish {wish.number}",
            key=wish.key,
            estimate_usd=0.0 if provider == "local" else estimate,
        )
        overdue = self.site.settings.overdue_after
        try:
            made = await self.request(
                "user",
                lambda d, _: create_job(d, writer(wish.user), new, overdue_after=overdue),
            )
        except PhotoplayError as error:
            self.answers.append(error.code)
            return None
        self.answers.append("replayed" if made.replayed else "created")
        if wish.key is not None:
            first = self.told.setdefault((wish.user, wish.key), made.id)
            if first != made.id:
                self.world.break_rule(f"I1: {wish.key} was answered with {first} and {made.id}")
        if not made.duplicate:
            self.created.append((wish.user, made.id))
        return made.id

    async def _cancel(self, database: Any, _: MemoryStore, user: UUID, job_id: UUID) -> None:
        await cancel_job(database, writer(user), job_id)

    async def _erase(self, database: Any, store: MemoryStore, user: UUID, job_id: UUID) -> None:
        paths = await erase_job(database, writer(user), job_id)
        self.erased.append(job_id)
        await store.delete(paths)

    async def operate(self) -> None:
        """Do one thing that an operator may do, to anybody."""
        dice = self.world.dice
        act = dice.choice(
            ["requeue", "resolve", "resolve", "reset", "pause", "resume", "erase user"]
        )
        with contextlib.suppress(PhotoplayError):
            await self.request("operator", getattr(self, f"_{act.replace(' ', '_')}"), tries=1)

    def _some_job(self) -> UUID:
        jobs = list(self.world.tables.jobs)
        return self.world.dice.choice(jobs) if jobs else UUID(int=0)

    async def _requeue(self, database: Any, _: MemoryStore) -> None:
        await requeue_job(database, self._some_job(), actor="sim")

    async def _resolve(self, database: Any, _: MemoryStore) -> None:
        """Tell the truth about an unresolved submission, as an operator looks it up."""
        now = self.world.loop.time()
        for attempt in self.world.tables.attempts.values():
            if attempt["status"] in {"unknown", "lost"} and attempt["charged"] is None:
                made = self.site.book.of_handle.get(attempt["id"].hex)
                since = (self.world.now() - attempt["sent_at"]).total_seconds()
                if made is None and since < 100:
                    continue
                task_id = made.id if made is not None and now > made.seen_at else None
                if made is not None and task_id is None:
                    continue
                await resolve_submission(
                    database, attempt["job_id"], task_id=task_id, actor="sim", n=attempt["n"]
                )
                return

    async def _reset(self, database: Any, _: MemoryStore) -> None:
        await reset_quota(database, self.world.dice.choice(self.users), actor="sim")

    async def _pause(self, database: Any, _: MemoryStore) -> None:
        await pause_provider(database, self.site.order[0], actor="sim")

    async def _resume(self, database: Any, _: MemoryStore) -> None:
        await resume_provider(database, self.site.order[0], actor="sim")

    async def _erase_user(self, database: Any, store: MemoryStore) -> None:
        if self.world.dice.random() < 0.5:
            return
        mine = [j for u, j in self.created if u == self.users[-1]]
        erased = await erase_user(database, self.users[-1], actor="sim")
        self.erased += mine
        await store.delete(erased.paths)

    async def resume_all(self) -> None:
        """End what operators paused; whoever gets no answer comes again."""
        for name, row in list(self.world.tables.providers.items()):
            if row["paused_at"] is not None:
                with contextlib.suppress(UnavailableError):
                    await self.request(
                        "operator", lambda d, _, name=name: resume_provider(d, name, actor="sim")
                    )

    def call_back(self, address: str, made: Made) -> None:
        """Plan a provider's callbacks for a task: none, one, many, early, late, mistaken, or never."""
        dice, loop = self.world.dice, self.world.loop
        token = address.rpartition("/")[2]
        ends_in = 5.0 if made.ends_at is None else made.ends_at - loop.time()
        times = [ends_in + dice.choice([0, 0.1, 3, 90]) for _ in range(dice.choice([0, 1, 1, 3]))]
        if dice.random() < 0.2:
            times.append(dice.uniform(0, 0.3))
        for delay in times:
            process = Process(self.world, "callback", danger=0.5)
            is_mistaken = dice.random() < self.world.weather.wire
            task_id = f"{made.provider}-none" if is_mistaken else made.id
            loop.call_later(delay, self._deliver, process, token, task_id)

    def _deliver(self, process: Process, token: str, task_id: str) -> None:
        self.callbacks += 1
        process.begin(self._called(process, token, task_id))

    async def _called(self, process: Process, token: str, task_id: str) -> None:
        database: Any = MemoryDatabase(self.world.server, process)
        with contextlib.suppress(UnavailableError, RequestError):
            attempt = await find_attempt(database, token)
            if attempt is not None:
                await record_callback(database, attempt, task_id)


async def _serve(work: Awaitable[Any]) -> Any:
    return await work


ADMIN_SCOPE = ADMIN
