"""How jobs end: by whom they may be ended, what becomes of their unit, and that nobody does it late."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from photoplay.db.pool import ADMIN, WORKER, Database, reader, writer
from photoplay.domain.capability import fit
from photoplay.domain.errors import (
    ConflictError,
    IllegalTransitionError,
    LeaseLostError,
    NotFoundError,
)
from photoplay.domain.fingerprint import Picture
from photoplay.domain.job import Job, poster_path, video_path
from photoplay.domain.options import MotionOptions, OptionDefaults
from photoplay.domain.outcomes import FailureCode, Succeeded
from photoplay.domain.routing import Entry
from photoplay.domain.states import AttemptStatus
from photoplay.operations.begin_attempt import NewAttempt, begin_attempt, begin_preparing
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.claim_job import claim_job
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.record_progress import record_progress
from photoplay.operations.record_submission import mark_sent, record_acceptance, record_unknown
from photoplay.operations.reset_quota import reset_quota
from photoplay.operations.settle_attempt import (
    StoredVideo,
    prepare_again,
    record_late_end,
    record_result,
    settle_failure,
    settle_success,
)
from photoplay.providers.builtin import LOCAL
from tests.operations.test_create_job import picture_of, used

LEASE = timedelta(minutes=1)
PAID = replace(LOCAL, billed=True)
RESULT = Succeeded("clip", 0.25, {"engine": "test"})


@dataclass
class Course:
    """One job on its way, under one lease."""

    database: Database
    user: UUID
    job: Job
    attempt_id: UUID

    async def read(self) -> Job:
        rows = await self.database.once(WORKER, "get_claimed_job", {"job_id": self.job.id})
        return Job.from_row(rows[0], self.job.fence)

    async def begin(self, *, billed: bool = False) -> None:
        options = fit(MotionOptions(), LOCAL, OptionDefaults())
        new = NewAttempt(self.attempt_id, PAID if billed else LOCAL, options)
        assert await begin_attempt(self.database, self.job, new) is Entry.YES
        self.job = await self.read()

    async def accept(self) -> None:
        await mark_sent(self.database, self.job, self.attempt_id)
        await record_acceptance(self.database, self.job, self.attempt_id, "task", cost_usd=0.25)

    async def deliver(self) -> None:
        await record_result(self.database, self.job, self.attempt_id, RESULT, charged=True)

    async def succeed(self) -> None:
        video = StoredVideo(
            video_path(self.user, self.job.id), None, 640, 480, 4.0, 1000, "00" * 32
        )
        await settle_success(self.database, self.job, video, keep_for=None)

    async def fail(self, *, charged: bool | None = False) -> None:
        await settle_failure(
            self.database,
            self.job,
            FailureCode.PROVIDERS_UNAVAILABLE,
            "text",
            charged=charged,
            retryable=True,
            attempt_status=AttemptStatus.FAILED if self.job.attempt else None,
        )


@pytest.fixture
async def course(database: Database, user: UUID) -> Course:
    """A job of a user that has used one unit, claimed and preparing."""
    new = NewJob(await picture_of(database, user), MotionOptions(), "local", key="key")
    created = await create_job(database, writer(user), new)
    job = await claim_job(database, created.id, item_id=0, worker_id=uuid4(), lease=LEASE)
    assert isinstance(job, Job)
    await begin_preparing(database, job)
    return Course(database, user, job, uuid4())


def everything(owner: psycopg.Connection) -> list[list[tuple]]:
    """Return all rows that an operation could have touched."""
    tables = {
        "public.video_jobs": "id",
        "public.video_quota": "user_id",
        "photoplay.attempts": "id",
        "photoplay.events": "id",
        "photoplay.quota_ledger": "id",
        "photoplay.erased_jobs": "id",
        "photoplay.erased_objects": "path",
        "photoplay.pgqueuer": "id",
    }
    return [owner.execute(f"select * from {t} order by {k}").fetchall() for t, k in tables.items()]


def status_of(owner: psycopg.Connection) -> str:
    return owner.execute("select status from public.video_jobs").fetchone()[0]


# Money and quota.


@pytest.mark.parametrize(("charged", "held"), [(False, 0), (None, 1), (True, 1)])
async def test_a_failed_job_gives_its_unit_back_exactly_when_nothing_was_charged(
    course, owner, user, charged, held
):
    await course.begin(billed=True)
    await course.fail(charged=charged)
    assert (status_of(owner), used(owner, user)) == ("failed", held)


@pytest.mark.parametrize(("billed", "held"), [(False, 0), (True, 1)])
async def test_a_cancelled_job_keeps_its_unit_when_an_attempt_may_be_billed(
    course, database, owner, user, billed, held
):
    await course.begin(billed=billed)
    await course.accept()
    await cancel_job(database, writer(user), course.job.id)
    assert (status_of(owner), used(owner, user)) == ("cancelled", held)
    # What may cost money stays open for the worker to stop and to account for.
    attempt = owner.execute("select status from photoplay.attempts").fetchone()
    assert attempt == ("accepted" if billed else "cancelled",)


@pytest.mark.parametrize("ends", ["cancelled", "failed"])
async def test_a_clip_that_was_on_its_way_into_the_store_is_removed_when_its_job_ends_otherwise(
    course, database, owner, user, ends
):
    await course.begin(billed=True)
    await course.accept()
    await course.deliver()
    course.job = await course.read()
    if ends == "cancelled":
        await cancel_job(database, writer(user), course.job.id)
    else:
        await settle_failure(
            database, course.job, FailureCode.STORAGE_FAILED, "text", charged=None, retryable=False
        )
    unwanted = await database.once(WORKER, "sweep_erased", {"again": False})
    own = {video_path(user, course.job.id), poster_path(user, course.job.id)}
    assert (status_of(owner), {row["path"] for row in unwanted}) == (ends, own)


@pytest.mark.parametrize("ends", ["cancelled", "failed"])
async def test_a_job_that_ends_with_a_clip_paid_for_says_what_that_cost(
    course, database, owner, user, ends
):
    await course.begin(billed=True)
    await course.accept()
    await course.deliver()
    course.job = await course.read()
    if ends == "cancelled":
        await cancel_job(database, writer(user), course.job.id)
    else:
        await settle_failure(
            database, course.job, FailureCode.STORAGE_FAILED, "text", charged=True, retryable=False
        )
    costs = (
        "select cost_usd from public.video_jobs union all select cost_usd from photoplay.attempts"
    )
    assert [float(cost) for (cost,) in owner.execute(costs)] == [0.25, 0.25]


async def test_what_a_job_cost_is_known_and_nothing_when_no_attempt_may_have_been_billed(
    course, database, owner, user
):
    await course.begin(billed=True)
    await prepare_again(database, course.job, course.attempt_id, refusal="busy", charged=False)
    await cancel_job(database, writer(user), course.job.id)
    assert owner.execute("select cost_usd from public.video_jobs").fetchone() == (0,)


async def test_a_cost_that_is_learnt_after_the_end_is_the_jobs_too(course, database, owner, user):
    await course.begin(billed=True)
    await course.accept()
    await cancel_job(database, writer(user), course.job.id)
    late = AttemptStatus.SUCCEEDED
    await record_late_end(database, course.job, course.attempt_id, late, 0.75, charged=True)
    assert owner.execute("select cost_usd::float from public.video_jobs").fetchone() == (0.75,)


async def test_an_attempt_that_was_refused_unbilled_does_not_keep_the_unit(
    course, database, owner, user
):
    await course.begin(billed=True)
    await prepare_again(database, course.job, course.attempt_id, refusal="busy", charged=False)
    await cancel_job(database, writer(user), course.job.id)
    assert used(owner, user) == 0


@pytest.mark.fault(12)
async def test_resets_at_the_same_time_give_back_once(course, database, owner, user):
    given = await asyncio.gather(*(reset_quota(database, user, actor="test") for _ in range(5)))
    assert sorted(given) == [0, 0, 0, 0, 1]
    assert used(owner, user) == 0
    await course.fail(charged=False)
    assert used(owner, user) == 0
    assert owner.execute("select sum(delta) from photoplay.quota_ledger").fetchone() == (0,)


async def test_an_earlier_attempt_that_may_be_billed_keeps_the_unit(course, database, owner, user):
    await course.begin(billed=True)
    await prepare_again(database, course.job, course.attempt_id, refusal="lost", charged=None)
    course.job = await course.read()
    await course.fail(charged=False)
    assert (status_of(owner), used(owner, user)) == ("failed", 1)
    failure = owner.execute("select failure -> 'charged' from public.video_jobs").fetchone()
    assert failure == (None,)


async def test_a_clip_that_was_delivered_and_billed_keeps_the_unit(course, owner, user):
    await course.begin(billed=True)
    await course.accept()
    await course.deliver()
    course.job = await course.read()
    await settle_failure(
        course.database, course.job, FailureCode.EXPIRED, "text", charged=False, retryable=True
    )
    assert (status_of(owner), used(owner, user)) == ("failed", 1)


@pytest.mark.fault(12, 13)
@pytest.mark.parametrize(("charged", "held"), [(False, 0), (None, 1), (True, 1)])
async def test_a_late_ending_gives_the_unit_back_exactly_when_nothing_was_charged(
    course, database, owner, user, charged, held
):
    await course.begin(billed=True)
    await course.accept()
    await cancel_job(database, writer(user), course.job.id)
    assert used(owner, user) == 1
    late = AttemptStatus.CANCELLED
    await record_late_end(database, course.job, course.attempt_id, late, None, charged=charged)
    assert (status_of(owner), used(owner, user)) == ("cancelled", held)


# Too late.


async def test_an_ended_job_gets_no_attempt(course, database, owner, user):
    await cancel_job(database, writer(user), course.job.id)
    before = everything(owner)
    with pytest.raises(IllegalTransitionError):
        await course.begin()
    assert everything(owner) == before


async def test_nothing_is_sent_for_an_ended_job(course, database, owner, user):
    await course.begin()
    await cancel_job(database, writer(user), course.job.id)
    with pytest.raises(IllegalTransitionError):
        await mark_sent(database, course.job, course.attempt_id)
    sent = owner.execute("select sent_at from photoplay.attempts").fetchone()
    assert sent == (None,)


async def test_a_result_after_a_cancellation_changes_no_state(course, database, owner, user):
    await course.begin(billed=True)
    await course.accept()
    await course.deliver()
    await cancel_job(database, writer(user), course.job.id)
    before = everything(owner)
    for late in (course.succeed, course.fail):
        with pytest.raises(IllegalTransitionError):
            await late()
        assert everything(owner) == before


async def test_an_ended_job_is_not_ended_again(course, database, owner, user):
    await course.begin()
    await course.accept()
    await course.deliver()
    await course.succeed()
    before = everything(owner)
    with pytest.raises(ConflictError) as refused:
        await cancel_job(database, writer(user), course.job.id)
    assert refused.value.code == "already_finished"
    for late in (course.succeed, course.fail):
        with pytest.raises(IllegalTransitionError):
            await late()
    assert everything(owner) == before


Write = Callable[[Course], Awaitable[object]]
WRITES: dict[str, Write] = {
    "begin_preparing": lambda c: begin_preparing(c.database, c.job),
    "begin_attempt": lambda c: c.begin(),
    "mark_sent": lambda c: mark_sent(c.database, c.job, c.attempt_id),
    "record_acceptance": lambda c: record_acceptance(
        c.database, c.job, c.attempt_id, "task", cost_usd=None
    ),
    "record_unknown": lambda c: record_unknown(c.database, c.job, c.attempt_id),
    "record_progress": lambda c: record_progress(c.database, c.job, 0.5),
    "record_result": lambda c: c.deliver(),
    "settle_success": lambda c: c.succeed(),
    "settle_failure": lambda c: c.fail(),
    "prepare_again": lambda c: prepare_again(
        c.database, c.job, c.attempt_id, refusal="busy", charged=False
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_late_worker_writes_nothing(course, database, owner, write):
    if write not in {WRITES["begin_attempt"], WRITES["begin_preparing"]}:
        await course.begin()
    owner.execute("update photoplay.leases set expires_at = '-infinity'")
    successor = await claim_job(database, course.job.id, item_id=0, worker_id=uuid4(), lease=LEASE)
    assert isinstance(successor, Job)
    assert successor.fence == course.job.fence + 1
    before = everything(owner)
    with pytest.raises(LeaseLostError):
        await write(course)
    assert everything(owner) == before


async def test_progress_never_goes_back_and_an_unchanged_one_writes_nothing(
    course, database, owner
):
    await course.begin()

    def row() -> tuple:
        return owner.execute("select progress, version from public.video_jobs").fetchone()

    await record_progress(database, course.job, 0.5)
    progress, version = row()
    assert progress == 0.5
    for lower in (0.5, 0.4, 0.0):
        await record_progress(database, course.job, lower)
        assert row() == (0.5, version)
    await record_progress(database, course.job, 0.75)
    assert row() == (0.75, version + 1)


# Whose job it is.


@pytest.mark.parametrize("operation", [cancel_job, erase_job])
async def test_a_foreign_job_is_a_missing_one_and_stays_as_it_is(
    course, database, owner, operation
):
    before = everything(owner)
    said = []
    for job_id in (course.job.id, uuid4()):
        with pytest.raises(NotFoundError) as refused:
            await operation(database, writer(uuid4()), job_id)
        said.append((refused.value.code, refused.value.message))
    assert said[0] == said[1]
    assert everything(owner) == before


# Erasure.


async def test_an_erased_job_leaves_its_key_its_unit_and_no_content(course, database, owner, user):
    await course.begin()
    await course.accept()
    await course.deliver()
    await course.succeed()
    paths = await erase_job(database, writer(user), course.job.id)
    assert video_path(user, course.job.id) in paths
    assert owner.execute("select count(*) from public.video_jobs").fetchone() == (0,)
    assert owner.execute("select count(*) from photoplay.attempts").fetchone() == (0,)
    stub = owner.execute(
        "select id, user_id, client_request_id, status from photoplay.erased_jobs"
    ).fetchall()
    assert stub == [(course.job.id, user, "key", "succeeded")]
    assert used(owner, user) == 1
    gone = owner.execute("select path from photoplay.erased_objects").fetchall()
    assert {path for (path,) in gone} == set(paths)
    with pytest.raises(NotFoundError):
        await erase_job(database, writer(user), course.job.id)


async def test_erasing_an_open_job_cancels_it_first_and_a_late_worker_brings_nothing_back(
    course, database, owner, user
):
    await course.begin()
    await erase_job(database, writer(user), course.job.id)
    assert used(owner, user) == 0
    stub = owner.execute("select status from photoplay.erased_jobs").fetchone()
    assert stub == ("cancelled",)
    before = everything(owner)
    for late in (course.accept, course.deliver, course.succeed, course.fail):
        with pytest.raises(LeaseLostError):
            await late()
    assert everything(owner) == before


async def test_erasures_at_the_same_time_are_one(course, database, owner, user):
    scopes = [writer(user), writer(user), WORKER, ADMIN]
    results = await asyncio.gather(
        *(erase_job(database, scope, course.job.id) for scope in scopes), return_exceptions=True
    )
    assert sum(isinstance(r, NotFoundError) for r in results) == len(scopes) - 1
    assert owner.execute("select count(*) from photoplay.erased_jobs").fetchone() == (1,)
    assert used(owner, user) == 0


@pytest.mark.fault(44)
async def test_an_erased_job_waits_for_its_last_attempt_without_content_and_seen_by_the_worker_alone(
    course, database, owner, user
):
    await course.begin(billed=True)
    await course.accept()
    await erase_job(database, writer(user), course.job.id)
    row = owner.execute("select to_jsonb(j) from public.video_jobs j").fetchone()[0]
    kept = {name for name, value in row.items() if value not in (None, "", {})}
    assert kept <= {
        "id", "user_id", "created_at", "updated_at", "finished_at", "started_at", "status", "phase", "version",
        "provider", "client_request_id", "effective_options", "quota_day", "cost_usd", "erased_at",
        "overdue_at",
    }  # fmt: skip
    for scope, seen in ((reader(user), 0), (writer(user), 0), (ADMIN, 0), (WORKER, 1)):
        rows = await database.once(scope, "get_job", {"job_id": course.job.id})
        assert len(rows) == seen
    assert used(owner, user) == 1
    # It did not cost anything after all.
    await record_late_end(
        database, course.job, course.attempt_id, AttemptStatus.CANCELLED, None, charged=False
    )
    assert owner.execute("select count(*) from public.video_jobs").fetchone() == (0,)
    stub = owner.execute(
        "select status, quota_returned_at is not null from photoplay.erased_jobs"
    ).fetchone()
    assert stub == ("cancelled", True)
    assert used(owner, user) == 0


@pytest.mark.fault(44)
async def test_the_function_that_erases_reaches_no_foreign_and_no_open_job(
    course, database, owner, user
):
    before = everything(owner)
    for scope in (writer(uuid4()), writer(user), ADMIN, WORKER):
        await database.once(scope, "erase_job", {"job_id": course.job.id})
        assert everything(owner) == before
    await course.fail()
    before = everything(owner)
    await database.once(writer(uuid4()), "erase_job", {"job_id": course.job.id})
    assert everything(owner) == before
    await database.once(writer(user), "erase_job", {"job_id": course.job.id})
    assert owner.execute("select count(*) from public.video_jobs").fetchone() == (0,)


@pytest.mark.fault(44)
@pytest.mark.parametrize("came", ["before", "with it", "with it, and is another's too"])
async def test_a_picture_that_came_with_a_job_goes_with_it(course, database, owner, user, came):
    if came != "before":
        owner.execute("update public.video_images set created_at = now() + interval '1 s'")
    if came == "with it, and is another's too":
        picture = Picture(image_id=course.job.image_id)
        await create_job(database, writer(user), NewJob(picture, MotionOptions(), "local", key="2"))
    ((path,),) = owner.execute("select path from public.video_images").fetchall()
    paths = await erase_job(database, writer(user), course.job.id)
    (left,) = owner.execute("select count(*) from public.video_images").fetchone()
    assert (path in paths, left) == ((True, 0) if came == "with it" else (False, 1))
