"""How a sign-in's subject becomes a user id."""

from __future__ import annotations

from uuid import UUID, uuid5


def user_id_of(subject: object, namespace: UUID | None) -> UUID | None:
    """Return the user that a subject names, None where it names none.

    A UUID is itself. With a namespace any other text becomes the UUIDv5 of its own there: the same text
    is always the same user, and nobody but the sign-in chooses it.
    """
    if not isinstance(subject, str) or not subject:
        return None
    try:
        return UUID(subject)
    except ValueError:
        return uuid5(namespace, subject) if namespace is not None else None
