"""Give a user today's whole quota back."""

from __future__ import annotations

from uuid import UUID

from photoplay.db.pool import ADMIN, Database, uninterrupted
from photoplay.operations.write_audit import AuditEntry, write_audit


@uninterrupted
async def reset_quota(database: Database, user_id: UUID, *, actor: str) -> int:
    """Set today's used units of a user to zero and return how many that were.

    The reset is a row in the ledger under `actor`, and jobs that took their unit before it give none
    back any more. What videos cost is not touched.

    Transaction: one, with its audit row. Idempotent: a second call finds nothing to give back.
    """
    async with database.transaction(ADMIN) as tx:
        row = await tx.one("reset_quota", user_id=user_id, actor=actor)
        given_back = int(row["given_back"]) if row else 0
        details = {"given_back": given_back}
        await write_audit(tx, AuditEntry(actor, "quota.reset", str(user_id), details))
    return given_back
