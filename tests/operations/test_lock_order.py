"""Everybody locks in one order: whoever comes second waits, and no two wait for each other (fault 31).

Each case stops one transaction in its middle, lets another one begin until it waits, and goes on with the
first. Were the order another one anywhere, Postgres would end one of them as a deadlock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from photoplay.db import pool
from photoplay.db.errors import ContentionError
from photoplay.db.pool import WORKER, Database, Transaction, writer
from photoplay.domain.capability import Capability, fit
from photoplay.domain.errors import PhotoplayError
from photoplay.domain.job import Job
from photoplay.domain.options import MotionOptions, OptionDefaults
from photoplay.operations.begin_attempt import NewAttempt, begin_attempt, begin_preparing
from photoplay.operations.cancel_job import cancel_job, end_as_cancelled
from photoplay.operations.claim_job import claim_job
from photoplay.operations.create_job import create_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.record_callback import CalledAttempt, record_callback
from photoplay.operations.record_submission import mark_sent
from tests.conftest import until
from tests.operations.test_create_job import a_wish

LEASE = timedelta(minutes=1)
PAID = Capability("paid", "model", (5.0,), billed=True)
WAITING = (
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and wait_event_type = 'Lock'"
)

pytestmark = pytest.mark.fault(31)


class Scene:
    """A paid job under way, the worker that holds it, and the user it belongs to."""

    def __init__(self, database: Database, user: UUID, job: Job, attempt_id: UUID) -> None:
        self.database, self.user, self.job, self.attempt_id = database, user, job, attempt_id

    # What transactions do, in steps; between the first and the others somebody else begins.

    async def cancel(self, tx: Transaction, between: Callable[[], Awaitable[None]]) -> None:
        await tx.one("lock_job", job_id=self.job.id)
        await between()
        await end_as_cancelled(tx, self.job.id)
        await tx.run("wake_job", job_id=self.job.id, delay=None, lane="steps")

    async def erase(self, tx: Transaction, between: Callable[[], Awaitable[None]]) -> None:
        await tx.one("lock_job", job_id=self.job.id)
        await between()
        await end_as_cancelled(tx, self.job.id)
        await tx.run("erase_job", job_id=self.job.id)

    async def work(self, tx: Transaction, between: Callable[[], Awaitable[None]]) -> None:
        await tx.run("hold_lease", job_id=self.job.id, fence=self.job.fence)
        await between()
        await tx.run(
            "fail_job", job_id=self.job.id, code="x", message="x", retryable=False, charged=False
        )
        await tx.run("return_unit", job_id=self.job.id)

    # What begins in between, whole.

    async def others(self) -> None:
        db, user, job = self.database, self.user, self.job
        called = CalledAttempt(self.attempt_id, job.id, "paid", None)
        each = (
            claim_job(db, job.id, item_id=1, worker_id=uuid4(), lease=LEASE),
            cancel_job(db, writer(user), job.id),
            erase_job(db, writer(user), job.id),
            mark_sent(db, job, self.attempt_id),
            record_callback(db, called, "task"),
            create_job(db, writer(user), await a_wish(db, user, estimate_usd=0.2)),
        )
        # To be refused is right; to be the victim of a deadlock is not.
        for result in await asyncio.gather(*each, return_exceptions=True):
            if isinstance(result, Exception):
                assert isinstance(result, PhotoplayError), repr(result)
                assert not isinstance(result, ContentionError), repr(result)


@pytest.fixture
async def scene(database: Database, user: UUID) -> Scene:
    created = await create_job(
        database, writer(user), await a_wish(database, user, estimate_usd=0.2)
    )
    job = await claim_job(database, created.id, item_id=1, worker_id=uuid4(), lease=LEASE)
    assert isinstance(job, Job)
    await begin_preparing(database, job)
    attempt_id = uuid4()
    options = fit(MotionOptions(), PAID, OptionDefaults())
    await begin_attempt(database, job, NewAttempt(attempt_id, PAID, options, estimate_usd=0.3))
    return Scene(database, user, job, attempt_id)


@pytest.mark.parametrize("first", ["cancel", "erase", "work"])
async def test_nobody_waits_in_a_circle(
    scene: Scene, owner: psycopg.Connection, first: str, monkeypatch: pytest.MonkeyPatch
):
    # The victim of a deadlock would else run again, and nobody would notice.
    monkeypatch.setattr(pool, "_REPETITIONS", 0)
    scope = WORKER if first == "work" else writer(scene.user)
    others: list[asyncio.Task[None]] = []

    async def begin_others() -> None:
        others.append(asyncio.create_task(scene.others()))
        # All that touch the job itself wait for this transaction.
        await until(lambda: owner.execute(WAITING).fetchone()[0] >= 4)

    async with scene.database.transaction(scope) as tx:
        await getattr(scene, first)(tx, begin_others)
    await others[0]
