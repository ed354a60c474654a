"""A provider called back: remember its hint, and look at the task now."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from photoplay.db.pool import WORKER, Database


@dataclass(frozen=True, slots=True)
class CalledAttempt:
    """The attempt that a callback's address names."""

    id: UUID
    job_id: UUID
    provider: str
    provider_task_id: str | None


async def find_attempt(database: Database, token: str) -> CalledAttempt | None:
    """Return the attempt of an unguessable token, or None."""
    rows = await database.once(WORKER, "find_attempt_by_token", {"token": token})
    return CalledAttempt(**rows[0]) if rows else None


async def record_callback(database: Database, attempt: CalledAttempt, task_id: str | None) -> None:
    """Keep the task id that the callback names, where we have none yet, and wake the job.

    Transaction: one. Idempotent: a thousand callbacks leave what one leaves; none changes a state.
    """
    await database.batch(
        WORKER,
        [
            ("record_callback", {"attempt_id": attempt.id, "task_id": task_id}),
            ("wake_job", {"job_id": attempt.job_id, "delay": None, "lane": "steps"}),
        ],
    )
