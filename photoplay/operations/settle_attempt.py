"""End an attempt, and with it the job or only this try."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from photoplay.db.pool import WORKER, Database, uninterrupted
from photoplay.domain.errors import IllegalTransitionError
from photoplay.domain.job import Job
from photoplay.domain.outcomes import FailureCode, Succeeded
from photoplay.domain.routing import may_have_been_charged
from photoplay.domain.states import AttemptStatus, Phase
from photoplay.operations.cancel_job import name_unwanted_objects
from photoplay.operations.record_submission import set_attempt


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """What lies in the store and what it was measured to be.

    Attributes:
        sha256: hexadecimal, of the stored bytes.
    """

    path: str
    poster_path: str | None
    width: int
    height: int
    duration_s: float
    bytes: int
    sha256: str


@uninterrupted
async def record_result(
    database: Database, job: Job, attempt_id: UUID, result: Succeeded, *, charged: bool
) -> None:
    """Waiting → storing: the provider has delivered; where from is kept with the attempt.

    Transaction: one. Idempotent: no; the second call finds no such edge.

    Raises:
        LeaseLostError: another worker holds the job.
        IllegalTransitionError: the job was ended meanwhile.
    """
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        await set_attempt(
            tx,
            job.id,
            attempt_id,
            AttemptStatus.SUCCEEDED,
            outcome=Jsonb({"location": result.location}),
            cost_usd=result.cost_usd,
            charged=charged,
        )
        if not await tx.run("begin_storing", job_id=job.id, result=Jsonb(result.provenance)):
            raise IllegalTransitionError


@uninterrupted
async def keep_result(
    database: Database, job: Job, attempt_id: UUID, location: str, *, unusable: int = 0
) -> None:
    """Keep what is known of a delivered clip that is not stored yet.

    Transaction: one. Idempotent: yes.

    Args:
        location: its address, a new one where the old one has expired.
        unusable: how often what was fetched from there was damaged.

    Raises:
        LeaseLostError: another worker holds the job.
    """
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        await set_attempt(
            tx,
            job.id,
            attempt_id,
            AttemptStatus.SUCCEEDED,
            outcome=Jsonb({"location": location, "unusable": unusable}),
        )


@uninterrupted
async def settle_success(
    database: Database, job: Job, video: StoredVideo, *, keep_for: timedelta | None
) -> None:
    """Storing → done, succeeded: the object is in the store, now the job says so.

    Transaction: one. Idempotent: no; the second call finds no such edge, and the object is the same.

    Args:
        keep_for: retention of the video; None keeps it until it is erased.

    Raises:
        LeaseLostError: another worker holds the job; it will find the object and adopt it.
        IllegalTransitionError: the job was ended meanwhile.
    """
    facts = {k: v for k, v in asdict(video).items() if k not in {"path", "poster_path"}}
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        ended = await tx.run(
            "succeed_job",
            job_id=job.id,
            path=video.path,
            poster_path=video.poster_path,
            video=Jsonb(facts),
            keep_for=keep_for,
        )
        if not ended:
            raise IllegalTransitionError


@uninterrupted
async def settle_failure(
    database: Database,
    job: Job,
    code: FailureCode,
    message: str,
    *,
    charged: bool | None,
    retryable: bool,
    attempt_status: AttemptStatus | None = None,
) -> None:
    """End the job as failed; its quota unit goes back when it is sure that no attempt was charged.

    Transaction: one. Idempotent: no; the second call finds no open job.

    Args:
        message: for the user; never a provider's text.
        charged: whether the newest attempt was; None when it is not known. The unit is then kept, as it is
            when an earlier attempt was or may have been charged.
        attempt_status: ending of the newest attempt, where it is still open.
    """
    in_all = may_have_been_charged([t.charged for t in job.tries] + [charged])
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        if attempt_status is not None and job.attempt is not None:
            await set_attempt(
                tx, job.id, job.attempt.id, attempt_status, error=message, charged=charged
            )
        ended = await tx.run(
            "fail_job",
            job_id=job.id,
            code=code,
            message=message,
            retryable=retryable,
            charged=in_all,
        )
        if not ended:
            raise IllegalTransitionError
        if in_all is False:
            await tx.run("return_unit", job_id=job.id)
        if job.phase is Phase.STORING:
            await name_unwanted_objects(tx, job.user_id, job.id)


@uninterrupted
async def prepare_again(
    database: Database,
    job: Job,
    attempt_id: UUID,
    *,
    refusal: str,
    charged: bool | None,
    ending: AttemptStatus = AttemptStatus.FAILED,
    error: str | None = None,
) -> None:
    """Back to preparing: a definite verdict ended this attempt, another may follow.

    Transaction: one. Idempotent: no; the second call finds no such edge.

    Args:
        refusal: class of the verdict, which routing looks at.
        error: what is written down instead of that class.
    """
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        await set_attempt(
            tx,
            job.id,
            attempt_id,
            ending,
            refusal=refusal,
            error=error or refusal,
            charged=charged,
        )
        await tx.run("begin_again", job_id=job.id)


async def record_verdict(
    database: Database, provider: str, *, failed: bool, attention: str | None = None
) -> None:
    """Count a definite verdict for the provider's circuit breaker.

    Transaction: one, apart from the attempt's: a count that is lost in a crash does no harm.

    Args:
        attention: why an operator must act; cleared by the next success.
    """
    await database.once(
        WORKER,
        "count_verdict",
        {"provider": provider, "failed": failed, "attention": attention},
    )


async def mark_cancel_asked(database: Database, job: Job, attempt_id: UUID) -> None:
    """Say that the provider is asked to stop; it is asked once.

    Transaction: one. Idempotent: yes.
    """
    await database.batch(
        WORKER,
        [
            ("hold_lease", {"job_id": job.id, "fence": job.fence}),
            ("mark_cancel_asked", {"job_id": job.id, "attempt_id": attempt_id}),
        ],
    )


@uninterrupted
async def record_late_end(
    database: Database,
    job: Job,
    attempt_id: UUID,
    status: AttemptStatus,
    cost_usd: float | None,
    *,
    charged: bool | None,
) -> None:
    """End the attempt of a job that ended before: its cost is recorded, the job stays as it is.

    When no attempt turns out to have been charged, the job's quota unit goes back. An erased job waited for
    this: it goes now.

    Transaction: one. Idempotent: no; the second call finds no such edge.
    """
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        await set_attempt(tx, job.id, attempt_id, status, cost_usd=cost_usd, charged=charged)
        await tx.run("return_unit_unless_charged", job_id=job.id)
        await tx.run("forget_erased_job", job_id=job.id)
