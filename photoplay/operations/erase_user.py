"""Erase a user: every job, picture, key and limit, and whatever of the user is still on its way."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from photoplay.db.pool import ADMIN, Database, uninterrupted
from photoplay.operations.erase_job import erase_locked
from photoplay.operations.write_audit import AuditEntry, write_audit


@dataclass(frozen=True, slots=True)
class ErasedUser:
    """What was erased.

    Attributes:
        paths: keys of the objects, which the caller may remove at once; a worker removes them again.
    """

    jobs: int
    images: int
    paths: list[str]


@uninterrupted
async def erase_user(
    database: Database, user_id: UUID, *, actor: str, blocked: bool = True
) -> ErasedUser:
    """Remove everything of a user; open jobs are cancelled first.

    What stays has no content: stubs of the jobs, events, the ledger, costs, the audit. A user who may come
    back keeps the request keys in those stubs, so that a repetition still makes no second job.

    Transaction: one, with its audit row; it waits for requests of the user that are being served.
    Idempotent: a second call finds nothing, and is audited.

    Args:
        blocked: take no job and no picture of the user any more (`user_erased`).
    """
    async with database.transaction(ADMIN) as tx:
        await tx.run("mark_user_erased", user_id=user_id, actor=actor, blocked=blocked)
        jobs = await tx.all("lock_jobs_of_user", user_id=user_id)
        paths = [path for job in jobs for path in await erase_locked(tx, job)]
        images = [row["path"] for row in await tx.all("erase_images", user_id=user_id)]
        await tx.run("mark_objects_erased", job_id=None, paths=images)
        await tx.run("erase_keys", user_id=user_id)
        await tx.run("erase_limits", user_id=user_id)
        if blocked:
            await tx.run("forget_request_keys", user_id=user_id)
        details = {"jobs": len(jobs), "images": len(images)}
        await write_audit(tx, AuditEntry(actor, "user.erase", str(user_id), details))
    return ErasedUser(len(jobs), len(images), [*paths, *images])
