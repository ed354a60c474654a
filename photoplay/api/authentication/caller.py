"""Whoever sent a request, once that is proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from photoplay.config import LOCAL_USER


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        actor: as the audit names it: `user:<id>`, `key:<prefix>`, `service` or `local`.
        user_id: the caller's own user; None for a server that acts for the users it names.
        is_admin: may operate the installation and act for others.
    """

    actor: str
    user_id: UUID | None
    is_admin: bool = False


LOCAL: Final = Caller("local", LOCAL_USER, is_admin=True)
"""Everybody who reaches a server in local mode: its one user, who is its operator too."""
