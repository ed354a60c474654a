"""Write down what became of a submission."""

from __future__ import annotations

from uuid import UUID

from photoplay.db.pool import WORKER, Database, Transaction, uninterrupted
from photoplay.domain.errors import IllegalTransitionError
from photoplay.domain.job import Job
from photoplay.domain.states import AttemptStatus


async def set_attempt(
    tx: Transaction,
    job_id: UUID,
    attempt_id: UUID,
    status: AttemptStatus,
    **values: object,
) -> None:
    """Move an attempt along within a transaction; what is not named stays as it is."""
    unchanged: dict[str, object] = {
        "provider_task_id": None,
        "outcome": None,
        "error": None,
        "refusal": None,
        "charged": None,
        "cost_usd": None,
    }
    await tx.run(
        "set_attempt",
        job_id=job_id,
        attempt_id=attempt_id,
        status=status,
        **{**unchanged, **values},
    )


async def mark_sent(
    database: Database, job: Job, attempt_id: UUID, *, placed_picture: str | None = None
) -> None:
    """Say that the submission leaves now. Without this row's instant nothing can have left.

    Transaction: one. Idempotent: the first instant stays.

    Args:
        placed_picture: address of the picture in the submission, where it is all that the submission
            can be found by.

    Raises:
        LeaseLostError: another worker holds the job; do not send.
        IllegalTransitionError: the job was ended meanwhile; do not send.
    """
    await database.batch(
        WORKER,
        [
            ("hold_lease", {"job_id": job.id, "fence": job.fence}),
            (
                "mark_sent",
                {
                    "job_id": job.id,
                    "attempt_id": attempt_id,
                    "placed_picture": placed_picture,
                },
            ),
        ],
    )


@uninterrupted
async def record_acceptance(
    database: Database, job: Job, attempt_id: UUID, task_id: str, *, cost_usd: float | None
) -> None:
    """Submitting → waiting: the provider has the task, under its own name.

    Transaction: one. Idempotent: no; the second call finds no such edge.

    Args:
        cost_usd: what it will probably cost; replaced when the provider says what it did cost.

    Raises:
        LeaseLostError: another worker holds the job; the attempt will be resolved by it.
        IllegalTransitionError: the job was ended meanwhile.
    """
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        await set_attempt(
            tx,
            job.id,
            attempt_id,
            AttemptStatus.ACCEPTED,
            provider_task_id=task_id,
            cost_usd=cost_usd,
        )
        if not await tx.run("begin_waiting", job_id=job.id, provider_task_id=task_id):
            raise IllegalTransitionError


@uninterrupted
async def record_unknown(database: Database, job: Job, attempt_id: UUID) -> None:
    """The submission may have been taken: from now on it is only resolved, never sent again.

    Transaction: one. Idempotent: no; the second call finds no such edge.
    """
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        await set_attempt(tx, job.id, attempt_id, AttemptStatus.UNKNOWN)


@uninterrupted
async def record_late_acceptance(
    database: Database, job: Job, attempt_id: UUID, task_id: str, *, cost_usd: float | None
) -> None:
    """Tie the attempt of a job that has ended to the task that was found after all.

    Transaction: one. Idempotent: no; the second call finds no such edge.

    Args:
        cost_usd: what it will probably cost; replaced when the provider says what it did cost.
    """
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        await set_attempt(
            tx,
            job.id,
            attempt_id,
            AttemptStatus.ACCEPTED,
            provider_task_id=task_id,
            cost_usd=cost_usd,
        )
