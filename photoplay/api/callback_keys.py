"""Keys that providers sign their callbacks with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from photoplay.domain.http import HttpRequest
from photoplay.domain.outcomes import CallbackOutcome, Forged
from photoplay.network.errors import NotSentError, UnansweredError
from photoplay.network.sender import Sender
from photoplay.providers.protocol import RemoteProvider
from photoplay.telemetry import get_logger

_MAX_BODY: Final = 1 << 20
_KEYS_LIVE_S: Final = 24 * 3600.0
_REFETCH_S: Final = 60.0
_RETRY_S: Final = 5.0
_FETCH_S: Final = 10.0
_log = get_logger(__name__)


class CallbackKeys:
    """Keys that providers sign callbacks with, fetched when needed and kept for a day.

    When a signature does not hold, the set is fetched again, at most once a minute: it may have been
    rotated. A fetch that fails leaves the keys that are there, and is repeated after seconds: without
    keys every genuine callback is refused.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._keys: dict[str, tuple[bytes, ...]] = {}
        self._fetched: dict[str, float] = {}
        self._next_fetch: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def verify(
        self, provider: RemoteProvider, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> CallbackOutcome:
        """Return whether a callback is genuine."""
        outcome = provider.verify_callback(headers, body, await self._get(provider), now)
        if isinstance(outcome, Forged) and await self._refetch(provider):
            outcome = provider.verify_callback(headers, body, self._keys[provider.name], now)
        return outcome

    async def _get(self, provider: RemoteProvider) -> Sequence[bytes]:
        age = time.monotonic() - self._fetched.get(provider.name, -_KEYS_LIVE_S)
        if age >= _KEYS_LIVE_S:
            await self._refetch(provider)
        return self._keys.get(provider.name, ())

    async def _refetch(self, provider: RemoteProvider) -> bool:
        request = provider.callback_keys()
        if request is None:
            return False
        async with self._lock:
            now = time.monotonic()
            if now < self._next_fetch.get(provider.name, now):
                return False
            keys = await self._fetch(provider, request)
            self._next_fetch[provider.name] = time.monotonic() + (_REFETCH_S if keys else _RETRY_S)
            if keys:
                self._keys[provider.name] = keys
                self._fetched[provider.name] = now
            return bool(keys)

    async def _fetch(self, provider: RemoteProvider, request: HttpRequest) -> tuple[bytes, ...]:
        try:
            response = await self._sender.send(
                request, deadline_s=_FETCH_S, max_body_bytes=_MAX_BODY
            )
        except (NotSentError, UnansweredError):
            _log.warning("callback.keys_unreachable", provider=provider.name)
            return ()
        keys = provider.read_callback_keys(response)
        if not keys:
            _log.warning("callback.keys_unusable", provider=provider.name)
        return keys
