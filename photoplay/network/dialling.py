"""Connections that lead exactly where the judgement said, and carry a request once.

aiohttp asks our resolver for each new connection; it looks the name up once, judges every answer,
and hands over the very addresses that passed. The sockets are made here too, and judged once more,
because aiohttp dials literal addresses without asking a resolver. No proxy and no password file of
the environment is used, no cookie kept, no redirect followed, no request repeated.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from errno import ETIMEDOUT
from functools import cache
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

import photoplay
from photoplay.domain.http import HttpRequest
from photoplay.network.addresses import Address, AddressPolicy, CheckedUrl
from photoplay.network.errors import NotSentError, NotSentReason, UnansweredError, UnansweredReason
from photoplay.network.guard import Resolver, look_up

USER_AGENT: Final = f"Photoplay/{photoplay.__version__}"

_CONNECT_S: Final = 10.0
_LOOKUP_S: Final = 5.0
# Servers close idle connections after 5 s at the earliest (uvicorn, Node): give them up before.
_IDLE_S: Final = 4.0
_CONNECTIONS: Final = 256


@dataclass(slots=True)
class Dial:
    """One request under way, and how far it came.

    Attributes:
        checked: where to.
        policy: which addresses may be dialled for it.
        is_connected: from here on bytes of the request may have left.
        addresses: the literal one, or those that were judged good; empty on a reused connection.
        status: of the answer, once its head has come.
    """

    checked: CheckedUrl
    policy: AddressPolicy
    is_connected: bool = False
    addresses: tuple[Address, ...] = field(default=())
    status: int | None = None

    def __post_init__(self) -> None:
        if self.checked.address is not None:
            self.addresses = (self.checked.address,)

    def failure(self, error: Exception) -> NotSentError | UnansweredError:
        """Return what `error` means for the request: not sent, or not answered."""
        if self.is_connected:
            return UnansweredError(_unanswered_reason(error), self.status)
        return NotSentError(_not_sent_reason(error))


# aiohttp hands neither its resolver nor its sockets the request they are for.
_current: ContextVar[Dial] = ContextVar("photoplay_dial")


class Dialler:
    """Opens exchanges, each on a connection that was judged for it.

    Args:
        resolver: turns names into addresses; stays the caller's to close.
        keep_alive: reuse an idle connection to the same scheme, host and port. Only for requests
            that are harmless when a dying connection swallows them.
    """

    def __init__(self, resolver: Resolver, *, keep_alive: bool) -> None:
        self._resolver = resolver
        self._keep_alive = keep_alive
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def open(
        self, request: HttpRequest, dial: Dial, *, decompress: bool
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send the request and give its answer's head; the body is read from it, then it is closed.

        Raises:
            UrlNotAllowedError: its name resolves to an address that is refused; nothing was sent.
            NotSentError: nothing was sent.
            UnansweredError: it may have arrived.
        """
        session = self._opened()
        token = _current.set(dial)
        try:
            response = await session.request(
                request.method,
                URL(dial.checked.url, encoded=True),
                # As a stream, so that a body of many megabytes is not written in one piece.
                data=None if request.body is None else io.BytesIO(request.body),
                headers={"Accept-Encoding": "identity", **request.headers},
                skip_auto_headers=("Content-Type",),
                allow_redirects=False,
                auto_decompress=decompress,
            )
        finally:
            _current.reset(token)
        dial.status = response.status
        try:
            yield response
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_create_end.append(_mark_connected)
            trace.on_connection_reuseconn.append(_mark_connected)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=_CONNECTIONS,
                    resolver=_JudgingResolver(self._resolver),
                    use_dns_cache=False,
                    socket_factory=_open_socket,
                    ssl=trust(),
                    force_close=not self._keep_alive,
                    keepalive_timeout=_IDLE_S if self._keep_alive else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": USER_AGENT},
                middlewares=(_once,),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
                trace_configs=[trace],
                trust_env=False,
            )
        return self._session


@cache
def trust() -> ssl.SSLContext:
    """Return what this process trusts: the system's authorities, or those in SSL_CERT_FILE."""
    return ssl.create_default_context()


class _JudgingResolver(AbstractResolver):
    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        dial = _current.get()
        try:
            found = await look_up(dial.checked, self._resolver, deadline_s=_LOOKUP_S)
        except TimeoutError:
            raise OSError(ETIMEDOUT, "no answer of the resolver") from None
        dial.addresses = dial.policy.choose(dial.checked, found)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in dial.addresses
        ]

    async def close(self) -> None:
        """Nothing: the resolver belongs to whoever made it."""


def _open_socket(target: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    family, kind, protocol, _, place = target
    dial = _current.get()
    if ip_address(str(place[0])) not in dial.addresses:
        raise PermissionError("an address that was not judged must not be dialled")
    return socket.socket(family=family, type=kind, proto=protocol)


async def _mark_connected(_session: object, _context: SimpleNamespace, _params: Any) -> None:
    _current.get().is_connected = True


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    # aiohttp sends GET, PUT and DELETE again when a connection is lost; it does not know our
    # errors, so they end the request. Their causes are left out: they quote the address.
    try:
        return await handler(request)
    except (aiohttp.ClientError, OSError) as error:
        raise _current.get().failure(error) from None


def _not_sent_reason(error: Exception) -> NotSentReason:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "dns"
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError | ssl.CertificateError):
        return "tls"
    return "timeout" if isinstance(error, TimeoutError) else "connect"


def _unanswered_reason(error: Exception) -> UnansweredReason:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "cut"
    return "malformed" if isinstance(error, aiohttp.ClientResponseError) else "reset"
