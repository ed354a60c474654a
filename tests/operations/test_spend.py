"""What videos may cost in a day: held before anything is asked for, settled when it is known (I12)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import psycopg
import pytest

from photoplay.db.pool import WORKER, Database, operator, writer
from photoplay.domain.capability import Capability, fit
from photoplay.domain.errors import InvalidRequestError, RateLimitedError
from photoplay.domain.job import Job, video_path
from photoplay.domain.options import MotionOptions, OptionDefaults
from photoplay.domain.outcomes import FailureCode, Succeeded
from photoplay.domain.routing import Entry
from photoplay.domain.states import AttemptStatus
from photoplay.invariants import check_invariants
from photoplay.operations.begin_attempt import NewAttempt, begin_attempt, begin_preparing
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.claim_job import claim_job
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.record_submission import mark_sent, record_acceptance, record_unknown
from photoplay.operations.set_limits import set_limits
from photoplay.operations.settle_attempt import (
    StoredVideo,
    prepare_again,
    record_late_end,
    record_result,
    settle_failure,
    settle_success,
)
from tests.operations.test_create_job import a_wish, used

PAID = Capability("paid", "model", (5.0,), billed=True)
FREE = Capability("local", "model", (1.0, 15.0), continuous=True, billed=False)


async def allow(
    database: Database, *, user: str | None = None, everybody: str | None = None
) -> None:
    await set_limits(
        database,
        daily_limit=100,
        max_open_jobs=100,
        dedupe_open_jobs=False,
        daily_spend_usd=Decimal(user) if user else None,
        total_daily_spend_usd=Decimal(everybody) if everybody else None,
    )


def spent(owner: psycopg.Connection, user: UUID | None) -> float:
    row = owner.execute(
        "select usd from photoplay.spend where user_id is not distinct from %s", (user,)
    ).fetchone()
    return float(row[0]) if row else 0.0


async def wish_for(database: Database, user: UUID, usd: float | None) -> NewJob:
    return await a_wish(database, user, estimate_usd=usd)


class Course:
    """A job on its way, with attempts that cost what they are told to."""

    def __init__(self, database: Database, user: UUID, job: Job) -> None:
        self.database, self.user, self.job = database, user, job
        self.attempt_id = uuid4()

    @classmethod
    async def begun(cls, database: Database, user: UUID, usd: float | None) -> Course:
        created = await create_job(database, writer(user), await wish_for(database, user, usd))
        job = await claim_job(
            database, created.id, item_id=0, worker_id=uuid4(), lease=timedelta(minutes=1)
        )
        assert isinstance(job, Job)
        await begin_preparing(database, job)
        return cls(database, user, job)

    async def attempt(self, usd: float | None, capability: Capability = PAID) -> Entry:
        self.attempt_id = uuid4()
        options = fit(MotionOptions(), capability, OptionDefaults())
        new = NewAttempt(self.attempt_id, capability, options, estimate_usd=usd)
        entry = await begin_attempt(self.database, self.job, new)
        await self._read()
        return entry

    async def _read(self) -> None:
        rows = await self.database.once(WORKER, "get_claimed_job", {"job_id": self.job.id})
        self.job = Job.from_row(rows[0], self.job.fence)

    async def accepted(self, usd: float | None) -> None:
        await mark_sent(self.database, self.job, self.attempt_id)
        await record_acceptance(
            self.database, self.job, self.attempt_id, f"task-{self.attempt_id}", cost_usd=usd
        )

    async def refused(self) -> None:
        await prepare_again(self.database, self.job, self.attempt_id, refusal="busy", charged=False)
        await self._read()

    async def lost(self) -> None:
        """The operator's policy is to try again although both may be billed."""
        await mark_sent(self.database, self.job, self.attempt_id)
        await record_unknown(self.database, self.job, self.attempt_id)
        await prepare_again(
            self.database,
            self.job,
            self.attempt_id,
            refusal="unavailable",
            charged=None,
            ending=AttemptStatus.LOST,
        )
        await self._read()

    async def succeeded(self, usd: float | None) -> None:
        result = Succeeded("clip", usd, {})
        await record_result(self.database, self.job, self.attempt_id, result, charged=True)
        path = video_path(self.user, self.job.id)
        video = StoredVideo(path, None, 640, 480, 4.0, 1000, "00" * 32)
        await settle_success(self.database, self.job, video, keep_for=None)

    async def failed(self, *, charged: bool | None) -> None:
        await settle_failure(
            self.database,
            self.job,
            FailureCode.PROVIDER_FAILED,
            "text",
            charged=charged,
            retryable=False,
            attempt_status=AttemptStatus.FAILED,
        )


@pytest.fixture
async def checked(database: Database):
    """Every test ends with quota, open jobs and spend as they must be."""
    yield
    broken = await check_invariants(database, None)
    assert not any(ids for name, ids in broken.items() if name.split()[0] in {"I6", "I7", "I12"})


pytestmark = pytest.mark.usefixtures("checked")


