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


async def record_callback(database: Database, attempt: CalledAttempt, task_id: str | None) -> str:
    """Keep the task id that a genuine callback names, where we have none yet, and wake the job.

    Returns what it was: `accepted`, `repeated` or `late`.

    Transaction: one. Idempotent: a thousand callbacks leave what one leaves, and notes of the first
    twenty; none changes a state.
    """
    noted, *_ = await database.batch(
        WORKER,
        [
            ("note_callback", {"attempt_id": attempt.id, "is_forged": False}),
            ("record_callback", {"attempt_id": attempt.id, "task_id": task_id}),
            ("wake_job", {"job_id": attempt.job_id, "delay": None, "lane": "steps"}),
        ],
    )
    # The attempt of a job that was erased meanwhile is no more.
    return noted[0]["result"] if noted else "late"


async def record_forged_callback(database: Database, attempt: CalledAttempt) -> None:
    """Note that a callback of this attempt was not genuine, for whoever looks; nothing else is done.

    Transaction: one. Idempotent: twenty are noted at most.
    """
    await database.once(WORKER, "note_callback", {"attempt_id": attempt.id, "is_forged": True})
