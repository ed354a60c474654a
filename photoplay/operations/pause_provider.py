"""Stop or go on sending to a provider, for all workers at once."""

from __future__ import annotations

from photoplay.db.pool import ADMIN, Database
from photoplay.operations.write_audit import AuditEntry


async def pause_provider(database: Database, name: str, *, actor: str) -> None:
    """Begin no attempt at the provider any more; what is under way there is followed to its end.

    Transaction: one, with its audit row. Idempotent: the first pause and its actor stay.
    """
    entry = AuditEntry(actor, "provider.pause", name)
    await database.batch(
        ADMIN, [("pause_provider", {"name": name, "actor": actor}), entry.statement]
    )


async def resume_provider(database: Database, name: str, *, actor: str) -> None:
    """Let attempts begin at the provider again, also when its circuit breaker was open.

    Transaction: one, with its audit row. Idempotent: yes.
    """
    entry = AuditEntry(actor, "provider.resume", name)
    await database.batch(ADMIN, [("resume_provider", {"name": name}), entry.statement])
