"""Erase jobs that are past their retention, on an operator's wish; a worker does it anyway now and then."""

from __future__ import annotations

from photoplay.db.pool import ADMIN, Database, uninterrupted
from photoplay.operations.erase_job import erase_locked
from photoplay.operations.write_audit import AuditEntry, write_audit


@uninterrupted
async def erase_expired(database: Database, *, actor: str, limit: int = 100) -> list[str]:
    """Erase the oldest jobs past their retention and return the keys of their objects.

    Transaction: one, with one audit row where anything was erased. Idempotent: a later call goes on
    with what is left.
    """
    async with database.transaction(ADMIN) as tx:
        jobs = await tx.all("lock_expired", limit=limit)
        paths = [path for job in jobs for path in await erase_locked(tx, job)]
        if jobs:
            details = {"jobs": len(jobs)}
            await write_audit(tx, AuditEntry(actor, "retention.run", "retention", details))
    return paths
