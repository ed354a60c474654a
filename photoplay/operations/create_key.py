"""Make an API key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from photoplay.db.pool import ADMIN, Database
from photoplay.domain.api_key import KeyScope, KeyText
from photoplay.domain.errors import UnprocessableRequestError
from photoplay.operations.write_audit import AuditEntry


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key should be.

    Attributes:
        name: for people, 1 to 100 characters.
        user_id: whom a key of scope `jobs` acts for; None with scope `admin`.
        expires_at: None for never.
    """

    name: str
    scope: KeyScope
    user_id: UUID | None = None
    expires_at: datetime | None = None


async def create_key(
    database: Database, new: NewKey, *, actor: str
) -> tuple[KeyText, dict[str, Any]]:
    """Return a fresh key and its row. The key's text is nowhere else: whoever loses it makes another.

    Transaction: one, with its audit row. Idempotent: no; every call makes a key.

    Raises:
        UnprocessableRequestError: a key of scope `jobs` without a user, or the other way round.
    """
    if (new.scope is KeyScope.JOBS) != (new.user_id is not None):
        raise UnprocessableRequestError(
            "userId: a key of scope jobs acts for one user and must name it; a key of scope admin must not",
            details={"fields": [{"field": "userId", "problem": "does not fit the scope"}]},
        )
    key = KeyText(secrets.token_hex(6), secrets.token_urlsafe(32))
    details = {
        "prefix": key.prefix,
        "scope": new.scope,
        "user_id": new.user_id and str(new.user_id),
    }
    values = {
        "id": uuid4(),
        "prefix": key.prefix,
        "secret_hash": key.secret_hash,
        "name": new.name,
        "scope": new.scope,
        "user_id": new.user_id,
        "created_by": actor,
        "expires_at": new.expires_at,
    }
    entry = AuditEntry(actor, "key.create", str(values["id"]), details)
    added, _ = await database.batch(ADMIN, [("add_key", values), entry.statement])
    return key, added[0]
