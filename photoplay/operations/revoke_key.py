"""Take an API key out of use."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from photoplay.db.pool import ADMIN, Database, uninterrupted
from photoplay.domain.errors import NotFoundError
from photoplay.operations.write_audit import AuditEntry, write_audit


@uninterrupted
async def revoke_key(database: Database, key_id: UUID, *, actor: str) -> dict[str, Any]:
    """Return the row of a key that is refused from now on.

    Transaction: one, with its audit row. Idempotent: the first revocation stays, and alone is audited.

    Raises:
        NotFoundError: there is no such key.
    """
    async with database.transaction(ADMIN) as tx:
        known = await tx.one("lock_key", key_id=key_id)
        revoked = await tx.one("revoke_key", key_id=key_id)
        if known is None or revoked is None:
            raise NotFoundError("There is no such key.", code="key_not_found")
        if known["revoked_at"] is None:
            details = {"prefix": revoked["prefix"], "scope": revoked["scope"]}
            await write_audit(tx, AuditEntry(actor, "key.revoke", str(key_id), details))
    return revoked
