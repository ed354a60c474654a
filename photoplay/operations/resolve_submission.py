"""Say what became of a submission that nobody could confirm: an operator has looked it up."""

from __future__ import annotations

from uuid import UUID

from psycopg.rows import DictRow

from photoplay.db.pool import ADMIN, Database, Transaction, uninterrupted
from photoplay.domain.errors import ConflictError, NotFoundError
from photoplay.domain.outcomes import Refusal
from photoplay.domain.states import OPEN, AttemptStatus, Status
from photoplay.operations.record_submission import set_attempt
from photoplay.operations.write_audit import AuditEntry, write_audit


@uninterrupted
async def resolve_submission(
    database: Database, job_id: UUID, *, task_id: str | None, actor: str, n: int | None = None
) -> None:
    """Tie an unresolved attempt of the job to a provider's task, or declare that it never arrived.

    A task is a hint, as a callback's is: the worker asks the provider before it believes it. A submission
    that never arrived was not charged: an open job is tried again, an ended one gives its unit back.

    Transaction: one, with its audit row. Idempotent: no; a resolved attempt is refused.

    Args:
        task_id: the provider's name of the task; None: it never arrived.
        n: which attempt of the job, counted from 1; None: the only one that is unresolved.

    Raises:
        NotFoundError: there is no such job.
        ConflictError: `nothing_unresolved`, no such attempt of the job is unknown or lost; or
            `several_unresolved`, name one.
    """
    async with database.transaction(ADMIN) as tx:
        job = await tx.one("lock_job", job_id=job_id)
        if job is None:
            raise NotFoundError("There is no such job.", code="job_not_found")
        unresolved = await tx.all("find_unresolved_attempts", job_id=job_id, n=n)
        attempt = _only(unresolved)
        if task_id is not None:
            await tx.run("hint_task", attempt_id=attempt["id"], task_id=task_id)
        else:
            await _never_arrived(tx, job, attempt)
        await tx.run("wake_job", job_id=job_id, delay=None, lane="steps")
        entry = AuditEntry(
            actor,
            "submission.resolve",
            str(job_id),
            {"attempt": attempt["n"], "provider": attempt["provider"], "task_id": task_id},
        )
        await write_audit(tx, entry)


def _only(unresolved: list[DictRow]) -> DictRow:
    match unresolved:
        case [attempt]:
            return attempt
        case []:
            raise ConflictError(
                "No such submission of this job is unresolved; look at its attempts.",
                code="nothing_unresolved",
            )
        case _:
            which = ", ".join(str(attempt["n"]) for attempt in unresolved)
            raise ConflictError(
                f"Several submissions of this job are unresolved; name one of the attempts {which}.",
                code="several_unresolved",
            )


async def _never_arrived(tx: Transaction, job: DictRow, attempt: DictRow) -> None:
    job_id = job["id"]
    is_open = Status(job["status"]) in OPEN
    # Of an open job that has begun another attempt since, only the old one is written down.
    is_waited_for = is_open and attempt["status"] == AttemptStatus.UNKNOWN
    if is_waited_for:
        # Whoever is looking for it right now writes nothing more for this job.
        await tx.run("revoke_lease", job_id=job_id)
    await set_attempt(
        tx,
        job_id,
        attempt["id"],
        AttemptStatus.LOST,
        refusal=Refusal.UNAVAILABLE,
        charged=False,
    )
    if is_waited_for:
        await tx.run("begin_again", job_id=job_id)
    elif not is_open:
        await tx.run("return_unit_unless_charged", job_id=job_id)
