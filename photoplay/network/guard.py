"""Resolve a name and judge every address it has, at the moment of the call.

The same judgement runs twice: here when a user hands in an address, so that the answer is
immediate, and again in `dialling` for each connection, because a name can change its addresses in
between.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final, Protocol

from photoplay.network.addresses import Address, AddressPolicy, CheckedUrl, check_url
from photoplay.network.errors import UrlNotAllowedError

_LOOKUP_THREADS: Final = 32


class Resolver(Protocol):
    """Whatever turns a host name into addresses."""

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """Return every address of the name.

        Raises:
            OSError: the name has none, or could not be looked up.
        """
        ...


class SystemResolver:
    """The operating system's resolver, in threads of its own.

    A name whose servers never answer holds a thread for as long as the system tries. Keep one
    resolver for addresses that strangers choose and another for providers: then the former can
    exhaust nothing but their own.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="photoplay-resolve")

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """Return every address of the name.

        Raises:
            OSError: the name has none, or could not be looked up.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host, port)

    def close(self) -> None:
        """Start no more look-ups; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def resolve_allowed(
    url: str, policy: AddressPolicy, *, resolver: Resolver, deadline_s: float = 2.0
) -> CheckedUrl:
    """Return the address in its parts if all it resolves to now may be called.

    Args:
        url: as the user gave it.
        policy: where requests may go.
        resolver: the one kept for addresses that strangers choose.
        deadline_s: longest wait for the look-up.

    Raises:
        UrlNotAllowedError: it may not be called, or its name has no address; answer 400.
    """
    checked = check_url(url, policy)
    if checked.address is None:
        try:
            addresses = await look_up(checked, resolver, deadline_s=deadline_s)
        except OSError:
            raise UrlNotAllowedError("its name does not resolve") from None
        policy.choose(checked, addresses)
    return checked


async def look_up(
    checked: CheckedUrl, resolver: Resolver, *, deadline_s: float
) -> Sequence[Address]:
    """Return every address of the URL's host, not judged yet.

    Raises:
        OSError: the name has none, or could not be looked up in time; it may be tried again.
    """
    if checked.address is not None:
        return (checked.address,)
    async with asyncio.timeout(deadline_s):
        addresses = await resolver.resolve(checked.host, checked.port)
    if not addresses:
        raise OSError("the name has no address")
    return addresses


def _look_up(host: str, port: int) -> Sequence[Address]:
    try:
        found = socket.getaddrinfo(
            host,
            port,
            type=socket.SOCK_STREAM,
            proto=socket.IPPROTO_TCP,
            flags=socket.AI_ADDRCONFIG,
        )
    except UnicodeError as error:
        raise OSError("no name that can be looked up") from error
    return tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
