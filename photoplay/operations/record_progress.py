"""Show how far a job is."""

from __future__ import annotations

from photoplay.db.pool import WORKER, Database
from photoplay.domain.job import Job


async def record_progress(database: Database, job: Job, progress: float) -> None:
    """Raise the job's progress (0 to 1); it never goes back, and a lower value writes nothing.

    Transaction: one. Idempotent: yes.

    Raises:
        LeaseLostError: another worker holds the job.
    """
    await database.batch(
        WORKER,
        [
            ("hold_lease", {"job_id": job.id, "fence": job.fence}),
            ("set_progress", {"job_id": job.id, "progress": round(progress, 3)}),
        ],
    )
