"""Take, keep and end the right to write for a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from photoplay.db.pool import WORKER, Database
from photoplay.domain.errors import LeaseLostError
from photoplay.domain.job import Job


@dataclass(frozen=True, slots=True)
class Busy:
    """Another handler holds the job until `until`."""

    until: datetime


async def claim_job(
    database: Database, job_id: UUID, *, item_id: int, worker_id: UUID, lease: timedelta
) -> Job | Busy | None:
    """Return the job under a fresh lease; None when it does not exist any more.

    Every claim raises the job's fence: whoever held it before can write no more.

    Transaction: one. Idempotent: no; a second claim makes the first one late.
    """
    values = {"job_id": job_id, "item_id": item_id, "worker_id": worker_id, "lease": lease}
    claimed, jobs = await database.batch(
        WORKER, [("claim_job", values), ("get_claimed_job", {"job_id": job_id})]
    )
    claim = claimed[0]
    if not claim["job_exists"] or not jobs:
        return None
    if claim["fence"] is None:
        return Busy(claim["until"])
    return Job.from_row(jobs[0], claim["fence"])


async def renew_lease(database: Database, job: Job, lease: timedelta) -> None:
    """Keep the lease for another while.

    Raises:
        LeaseLostError: another worker holds the job; stop what you are doing for it.
    """
    values = {"job_id": job.id, "fence": job.fence, "lease": lease}
    if not await database.once(WORKER, "renew_lease", values):
        raise LeaseLostError


async def release_job(
    database: Database, job: Job, *, wake_after: timedelta | None, lane: str, failed: bool = False
) -> None:
    """End the lease and, unless `wake_after` is None, ask to be woken again.

    Transaction: one. Idempotent: yes; a lease that was lost is left alone.
    """
    statements: list[tuple[str, dict[str, object]]] = [
        ("release_lease", {"job_id": job.id, "fence": job.fence, "failed": failed})
    ]
    if wake_after is not None:
        statements.append(("wake_job", {"job_id": job.id, "delay": wake_after, "lane": lane}))
    await database.batch(WORKER, statements)
