"""Callers with an API key of ours."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from photoplay.api.authentication.caller import Caller
from photoplay.db.pool import ADMIN, Database
from photoplay.domain.api_key import KeyScope, KeyText
from photoplay.domain.errors import PhotoplayError, UnauthenticatedError
from photoplay.operations.record_key_use import record_key_use
from photoplay.telemetry import get_logger

# How long a key that another process revoked may still work here.
_FRESH_S: Final = 1.0
_MOST: Final = 1000
_NOBODYS_HASH: Final = bytes(32)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    """A key as it was looked up."""

    secret_hash: bytes
    caller: Caller
    expires_at: datetime | None
    looked_up: float


class ApiKeys:
    """Verifies API keys; a key in constant use is looked up once a second.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def verify(self, text: str) -> Caller:
        """Return who holds the key.

        Raises:
            UnauthenticatedError: unknown, revoked, expired or no key at all; one answer for all.
            UnavailableError: the database does not answer; nobody is let in meanwhile.
        """
        key = KeyText.parse(text)
        known = await self._find(key.prefix) if key else None
        expected = known.secret_hash if known else _NOBODYS_HASH
        is_right = key is not None and hmac.compare_digest(key.secret_hash, expected)
        if known is None or not is_right or _is_over(known):
            raise UnauthenticatedError
        return known.caller

    def forget(self) -> None:
        """Look every key up again; called where one was revoked."""
        self._known.clear()

    async def close(self) -> None:
        """Let what is being noted end."""
        await asyncio.gather(*self._notes, return_exceptions=True)

    async def _find(self, prefix: str) -> _Known | None:
        known = self._known.get(prefix)
        if known is not None and self._clock() - known.looked_up < _FRESH_S:
            return known
        looked_up = self._clock()
        rows = await self._database.once(ADMIN, "find_key", {"prefix": prefix})
        if not rows:
            self._known.pop(prefix, None)
            return None
        row = rows[0]
        if row["is_use_news"]:
            self._note_use(prefix)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[prefix] = _known(row, looked_up)
        return self._known[prefix]

    def _note_use(self, prefix: str) -> None:
        note = asyncio.create_task(self._record_use(prefix))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def _record_use(self, prefix: str) -> None:
        try:
            await record_key_use(self._database, prefix)
        except PhotoplayError as error:
            # For people only: the next use tries again.
            _log.warning("key.use_not_recorded", error=error.code)


def _known(row: dict[str, Any], looked_up: float) -> _Known:
    is_admin = KeyScope(row["scope"]) is KeyScope.ADMIN
    caller = Caller(f"key:{row['prefix']}", row["user_id"], is_admin)
    return _Known(bytes(row["secret_hash"]), caller, row["expires_at"], looked_up)


def _is_over(known: _Known) -> bool:
    return known.expires_at is not None and known.expires_at <= datetime.now(UTC)
