"""Give a user today's whole quota back."""

from __future__ import annotations

from uuid import UUID

from photoplay.db.pool import ADMIN, Database
from photoplay.operations.write_audit import AuditEntry


async def reset_quota(database: Database, user_id: UUID, *, actor: str) -> int:
    """Set today's used units of a user to zero and return how many that were.

    The reset is a row in the ledger under `actor`, and jobs that took their unit before it give none
    back any more.

    Transaction: one, with its audit row. Idempotent: a second call finds nothing to give back.
    """
    entry = AuditEntry(actor, "quota.reset", str(user_id))
    values = {"user_id": user_id, "actor": actor}
    rows, _ = await database.batch(ADMIN, [("reset_quota", values), entry.statement])
    return int(rows[0]["given_back"]) if rows else 0
