"""The same operations on Postgres and on the memory that stands for it: same answers, same tables."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from unittest import mock
from uuid import UUID

import psycopg

from photoplay.db.pool import ADMIN, WORKER, Database, writer
from photoplay.domain.capability import Capability, fit
from photoplay.domain.errors import PhotoplayError
from photoplay.domain.fingerprint import Picture
from photoplay.domain.job import Job, video_path
from photoplay.domain.options import MotionOptions, OptionDefaults
from photoplay.domain.outcomes import FailureCode, Succeeded
from photoplay.domain.states import AttemptStatus, Phase
from photoplay.operations.begin_attempt import NewAttempt, begin_attempt, begin_preparing
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.claim_job import claim_job, release_job, renew_lease
from photoplay.operations.create_job import NewJob, create_job, replay_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.erase_user import erase_user
from photoplay.operations.follow_task import Pace, follow_task, slow_polls, take_polls
from photoplay.operations.pause_provider import pause_provider, resume_provider
from photoplay.operations.record_callback import find_attempt, record_callback
from photoplay.operations.record_progress import record_progress
from photoplay.operations.record_submission import (
    mark_sent,
    record_acceptance,
    record_late_acceptance,
    record_unknown,
)
from photoplay.operations.requeue_job import requeue_job
from photoplay.operations.reset_quota import reset_quota
from photoplay.operations.resolve_submission import resolve_submission
from photoplay.operations.set_limits import set_limits
from photoplay.operations.settle_attempt import (
    StoredVideo,
    keep_result,
    mark_cancel_asked,
    prepare_again,
    record_late_end,
    record_result,
    record_verdict,
    settle_failure,
    settle_success,
)
from tests.simulation.memory.database import MemoryDatabase, Server
from tests.simulation.memory.tables import Change, Tables

_STEADY: Final = """
create or replace function photoplay.poll_pause(p_age interval, p_shortest interval, p_longest interval)
returns interval language sql volatile set search_path = ''
as $$ select least(greatest(p_age / 10, p_shortest), p_longest) $$
"""
_CAPABILITIES: Final = (
    Capability("fal-pika", "pika", (5.0,)),
    Capability("local", "local-parallax", (1.0, 15.0), continuous=True, billed=False),
)
_LEASE: Final = timedelta(seconds=30)
_PACE: Final = Pace("fal", 1.5, timedelta(seconds=5), timedelta(seconds=60))
Operation = Callable[[Any], Awaitable[Any]]


class _Even(random.Random):
    """Spreads nothing."""

    def random(self) -> float:
        return 0.5


class Twins:
    """Both databases, and the jobs that workers believe to hold there.

    Args:
        dice: decides what is done.
        owner: a session that sees everything.
    """

    def __init__(self, dice: random.Random, database: Database, owner: psycopg.Connection) -> None:
        self.dice = dice
        self.real = database
        self.owner = owner
        self.instant = datetime(2026, 3, 1, 21, tzinfo=UTC)
        self.tables = Tables()
        server = Server(
            self.tables, lambda scope: Change(self.tables, scope, lambda: self.instant, _Even())
        )
        self.memory = MemoryDatabase(server)
        self.users = [self.number() for _ in range(2)]
        self.worker = self.number()
        self.held: list[Job] = []
        self.done: dict[str, int] = {}

    def number(self) -> UUID:
        return UUID(int=self.dice.getrandbits(128), version=4)

    async def begin(self) -> None:
        """Make the databases alike."""
        self.owner.execute(_STEADY)
        await self._set_clock()
        await self.both("set limits", self._limits())
        for user in self.users:
            image = self.number()
            values = {
                "id": image,
                "user_id": user,
                "path": f"{user}/source-images/{image}.jpg",
                "content_type": "image/jpeg",
                "width": 80,
                "height": 60,
                "bytes": 7,
                "sha256": user.bytes * 2,
            }
            await self.both("add image", lambda d, v=values: d.once(WORKER, "add_image", v))

    async def _set_clock(self) -> None:
        async with self.real.pool.connection() as connection:
            await connection.execute(
                "select set_config('photoplay.test_now', %s, false)", (self.instant.isoformat(),)
            )

    async def both(self, name: str, run: Operation) -> Any:
        """Do the same to both, and return the answer, which must be the same."""
        self.done[name] = self.done.get(name, 0) + 1
        number = self.number()
        answers = []
        for database in (self.real, self.memory):
            with mock.patch("photoplay.operations.create_job.uuid4", return_value=number):
                try:
                    answers.append(await run(database))
                except (PhotoplayError, psycopg.Error) as error:
                    answers.append((type(error), getattr(error, "code", "")))
        assert answers[0] == answers[1], f"{name}: {answers[0]} in Postgres, {answers[1]} in memory"
        return answers[0]

    async def step(self) -> None:
        """Do one thing."""
        roll = self.dice.random()
        if roll < 0.1:
            self.instant += timedelta(seconds=self.dice.choice([0.25, 3, 20, 40, 3600]))
            await self._set_clock()
        elif roll < 0.3:
            await self._claim()
        elif roll < 0.7 and self.held:
            await self._work()
        else:
            await self._act()

    async def _claim(self) -> None:
        """Take a work item up, as the engine does, or claim a job out of turn."""
        rows = self.owner.execute(
            "select id, convert_from(payload, 'utf8'), dedupe_key from photoplay.pgqueuer"
            " where dedupe_key is not null order by dedupe_key"
        ).fetchall()
        if not rows:
            return
        real_id, job_id, key = self.dice.choice(rows)
        item = next(i for i in self.tables.items.values() if i["dedupe_key"] == key)
        picked = self.dice.random() < 0.9
        if picked:
            item["status"] = "picked"
            self.owner.execute(
                "update photoplay.pgqueuer set status = 'picked' where id = %s", (real_id,)
            )
        found = await self.both(
            "claim",
            lambda d: claim_job(
                d,
                UUID(job_id),
                item_id=item["id"] if d is self.memory else real_id,
                worker_id=self.worker,
                lease=_LEASE,
            ),
        )
        if picked:
            self.owner.execute("delete from photoplay.pgqueuer where id = %s", (real_id,))
            del self.tables.items[item["id"]]
        if isinstance(found, Job):
            self.held.append(found)
            del self.held[:-4]

    async def _work(self) -> None:
        """Write something for a job that a worker believes to hold."""
        job = self.dice.choice(self.held)
        attempts = list(self.tables.attempts.values())
        mine = [a["id"] for a in attempts if a["job_id"] == job.id]
        attempt_id = mine[-1] if mine else self.number()
        options = _WORK if self.dice.random() < 0.2 else _IN_PHASE[job.phase]
        name = self.dice.choice(options)
        await self.both(name, getattr(self, name)(job, attempt_id))
        fresh = await self.both("read", lambda d: _read(d, job))
        if fresh is not None:
            self.held[self.held.index(job)] = fresh

    def begin_preparing(self, job: Job, _: UUID) -> Operation:
        return lambda d: begin_preparing(d, job)

    def begin_attempt(self, job: Job, _: UUID) -> Operation:
        capability = self.dice.choice(_CAPABILITIES)
        new = NewAttempt(
            self.number(),
            capability,
            fit(job.options, capability, OptionDefaults()),
            self.dice.choice([None, 1, 3]),
            (capability.provider,),
            self.dice.choice([0.35, None, 0.2]),
            callback_token=self.number().hex,
        )
        return lambda d: begin_attempt(d, job, new)

    def mark_sent(self, job: Job, attempt: UUID) -> Operation:
        return lambda d: mark_sent(d, job, attempt, placed_picture="https://p.example/1")

    def accept(self, job: Job, attempt: UUID) -> Operation:
        cost = self.dice.choice([None, 0.35, 0.4])
        late = self.dice.random() < 0.1
        run = record_late_acceptance if late else record_acceptance
        return lambda d: run(d, job, attempt, "task", cost_usd=cost)

    def unknown(self, job: Job, attempt: UUID) -> Operation:
        return lambda d: record_unknown(d, job, attempt)

    def result(self, job: Job, attempt: UUID) -> Operation:
        found = Succeeded("https://clips.example/1", self.dice.choice([None, 0.4]), {"engine": "x"})
        charged = self.dice.random() < 0.8
        return lambda d: record_result(d, job, attempt, found, charged=charged)

    def renew(self, job: Job, attempt: UUID) -> Operation:
        return lambda d: keep_result(d, job, attempt, "https://clips.example/2", unusable=1)

    def store(self, job: Job, _: UUID) -> Operation:
        path = video_path(job.user_id, job.id)
        video = StoredVideo(path, None, 64, 48, 1.5, 3, "00" * 32)
        keep_for = self.dice.choice([None, timedelta(days=1)])
        return lambda d: settle_success(d, job, video, keep_for=keep_for)

    def fail(self, job: Job, _: UUID) -> Operation:
        charged = self.dice.choice([True, False, None])
        status = self.dice.choice([None, AttemptStatus.FAILED, AttemptStatus.LOST])
        code = self.dice.choice(list(FailureCode))
        return lambda d: settle_failure(
            d, job, code, "text", charged=charged, retryable=False, attempt_status=status
        )

    def again(self, job: Job, attempt: UUID) -> Operation:
        charged = self.dice.choice([False, False, None])
        ending = self.dice.choice([AttemptStatus.FAILED, AttemptStatus.LOST])
        return lambda d: prepare_again(
            d, job, attempt, refusal="busy", charged=charged, ending=ending
        )

    def progress(self, job: Job, _: UUID) -> Operation:
        fraction = self.dice.choice([0.1, 0.25, 0.7])
        return lambda d: record_progress(d, job, fraction)

    def follow(self, job: Job, attempt: UUID) -> Operation:
        return lambda d: follow_task(d, job, attempt, _PACE)

    def ask(self, job: Job, attempt: UUID) -> Operation:
        return lambda d: mark_cancel_asked(d, job, attempt)

    def end_late(self, job: Job, attempt: UUID) -> Operation:
        status = self.dice.choice(
            [AttemptStatus.SUCCEEDED, AttemptStatus.CANCELLED, AttemptStatus.LOST]
        )
        cost, charged = self.dice.choice([(0.5, True), (None, False), (None, None)])
        return lambda d: record_late_end(d, job, attempt, status, cost, charged=charged)

    def keep(self, job: Job, _: UUID) -> Operation:
        return lambda d: renew_lease(d, job, _LEASE)

    def release(self, job: Job, _: UUID) -> Operation:
        after = self.dice.choice([None, timedelta(0), timedelta(seconds=9)])
        failed = self.dice.random() < 0.3
        lane = self.dice.choice(["steps", "render"])
        return lambda d: release_job(d, job, wake_after=after, lane=lane, failed=failed)

    async def _act(self) -> None:
        """Do what users, operators, providers and sweeps do."""
        name = self.dice.choice(_ACTS)
        await self.both(name, getattr(self, f"_{name}")())

    def _some_job(self) -> UUID:
        known = [*self.tables.jobs, *self.tables.erased_jobs]
        return self.dice.choice(known) if known else self.number()

    def _create(self) -> Operation:
        user = self.dice.choice(self.users)
        images = [i for i in self.tables.images.values() if self.dice.random() < 0.9]
        image = self.dice.choice(images)["id"] if images else self.number()
        picture = self.dice.choice([Picture(url="https://p.example/1.jpg"), Picture(image)])
        key = self.dice.choice([None, None, "a", "b", self.number().hex])
        estimate = self.dice.choice([0, 0.1, 0.35, None])
        prompt = self.dice.choice(["one", "two", None])
        new = NewJob(picture, MotionOptions(), "local", prompt, key, estimate)
        run = self.dice.choice([create_job, create_job, create_job, replay_job])
        return lambda d: run(d, writer(user), new)

    def _limits(self) -> Operation:
        values = {
            "daily_limit": self.dice.choice([3, 20, 50]),
            "max_open_jobs": self.dice.choice([2, 9]),
            "dedupe_open_jobs": self.dice.random() < 0.5,
            "daily_spend_usd": self.dice.choice([None, None, Decimal("1.2")]),
            "total_daily_spend_usd": self.dice.choice([None, None, Decimal("1.9")]),
        }
        return lambda d: set_limits(d, **values)

    def _cancel(self) -> Operation:
        user, job_id = self.dice.choice(self.users), self._some_job()
        return lambda d: cancel_job(d, writer(user), job_id)

    def _erase(self) -> Operation:
        scope, job_id = self.dice.choice([writer(self.users[0]), ADMIN]), self._some_job()
        return lambda d: erase_job(d, scope, job_id)

    def _erase_user(self) -> Operation:
        blocked = self.dice.random() < 0.3

        async def empty_folders(database: Any) -> Any:
            due = await database.once(WORKER, "sweep_erased_users", {})
            for row in due:
                await database.once(WORKER, "mark_folder_emptied", row)
            return due

        if self.dice.random() < 0.8:
            return empty_folders
        return lambda d: erase_user(d, self.users[1], actor="t", blocked=blocked)

    def _requeue(self) -> Operation:
        job_id = self._some_job()
        return lambda d: requeue_job(d, job_id, actor="t")

    def _resolve(self) -> Operation:
        job_id, task_id = self._some_job(), self.dice.choice(["task", None])
        n = self.dice.choice([None, 1])
        return lambda d: resolve_submission(d, job_id, task_id=task_id, actor="t", n=n)

    def _reset(self) -> Operation:
        user = self.dice.choice(self.users)
        return lambda d: reset_quota(d, user, actor="t")

    def _pause(self) -> Operation:
        run = self.dice.choice([pause_provider, resume_provider, resume_provider])
        return lambda d: run(d, "fal-pika", actor="t")

    def _verdict(self) -> Operation:
        failed = self.dice.random() < 0.7
        attention = self.dice.choice([None, "no_credit"]) if failed else None

        async def many(database: Any) -> None:
            for _ in range(7):
                await record_verdict(database, "fal-pika", failed=failed, attention=attention)

        return many

    def _call_back(self) -> Operation:
        tokens = [a["callback_token"] for a in self.tables.attempts.values()]
        token = self.dice.choice(tokens) if tokens else "-"
        task_id = self.dice.choice([None, "task", "other"])

        async def call(database: Any) -> Any:
            attempt = await find_attempt(database, token)
            if attempt is None:
                return None
            return attempt, await record_callback(database, attempt, task_id)

        return call

    def _poll(self) -> Operation:
        most = self.dice.choice([1, 10])
        if self.dice.random() < 0.1:
            return lambda d: slow_polls(d, _PACE, timedelta(seconds=12))
        return lambda d: take_polls(d, _PACE, most=most)

    def _sweep(self) -> Operation:
        async def sweep(database: Any) -> Any:
            grace = {"grace": timedelta(seconds=2)}
            found = await database.once(WORKER, "sweep_jobs", grace)
            erased = await database.once(WORKER, "sweep_erased", {"again": True})
            paths = sorted(row["path"] for row in erased)
            await database.once(WORKER, "mark_objects_removed", {"paths": paths[:1]})
            expired = await database.once(WORKER, "sweep_expired", {})
            return {row["id"] for row in found}, set(paths[1:]), len(expired)

        return sweep


async def _read(database: Any, job: Job) -> Job | None:
    rows = await database.once(WORKER, "get_claimed_job", {"job_id": job.id})
    return Job.from_row(rows[0], job.fence) if rows else None


_IN_PHASE: Final = {
    Phase.ACCEPTED: ["begin_preparing"],
    Phase.PREPARING: ["begin_attempt"],
    Phase.SUBMITTING: ["mark_sent", "accept", "accept", "unknown", "again"],
    Phase.WAITING: ["follow", "progress", "result", "result", "again", "follow"],
    Phase.STORING: ["renew", "store", "store"],
    Phase.DONE: ["end_late", "ask", "accept", "follow", "release"],
}
_WORK: Final = [*{name: None for names in _IN_PHASE.values() for name in names}, "fail", "keep"]
_ACTS: Final = (
    *("create",) * 6,
    "limits",
    "cancel",
    "erase",
    "erase_user",
    "requeue",
    *("resolve",) * 2,
    "reset",
    "pause",
    "verdict",
    *("call_back",) * 2,
    *("poll",) * 3,
    "sweep",
)
