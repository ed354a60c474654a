"""One request, on the wire at most once.

What makes a paid submission happen exactly once is knowing what became of the one request that was
sent. So a failure here always says which of two things is true: nothing left this machine
(`NotSentError`), or the request may have arrived (`UnansweredError`).
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

import aiohttp

from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.network.addresses import AddressPolicy, check_url
from photoplay.network.dialling import Dial, Dialler
from photoplay.network.errors import NotSentError, UrlNotAllowedError
from photoplay.network.guard import Resolver
from photoplay.telemetry import get_logger

# Requests that change nothing may be lost on a dying connection; all others get a fresh one.
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})

_log = get_logger(__name__)


class Sender:
    """Sends requests to APIs: providers, and receivers of webhooks.

    Keep one for providers and one for webhooks, each with a resolver of its own: slow receivers
    then hold nothing that providers need.

    Args:
        policy: where requests may go.
        resolver: turns names into addresses; stays the caller's to close.
    """

    def __init__(self, policy: AddressPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._fresh = Dialler(resolver, keep_alive=False)
        self._pooled = Dialler(resolver, keep_alive=True)

    async def send(
        self, request: HttpRequest, *, deadline_s: float, max_body_bytes: int
    ) -> HttpResponse:
        """Return the complete answer to the request, whatever its status; redirects are answers.

        The request is tried once, on a new connection unless it is a GET or HEAD. A cancelled call
        says nothing about the request: treat it as unanswered.

        Args:
            request: what to send.
            deadline_s: for everything from the look-up to the last byte of the answer.
            max_body_bytes: longer answers come back cut, marked `truncated`.

        Raises:
            NotSentError: nothing was sent; it may be sent again.
            UnansweredError: it may have arrived; find out before anything else is sent.
        """
        try:
            dial = Dial(check_url(request.url, self._policy), self._policy)
        except UrlNotAllowedError:
            raise NotSentError("url_not_allowed") from None
        dialler = self._pooled if request.method in _SAFE_METHODS else self._fresh
        try:
            async with asyncio.timeout(deadline_s):
                response = await _exchange(dialler, request, dial, max_body_bytes)
        except TimeoutError as error:
            raise dial.failure(error) from None
        except UrlNotAllowedError:
            raise NotSentError("url_not_allowed") from None
        _log.debug(
            "request.answered",
            method=request.method,
            host=dial.checked.host,
            status=response.status,
            size_bytes=len(response.body),
        )
        return response

    async def close(self) -> None:
        """Close every connection."""
        await self._fresh.close()
        await self._pooled.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def _exchange(
    dialler: Dialler, request: HttpRequest, dial: Dial, max_body_bytes: int
) -> HttpResponse:
    async with dialler.open(request, dial, decompress=True) as answer:
        body = bytearray()
        try:
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > max_body_bytes:
                    break
        except (aiohttp.ClientError, OSError) as error:
            raise dial.failure(error) from None
        return HttpResponse.build(
            answer.status,
            answer.headers.items(),
            bytes(body[:max_body_bytes]),
            truncated=len(body) > max_body_bytes,
        )
