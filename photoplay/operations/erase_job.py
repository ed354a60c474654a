"""Erase a job: its row, its content and its objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from photoplay.db.pool import Database, Scope, Transaction, uninterrupted
from photoplay.domain.errors import NotFoundError
from photoplay.domain.states import OPEN, Status
from photoplay.operations.cancel_job import end_as_cancelled, name_unwanted_objects
from photoplay.operations.write_audit import AuditEntry, write_audit


@uninterrupted
async def erase_job(
    database: Database, scope: Scope, job_id: UUID, *, audit: AuditEntry | None = None
) -> list[str]:
    """Remove a job and return the keys of its objects, which the caller may remove at once.

    An open job is cancelled first. A stub without content stays: its key answers 410, its quota unit
    still counts. Where its provider may still be at work, a row without content stays too, for the worker
    alone, which asks the provider to stop and writes down what it cost (record_late_end). The keys are also
    written down, so that a worker removes them again should a late upload bring one back.

    Transaction: one. Idempotent: a second call finds nothing.

    Args:
        audit: the row that an operator's act leaves; needs the scope `ADMIN`.

    Raises:
        NotFoundError: missing, erased before, or another user's.
    """
    async with database.transaction(scope) as tx:
        job = await tx.one("lock_job", job_id=job_id)
        if job is None:
            raise NotFoundError("There is no such job.", code="job_not_found")
        paths = await erase_locked(tx, job)
        if audit is not None:
            await write_audit(tx, audit)
    return paths


async def erase_locked(tx: Transaction, job: Mapping[str, Any]) -> list[str]:
    """Erase a job within a transaction that holds its row locked; the keys of its objects."""
    if Status(job["status"]) in OPEN:
        await end_as_cancelled(tx, job["id"])
    paths = await name_unwanted_objects(tx, job["user_id"], job["id"])
    fetched = [row["path"] for row in await tx.all("erase_fetched_picture", job_id=job["id"])]
    await tx.run("mark_objects_erased", job_id=job["id"], paths=fetched)
    await tx.run("erase_job", job_id=job["id"])
    return [*paths, *fetched]
