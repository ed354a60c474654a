"""Stop or go on sending to a provider, for all workers at once."""

from __future__ import annotations

from photoplay.db.pool import ADMIN, Database


async def pause_provider(database: Database, name: str, *, actor: str) -> None:
    """Begin no attempt at the provider any more; what is under way there is followed to its end.

    Transaction: one. Idempotent: the first pause and its actor stay.
    """
    await database.once(ADMIN, "pause_provider", {"name": name, "actor": actor})


async def resume_provider(database: Database, name: str) -> None:
    """Let attempts begin at the provider again, also when its circuit breaker was open.

    Transaction: one. Idempotent: yes.
    """
    await database.once(ADMIN, "resume_provider", {"name": name})
