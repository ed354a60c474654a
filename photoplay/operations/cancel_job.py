"""Stop a job on its user's wish."""

from __future__ import annotations

from uuid import UUID

from photoplay.db.pool import Database, Scope, Transaction, uninterrupted
from photoplay.domain.errors import ConflictError, NotFoundError
from photoplay.domain.job import poster_path, video_path
from photoplay.domain.states import OPEN, Phase, Status
from photoplay.operations.write_audit import AuditEntry, write_audit


@uninterrupted
async def cancel_job(
    database: Database, scope: Scope, job_id: UUID, *, audit: AuditEntry | None = None
) -> None:
    """End an open job as `cancelled`; its unit goes back unless an attempt was or may be billed.

    Transaction: one; status, attempts, quota, what may be in the store already, and the wake that lets the
    worker stop the provider.
    Idempotent: a cancelled job stays as it is.

    Args:
        audit: the row that an operator's act leaves; needs the scope `ADMIN`.

    Raises:
        NotFoundError: missing, or another user's.
        ConflictError: `already_finished`; it succeeded or failed before.
    """
    async with database.transaction(scope) as tx:
        job = await tx.one("lock_job", job_id=job_id)
        if job is None:
            raise NotFoundError("There is no such job.", code="job_not_found")
        status = Status(job["status"])
        if status in OPEN:
            await end_as_cancelled(tx, job_id)
            if job["phase"] == Phase.STORING:
                await name_unwanted_objects(tx, job["user_id"], job_id)
            await tx.run("wake_job", job_id=job_id, delay=None, lane="steps")
            if audit is not None:
                await write_audit(tx, audit)
        elif status is not Status.CANCELLED:
            raise ConflictError(
                f"The job has already {status}; there is nothing to cancel.",
                code="already_finished",
            )


async def end_as_cancelled(tx: Transaction, job_id: UUID) -> None:
    """End an open job within a transaction that holds its row locked."""
    await tx.run("cancel_job", job_id=job_id)
    await tx.run("cancel_free_attempts", job_id=job_id)
    await tx.run("return_unit_unless_charged", job_id=job_id)


async def name_unwanted_objects(tx: Transaction, user_id: UUID, job_id: UUID) -> list[str]:
    """Name the objects of a job that has no video, and return their keys.

    A clip that is there, or comes in late, is removed by the sweep.
    """
    paths = [video_path(user_id, job_id), poster_path(user_id, job_id)]
    await tx.run("mark_objects_erased", job_id=job_id, paths=paths)
    return paths