async def test_of_simultaneous_creates_as_many_are_accepted_as_the_cap_pays_for(
    database, owner, user
):
    await allow(database, user="1.00")
    wish = await wish_for(database, user, 0.30)
    made = await asyncio.gather(
        *(create_job(database, writer(user), wish) for _ in range(20)), return_exceptions=True
    )
    refused = [m for m in made if isinstance(m, RateLimitedError)]
    assert len(made) - len(refused) == 3
    assert {(r.code, r.details["cap"]) for r in refused} == {("spend_cap_reached", "user")}
    assert all(timedelta(0) < r.retry_after <= timedelta(hours=24) for r in refused)
    assert spent(owner, user) == pytest.approx(0.9)
    assert used(owner, user) == 3


async def test_everybodys_cap_holds_for_all_together_and_refuses_without_a_trace(database, owner):
    await allow(database, user="5", everybody="1.00")
    users = [uuid4() for _ in range(12)]
    wishes = [(u, await wish_for(database, u, 0.30)) for u in users]
    made = await asyncio.gather(
        *(create_job(database, writer(u), w) for u, w in wishes), return_exceptions=True
    )
    refused = [m for m in made if isinstance(m, RateLimitedError)]
    assert len(made) - len(refused) == 3
    assert {r.details["cap"] for r in refused} == {"installation"}
    assert spent(owner, None) == pytest.approx(0.9)
    assert sum(spent(owner, u) for u in users) == pytest.approx(0.9)
    assert sum(used(owner, u) for u in users) == 3
    # What is cheaper than the rest still fits, what costs nothing always does.
    await create_job(database, writer(users[0]), await wish_for(database, users[0], 0.10))
    await create_job(database, writer(users[0]), await wish_for(database, users[0], 0))
    assert spent(owner, None) == 1.0


@pytest.mark.parametrize("caps", [{"user": "1"}, {"everybody": "1"}])
async def test_what_has_no_known_price_is_refused_where_there_is_a_cap(database, user, caps):
    await create_job(database, writer(user), await wish_for(database, user, None))
    await allow(database, **caps)
    for scope in (writer(user), operator(user)):
        with pytest.raises(InvalidRequestError) as refused:
            await create_job(database, scope, await wish_for(database, user, None))
        assert refused.value.code == "price_unknown"


async def test_the_operators_command_line_is_capped_too(database, user):
    await allow(database, user="0.50")
    await create_job(database, operator(user), await wish_for(database, user, 0.30))
    with pytest.raises(RateLimitedError):
        await create_job(database, operator(user), await wish_for(database, user, 0.30))


async def test_a_users_own_cap_wins_over_everybodys(database, owner, user):
    await allow(database, user="0.10")
    owner.execute(
        "insert into photoplay.limits (user_id, daily_spend_usd) values (%s, 0.50)", (user,)
    )
    await create_job(database, writer(user), await wish_for(database, user, 0.30))


async def test_a_success_costs_what_the_provider_says(database, owner, user):
    await allow(database, user="1", everybody="1")
    course = await Course.begun(database, user, 0.30)
    assert await course.attempt(0.30) is Entry.YES
    await course.accepted(0.30)
    await course.succeeded(0.25)
    assert spent(owner, user) == spent(owner, None) == 0.25


async def test_a_success_without_a_bill_costs_the_list_price(database, owner, user):
    await allow(database, user="1")
    course = await Course.begun(database, user, 0.30)
    await course.attempt(0.30)
    await course.accepted(None)
    await course.succeeded(None)
    assert spent(owner, user) == 0.30


@pytest.mark.parametrize(
    ("charged", "left"), [(False, 0.0), (True, 0.30), (None, 0.30)], ids=["no", "yes", "unknown"]
)
async def test_a_failure_gives_back_what_was_not_billed_for_sure(
    database, owner, user, charged, left
):
    await allow(database, user="1", everybody="1")
    course = await Course.begun(database, user, 0.30)
    await course.attempt(0.30)
    await course.accepted(0.30)
    await course.failed(charged=charged)
    assert spent(owner, user) == spent(owner, None) == left


async def test_a_dearer_provider_is_begun_only_while_the_cap_has_room(database, owner, user):
    await allow(database, user="1.00")
    course = await Course.begun(database, user, 0.30)
    await create_job(database, writer(user), await wish_for(database, user, 0.30))
    assert await course.attempt(0.71) is Entry.CAPPED
    assert await course.attempt(None) is Entry.CAPPED
    assert spent(owner, user) == pytest.approx(0.6)
    assert owner.execute("select count(*) from photoplay.attempts").fetchone() == (0,)
    assert await course.attempt(0.70) is Entry.YES
    assert spent(owner, user) == 1.0


