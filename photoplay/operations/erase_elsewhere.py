"""What providers hold of an erased job: which tasks, and that they were asked to delete them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from photoplay.db.pool import WORKER, Database


@dataclass(frozen=True, slots=True)
class HeldTask:
    """A task of which its provider may still hold the picture, the prompt or the clip."""

    id: UUID
    provider: str
    model: str
    provider_task_id: str
    accepted_at: datetime | None


async def held_tasks(database: Database, job_id: UUID) -> list[HeldTask]:
    """Return the tasks whose provider was not asked yet, oldest first."""
    rows = await database.once(WORKER, "list_held_tasks", {"job_id": job_id})
    return [HeldTask(**row) for row in rows]


async def mark_erased_there(database: Database, job_id: UUID, attempts: Sequence[UUID]) -> bool:
    """Say that the providers of these attempts were asked; whether that was all there was to wait for.

    The row of the job is gone then. After a day it is gone in any case.

    Transaction: one. Idempotent: yes.
    """
    marks = [
        ("mark_erased_there", {"job_id": job_id, "attempt_id": attempt}) for attempt in attempts
    ]
    *_, forgotten = await database.batch(
        WORKER, [*marks, ("forget_erased_job", {"job_id": job_id})]
    )
    return bool(forgotten[0]["forgotten"])
