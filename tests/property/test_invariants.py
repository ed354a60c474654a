"""I1 to I9 and I12 hold whatever users, workers, crashes and operators do, in any order, on real Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from photoplay.db.pool import Database, writer
from photoplay.domain.capability import Capability, fit
from photoplay.domain.errors import PhotoplayError
from photoplay.domain.fingerprint import Picture
from photoplay.domain.job import Job, video_path
from photoplay.domain.options import MotionOptions, OptionDefaults
from photoplay.domain.outcomes import FailureCode, Succeeded
from photoplay.domain.states import TERMINAL, AttemptStatus, Phase
from photoplay.invariants import check_invariants
from photoplay.operations.begin_attempt import NewAttempt, begin_attempt, begin_preparing
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.claim_job import claim_job, release_job
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.record_progress import record_progress
from photoplay.operations.record_submission import mark_sent, record_acceptance, record_unknown
from photoplay.operations.reset_quota import reset_quota
from photoplay.operations.set_limits import set_limits
from photoplay.operations.settle_attempt import (
    StoredVideo,
    prepare_again,
    record_result,
    settle_failure,
    settle_success,
)
from tests.conftest import copied_database

FREE = Capability("local", "model", (1.0, 15.0), continuous=True, billed=False)
PAID = Capability("paid", "model", (5.0,), billed=True)
# What attempts turn out to cost is less.
ESTIMATE = 0.3
USERS = (uuid4(), uuid4())
WORKERS = (uuid4(), uuid4(), uuid4())
LEASE = timedelta(minutes=5)

user = st.sampled_from(USERS)
pick = st.integers(0, 10_000)


class Life(RuleBasedStateMachine):
    """What the database must survive; `held` is what each worker believes to hold, also wrongly."""

    dsn: str
    owner_dsn: str

    @initialize(
        daily=st.integers(0, 6),
        opened=st.integers(1, 4),
        dedupe=st.booleans(),
        cap=st.sampled_from([None, "0", "0.5", "0.9"]),
    )
    def open(self, daily: int, opened: int, dedupe: bool, cap: str | None) -> None:
        self.loop = asyncio.new_event_loop()
        self.database = Database(self.dsn, size=4)
        self.owner = psycopg.connect(self.owner_dsn, autocommit=True)
        self.run(self.database.open())
        self.run(
            set_limits(
                self.database,
                daily_limit=daily,
                max_open_jobs=opened,
                dedupe_open_jobs=dedupe,
                daily_spend_usd=Decimal(cap) if cap else None,
            )
        )
        self.created: list[tuple[UUID, UUID]] = []
        self.held: list[Job] = []
        self.terminal: dict[UUID, tuple[Any, ...]] = {}
        self.versions: dict[UUID, int] = {}

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.run(self.database.close())
            self.owner.close()
            self.loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def attempt(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something that may be refused; a refusal must be one of ours."""
        try:
            return self.run(work)
        except PhotoplayError as error:
            return error

    @rule(
        user=user,
        picture=st.integers(0, 2),
        key=st.sampled_from([None, "a", "b", "c"]),
        price=st.sampled_from([0, 0.1, ESTIMATE, None]),
    )
    def create(self, user: UUID, picture: int, key: str | None, price: float | None) -> None:
        new = NewJob(
            Picture(url=f"https://pictures.example/{picture}.jpg"),
            MotionOptions(),
            "local",
            key=key,
            estimate_usd=price,
        )
        made = self.attempt(create_job(self.database, writer(user), new))
        if not isinstance(made, PhotoplayError):
            self.created.append((user, made.id))

    @rule(user=user, key=st.sampled_from([None, "k"]))
    def create_at_once(self, user: UUID, key: str | None) -> None:
        new = NewJob(
            Picture(url="https://pictures.example/x.jpg"), MotionOptions(), "local", key=key
        )

        async def race() -> list[Any]:
            return await asyncio.gather(
                *(create_job(self.database, writer(user), new) for _ in range(4)),
                return_exceptions=True,
            )

        made = [m for m in self.run(race()) if not isinstance(m, PhotoplayError)]
        if key is not None:
            assert len({m.id for m in made}) <= 1
        self.created += [(user, m.id) for m in made]

    @rule(n=pick, worker=st.sampled_from(WORKERS))
    def claim(self, n: int, worker: UUID) -> None:
        if self.created:
            _, job_id = self.created[n % len(self.created)]
            claimed = self.run(
                claim_job(self.database, job_id, item_id=0, worker_id=worker, lease=LEASE)
            )
            if isinstance(claimed, Job):
                self.held.append(claimed)

    @rule(n=pick)
    def a_lease_runs_out(self, n: int) -> None:
        if self.held:
            job = self.held[n % len(self.held)]
            self.owner.execute(
                "update photoplay.leases set expires_at = '-infinity' where job_id = %s", (job.id,)
            )

    @rule(n=pick)
    def a_worker_lets_go(self, n: int) -> None:
        if self.held:
            job = self.held.pop(n % len(self.held))
            self.run(release_job(self.database, job, wake_after=timedelta(0), lane="steps"))

    @rule(n=pick, how=st.integers(0, 5), paid=st.booleans())
    def a_worker_goes_on(self, n: int, how: int, paid: bool) -> None:
        """The step that its row says, or by a late worker one that its old row said."""
        if self.held:
            place = n % len(self.held)
            done = self.attempt(self.step(self.held[place], how, PAID if paid else FREE))
            if isinstance(done, Job):
                self.held[place] = done

    async def step(self, job: Job, how: int, capability: Capability) -> Job | None:
        attempt, db = job.attempt, self.database
        match job.phase:
            case Phase.ACCEPTED:
                await begin_preparing(db, job)
            case Phase.PREPARING:
                options = fit(job.options, capability, OptionDefaults())
                new = NewAttempt(uuid4(), capability, options, estimate_usd=ESTIMATE)
                await begin_attempt(db, job, new)
            case Phase.SUBMITTING if attempt is not None:
                await mark_sent(db, job, attempt.id)
                if how == 0:
                    await record_unknown(db, job, attempt.id)
                elif how == 1:
                    await prepare_again(db, job, attempt.id, refusal="busy", charged=False)
                elif how == 2:
                    await self.fail(job, AttemptStatus.BLOCKED, charged=False)
                else:
                    await record_acceptance(db, job, attempt.id, f"task-{attempt.id}", cost_usd=0.2)
            case Phase.WAITING if attempt is not None:
                if how == 0:
                    await self.fail(job, AttemptStatus.FAILED, charged=None)
                elif how == 1:
                    await self.fail(job, AttemptStatus.EXPIRED, charged=False)
                elif how == 2:
                    await record_progress(db, job, 0.5)
                elif how == 3:
                    await prepare_again(db, job, attempt.id, refusal="fault", charged=False)
                else:
                    paid = job.attempt is not None and job.attempt.provider == "paid"
                    await record_result(db, job, attempt.id, Succeeded("x.mp4", 0.1), charged=paid)
            case Phase.STORING:
                await self.succeed(job)
            case _:
                await self.succeed(job)
        rows = await db.once(_worker(), "get_claimed_job", {"job_id": job.id})
        return Job.from_row(rows[0], job.fence) if rows else None

    async def fail(self, job: Job, ending: AttemptStatus, *, charged: bool | None) -> None:
        await settle_failure(
            self.database, job, FailureCode.PROVIDERS_UNAVAILABLE, "text", charged=charged,
            retryable=True, attempt_status=ending,
        )  # fmt: skip

    async def succeed(self, job: Job) -> None:
        video = StoredVideo(video_path(job.user_id, job.id), None, 320, 240, 1.0, 10, "00")
        await settle_success(self.database, job, video, keep_for=None)

    @rule(n=pick, by=user)
    def cancel(self, n: int, by: UUID) -> None:
        if self.created:
            self.attempt(
                cancel_job(self.database, writer(by), self.created[n % len(self.created)][1])
            )

    @rule(n=pick, by=user)
    def erase(self, n: int, by: UUID) -> None:
        if self.created and n % 3 == 0:
            self.attempt(
                erase_job(self.database, writer(by), self.created[n % len(self.created)][1])
            )

    @rule(cap=st.sampled_from([None, "0.6", "1"]))
    def everybody_is_capped(self, cap: str | None) -> None:
        """A cap that is above what is spent already: a lower one would be exceeded at once."""
        spent = self.owner.execute(
            "select coalesce(sum(usd), 0) from photoplay.spend where user_id is not null"
        )
        total = max(Decimal(cap), spent.fetchone()[0]) if cap else None
        row = self.owner.execute(
            "select daily_limit, max_open_jobs, dedupe_open_jobs, daily_spend_usd from photoplay.limits"
            " where user_id is null"
        ).fetchone()
        names = ("daily_limit", "max_open_jobs", "dedupe_open_jobs", "daily_spend_usd")
        limits = dict(zip(names, row, strict=True))
        self.run(set_limits(self.database, **limits, total_daily_spend_usd=total))

    @rule(user=user)
    def reset(self, user: UUID) -> None:
        self.run(reset_quota(self.database, user, actor="test"))

    @invariant()
    def invariants_hold(self) -> None:
        if not hasattr(self, "database"):
            return
        broken = self.run(check_invariants(self.database, None))
        assert not any(broken.values()), broken

    @invariant()
    def terminal_is_final_and_versions_grow(self) -> None:
        if not hasattr(self, "owner"):
            return
        rows = self.owner.execute(
            "select id, status, phase, output_video_url, failure, version from public.video_jobs"
        ).fetchall()
        for job_id, status, *rest, version in rows:
            if job_id in self.terminal:
                assert self.terminal[job_id] == (status, *rest)
            elif status in TERMINAL:
                self.terminal[job_id] = (status, *rest)
            assert version >= self.versions.get(job_id, 1)
            self.versions[job_id] = version

    @invariant()
    def every_open_job_has_a_wake_or_a_worker(self) -> None:
        if not hasattr(self, "owner"):
            return
        lost = self.owner.execute(
            """
            select job.id from public.video_jobs job
            left join photoplay.leases lease on lease.job_id = job.id
            where job.status in ('queued', 'running') and lease.expires_at is null
                and not exists (
                    select from photoplay.pgqueuer item where item.payload = convert_to(job.id::text, 'utf8')
                )
            """
        ).fetchall()
        assert not lost


def _worker():
    from photoplay.db.pool import WORKER

    return WORKER


@pytest.mark.xdist_group("property")
def test_invariants_hold_in_any_order_of_events(postgres, template):
    class OneLife(Life):
        def __init__(self) -> None:
            super().__init__()
            self._copy = copied_database(postgres, template)
            name = self._copy.__enter__()
            self.dsn = postgres.dsn("photoplay_app", name)
            self.owner_dsn = postgres.dsn(dbname=name)

        def teardown(self) -> None:
            super().teardown()
            self._copy.__exit__(None, None, None)

    run_state_machine_as_test(
        OneLife,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