async def test_a_next_attempt_must_pay_for_the_earlier_ones_that_may_be_billed(
    database, owner, user
):
    await allow(database, user="0.60")
    course = await Course.begun(database, user, 0.30)
    await course.attempt(0.30)
    await course.refused()
    await course.attempt(0.30)
    assert spent(owner, user) == 0.30
    await course.lost()
    assert await course.attempt(0.31) is Entry.CAPPED
    assert await course.attempt(0.30) is Entry.YES
    assert spent(owner, user) == pytest.approx(0.6)
    await course.accepted(0.30)
    await course.succeeded(None)
    assert spent(owner, user) == pytest.approx(0.6)


async def test_what_costs_nothing_is_begun_when_the_cap_is_used_up(database, owner, user):
    await allow(database, user="0.30", everybody="0.30")
    course = await Course.begun(database, user, 0.30)
    assert await course.attempt(0.40) is Entry.CAPPED
    assert await course.attempt(0.0, FREE) is Entry.YES
    await course.accepted(0.0)
    await course.succeeded(0.0)
    assert spent(owner, user) == spent(owner, None) == 0.0


async def test_cancelling_gives_back_at_once_what_cannot_be_billed_and_later_what_was_not(
    database, owner, user
):
    await allow(database, user="1")
    early = await create_job(database, writer(user), await wish_for(database, user, 0.40))
    await asyncio.gather(*(cancel_job(database, writer(user), early.id) for _ in range(5)))
    assert spent(owner, user) == 0.0
    course = await Course.begun(database, user, 0.30)
    await course.attempt(0.30)
    await course.accepted(0.30)
    await cancel_job(database, writer(user), course.job.id)
    assert spent(owner, user) == 0.30
    await record_late_end(
        database, course.job, course.attempt_id, AttemptStatus.CANCELLED, None, charged=False
    )
    assert spent(owner, user) == 0.0


async def test_a_cost_that_is_learned_late_is_counted(database, owner, user):
    await allow(database, user="1", everybody="1")
    course = await Course.begun(database, user, 0.30)
    await course.attempt(0.30)
    await course.accepted(0.30)
    await cancel_job(database, writer(user), course.job.id)
    await record_late_end(
        database, course.job, course.attempt_id, AttemptStatus.SUCCEEDED, 0.35, charged=True
    )
    assert spent(owner, user) == spent(owner, None) == 0.35


async def test_what_an_erased_job_may_have_cost_stays_counted(database, owner, user):
    await allow(database, user="1")
    course = await Course.begun(database, user, 0.30)
    await course.attempt(0.30)
    await course.accepted(0.30)
    await erase_job(database, writer(user), course.job.id)
    assert spent(owner, user) == 0.30


async def test_more_than_the_list_price_is_counted_and_shown_to_the_operator(database, owner, user):
    await allow(database, user="0.50")
    course = await Course.begun(database, user, 0.30)
    await course.attempt(0.30)
    await course.accepted(0.30)
    await course.succeeded(0.80)
    assert spent(owner, user) == 0.80
    broken = await check_invariants(database, None)
    assert broken["I12 spend within the cap"] == [f"{user} is above the cap"]
    with pytest.raises(RateLimitedError):
        await create_job(database, writer(user), await wish_for(database, user, 0.01))
    await allow(database, user="0.80")


async def test_everybodys_cap_counts_what_was_spent_before_it_was_set(database, owner):
    first, second = uuid4(), uuid4()
    await allow(database)
    await create_job(database, writer(first), await wish_for(database, first, 0.30))
    assert spent(owner, None) == 0.0
    await allow(database, everybody="0.50")
    assert spent(owner, None) == 0.30
    with pytest.raises(RateLimitedError):
        await create_job(database, writer(second), await wish_for(database, second, 0.30))
    # Switched off and on again: what happened in between counts as well.
    await allow(database)
    await create_job(database, writer(second), await wish_for(database, second, 0.30))
    await allow(database, everybody="1")
    assert spent(owner, None) == pytest.approx(0.6)


async def test_a_cap_for_everybody_that_is_taken_away_leaves_no_part_of_a_sum(database, owner):
    first, second = uuid4(), uuid4()
    await allow(database, everybody="1")
    await create_job(database, writer(first), await wish_for(database, first, 0.30))
    await allow(database)
    await create_job(database, writer(second), await wish_for(database, second, 0.30))
    broken = await check_invariants(database, None)
    assert not broken["I12 spend within the cap"]


async def test_a_cap_that_is_set_while_jobs_are_created_misses_none_of_them(database, owner):
    users = [uuid4() for _ in range(30)]
    wishes = [(u, await wish_for(database, u, 0.10)) for u in users]

    async def switch() -> None:
        for n in range(4):
            await allow(database, everybody=None if n % 2 else "2.00")
            await asyncio.sleep(0)

    async def create(u: UUID, wish: NewJob) -> None:
        with suppress(RateLimitedError):
            await create_job(database, writer(u), replace(wish, key="k"))

    work = [create(u, w) for u, w in wishes]
    await asyncio.gather(*work[:15], switch(), *work[15:])
    await allow(database, everybody="5.00")
    total = owner.execute(
        "select sum(usd) from photoplay.spend where user_id is not null"
    ).fetchone()[0]
    assert spent(owner, None) == float(total) > 0
