"""Say when an API key was last used."""

from __future__ import annotations

from photoplay.db.pool import ADMIN, Database


async def record_key_use(database: Database, prefix: str) -> None:
    """Set the key's last use to now, unless that was said within the last minute.

    Transaction: one. Idempotent: yes.
    """
    await database.once(ADMIN, "record_key_use", {"prefix": prefix})
