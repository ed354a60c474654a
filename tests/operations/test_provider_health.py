from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from photoplay.db.pool import Database, writer
from photoplay.domain.capability import Capability, fit
from photoplay.domain.job import Job
from photoplay.domain.options import MotionOptions, OptionDefaults
from photoplay.domain.routing import Entry
from photoplay.operations.begin_attempt import NewAttempt, begin_attempt, begin_preparing
from photoplay.operations.claim_job import claim_job
from photoplay.operations.create_job import create_job
from photoplay.operations.pause_provider import pause_provider, resume_provider
from photoplay.operations.settle_attempt import record_verdict
from tests.operations.test_create_job import a_wish, allow

PAID = Capability("paid", "model", (5.0,))
SIBLING = Capability("paid-fast", "fast", (5.0,))


async def prepared(database: Database, user: UUID) -> Job:
    await allow(database, daily=100, opened=100, dedupe=False)
    created = await create_job(database, writer(user), await a_wish(database, user))
    job = await claim_job(
        database, created.id, item_id=0, worker_id=uuid4(), lease=timedelta(minutes=5)
    )
    assert isinstance(job, Job)
    await begin_preparing(database, job)
    return job


async def begin(
    database: Database, job: Job, capability: Capability = PAID, limit: int | None = None
):
    options = fit(MotionOptions(), capability, OptionDefaults())
    new = NewAttempt(uuid4(), capability, options, limit, ("paid", "paid-fast"))
    return await begin_attempt(database, job, new)


async def verdicts(database: Database, *, failed: int, fine: int) -> None:
    for _ in range(fine):
        await record_verdict(database, "paid", failed=False)
    for _ in range(failed):
        await record_verdict(database, "paid", failed=True)


async def test_no_more_attempts_begin_at_once_than_the_account_takes(database, user):
    jobs = [await prepared(database, user) for _ in range(6)]
    models = [PAID, SIBLING] * 3
    entries = await asyncio.gather(
        *(begin(database, job, model, 2) for job, model in zip(jobs, models, strict=True))
    )
    assert sorted(entries) == [*[Entry.FULL] * 4, *[Entry.YES] * 2]


async def test_a_paused_provider_begins_nothing_until_it_is_resumed(database, owner, user):
    job = await prepared(database, user)
    await pause_provider(database, "paid", actor="test")
    assert await begin(database, job) is Entry.PAUSED
    assert owner.execute("select count(*) from photoplay.attempts").fetchone() == (0,)
    await resume_provider(database, "paid", actor="test")
    assert await begin(database, job) is Entry.YES


async def test_the_breaker_opens_at_half_of_twenty_failures_and_not_before(database, user):
    job = await prepared(database, user)
    await verdicts(database, fine=10, failed=9)
    assert await begin(database, job) is Entry.YES
    other = await prepared(database, user)
    await verdicts(database, fine=0, failed=1)
    assert await begin(database, other) is Entry.OPEN


async def test_an_open_breaker_lets_one_probe_through_and_its_success_closes_it(
    database, owner, user
):
    probe, other, later = [await prepared(database, user) for _ in range(3)]
    await verdicts(database, fine=0, failed=20)
    assert await begin(database, probe) is Entry.OPEN
    owner.execute("update photoplay.providers set open_until = now() - interval '1 second'")
    assert await begin(database, probe) is Entry.YES
    assert await begin(database, other) is Entry.OPEN
    await record_verdict(database, "paid", failed=False)
    assert await begin(database, later) is Entry.YES


async def test_what_an_operator_must_do_stays_noted_until_the_next_success(database, owner):
    await record_verdict(database, "paid", failed=True, attention="no_credit")
    await record_verdict(database, "paid", failed=True)
    noted = "select attention from photoplay.providers where name = 'paid'"
    assert owner.execute(noted).fetchone() == ("no_credit",)
    await record_verdict(database, "paid", failed=False)
    assert owner.execute(noted).fetchone() == (None,)
