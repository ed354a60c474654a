"""Look at a job now, on an operator's wish."""

from __future__ import annotations

from uuid import UUID

from photoplay.db.pool import ADMIN, Database, uninterrupted
from photoplay.domain.errors import NotFoundError
from photoplay.operations.write_audit import AuditEntry, write_audit


@uninterrupted
async def requeue_job(database: Database, job_id: UUID, *, actor: str) -> None:
    """Make a worker run the job's phase now; also where its work item was lost.

    Transaction: one, with its audit row. Idempotent: waking a job is harmless, each call is audited.

    Raises:
        NotFoundError: there is no such job.
    """
    async with database.transaction(ADMIN) as tx:
        if await tx.one("lock_job", job_id=job_id) is None:
            raise NotFoundError("There is no such job.", code="job_not_found")
        await tx.run("wake_job", job_id=job_id, delay=None, lane="steps")
        await write_audit(tx, AuditEntry(actor, "job.requeue", str(job_id)))
