"""Tie a job that was given an address to the picture that was fetched from it."""

from __future__ import annotations

from uuid import UUID

from photoplay.db.pool import WORKER, Database
from photoplay.domain.job import Job


async def record_picture(database: Database, job: Job, image_id: UUID) -> None:
    """Set the job's picture; from now on no run fetches the address again.

    Transaction: one. Idempotent: the first picture stays.

    Raises:
        LeaseLostError: another worker holds the job.
    """
    await database.batch(
        WORKER,
        [
            ("hold_lease", {"job_id": job.id, "fence": job.fence}),
            ("set_job_image", {"job_id": job.id, "image_id": image_id}),
        ],
    )
