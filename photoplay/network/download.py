"""Fetch a file from an address that a user or a provider gave, onto the disk.

Memory stays constant whatever the size. A transfer that is cut goes on where it stopped, as long as
the server vouches with a validator that it is still the same file; else it starts anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from photoplay.domain.errors import UnavailableError
from photoplay.network.addresses import AddressPolicy, check_url
from photoplay.network.dialling import Dialler
from photoplay.network.errors import DownloadInterruptedError
from photoplay.network.guard import Resolver
from photoplay.network.transfer import Downloaded, DownloadLimits, Transfer, on_disk
from photoplay.telemetry import get_logger

_log = get_logger(__name__)


class Downloader:
    """Downloads files.

    Args:
        policy: where requests may go, redirects included.
        resolver: turns names into addresses; stays the caller's to close. Keep it apart from the
            one for providers.
    """

    def __init__(self, policy: AddressPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._dialler = Dialler(resolver, keep_alive=False)

    async def download(
        self,
        url: str,
        into: Path,
        limits: DownloadLimits,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Downloaded:
        """Fetch the file and return what arrived; on any error `into` does not exist afterwards.

        Args:
            url: where it is.
            into: file to write, replaced if it exists; its folder exists.
            limits: what the transfer may cost.
            headers: sent to the first address only, and to redirects within its origin.

        Raises:
            UrlNotAllowedError: the address, or one it redirects to, may not be called.
            DownloadTooLargeError: longer than `max_bytes`; choose another file.
            DownloadTypeError: not one of the types in `accept`.
            DownloadGoneError: refused by the server; only a new address can help.
            DownloadInterruptedError: fetch it again after `retry_after`, or soon.
            UnavailableError: the disk takes no more; fetch it again once it does.
        """
        checked = check_url(url, self._policy)
        try:
            with await on_disk(into.open, "wb") as file:
                transfer = Transfer(self._dialler, self._policy, limits, file)
                async with asyncio.timeout(limits.deadline_s):
                    downloaded = await transfer.run(checked, headers or {})
        except BaseException as error:
            with suppress(UnavailableError):
                await on_disk(into.unlink, missing_ok=True)
            if isinstance(error, TimeoutError):
                raise DownloadInterruptedError("it took too long") from None
            raise
        _log.debug(
            "download.finished",
            host=downloaded.final_url_host,
            size_bytes=downloaded.size_bytes,
            cuts=transfer.cuts,
        )
        return downloaded

    async def close(self) -> None:
        """Close every connection."""
        await self._dialler.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
