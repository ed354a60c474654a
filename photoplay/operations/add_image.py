"""Remember a picture that passed intake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from photoplay.db.pool import Database, Scope


@dataclass(frozen=True, slots=True)
class NewImage:
    """A normalised picture that is in the store under `path`.

    Attributes:
        sha256: 32 bytes, of the stored object.
    """

    id: UUID
    path: str
    content_type: str
    width: int
    height: int
    bytes: int
    sha256: bytes


async def find_image(
    database: Database, scope: Scope, user_id: UUID, sha256: bytes
) -> dict[str, Any] | None:
    """Return the user's picture with this content (`id, path, width, height, bytes`), or None."""
    rows = await database.once(scope, "find_image", {"user_id": user_id, "sha256": sha256})
    return rows[0] if rows else None


async def add_image(
    database: Database, scope: Scope, user_id: UUID, image: NewImage
) -> dict[str, Any]:
    """Return the row that holds the picture: `id, path, width, height, bytes`.

    Transaction: one. Idempotent: by (user, content); the older row wins, and the caller removes the
    object it stored when `id` is not its own.

    Raises:
        UnavailableError: the database does not answer; nothing was remembered.
    """
    rows = await database.once(
        scope,
        "add_image",
        {
            "id": image.id,
            "user_id": user_id,
            "path": image.path,
            "content_type": image.content_type,
            "width": image.width,
            "height": image.height,
            "bytes": image.bytes,
            "sha256": image.sha256,
        },
    )
    if rows:
        return rows[0]
    # The older row committed after our statement's snapshot: it is visible now.
    known = await find_image(database, scope, user_id, image.sha256)
    if known is None:
        raise AssertionError("a conflicting row vanished")
    return known
