"""The steps of one download: redirects, judgement of the answer, blocks, resumption."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import BinaryIO, Final, ParamSpec, TypeVar
from urllib.parse import urljoin

import aiohttp

from photoplay.domain.errors import UnavailableError
from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.network.addresses import AddressPolicy, CheckedUrl, check_url, is_public
from photoplay.network.dialling import Dial, Dialler
from photoplay.network.errors import (
    DownloadGoneError,
    DownloadInterruptedError,
    DownloadTooLargeError,
    DownloadTypeError,
    NotSentError,
    UnansweredError,
    UrlNotAllowedError,
)

P = ParamSpec("P")
T = TypeVar("T")

MAX_REDIRECTS: Final = 5
MAX_CUTS: Final = 8
"""Times that one download goes on after a lost connection; each has to have brought bytes."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PASSING: Final = frozenset({408, 425, 429})
_WHOLE: Final = frozenset({200, 203})
# What stores call a file of which they were told nothing.
_UNTYPED: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.ASCII)
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that arrived whole.

    Attributes:
        size_bytes: its length.
        sha256: of its bytes, 64 hexadecimal digits.
        content_type: what the server called it, lower case without parameters; may be empty.
        final_url_host: the host that gave it out, after redirects.
    """

    size_bytes: int
    sha256: str
    content_type: str
    final_url_host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """What a download may cost, and what it has to bring.

    Attributes:
        max_bytes: longest file.
        deadline_s: for everything, redirects and resumptions included.
        min_rate_bytes_s: slowest transfer; `min_rate_bytes_s * window_s` bytes must come in each
            `window_s`, and that many are held in memory.
        window_s: also the longest wait for the head of an answer.
        expected_length: exact length in bytes where it is known.
        accept: beginnings of content types, such as `image/`; empty for any. Files of which the
            server does not know the type are always taken.
    """

    max_bytes: int
    deadline_s: float
    min_rate_bytes_s: int = 16_384
    window_s: float = 10.0
    expected_length: int | None = None
    accept: Sequence[str] = ()


class _CutError(Exception):
    """The connection ended early, or the rest cannot be had: go on, or start anew."""


class Transfer:
    """One file on its way, over as many connections as it takes.

    Args:
        dialler: opens the connections.
        policy: where they may lead.
        limits: what the download may cost.
        file: empty, open for writing; stays the caller's to close.
    """

    def __init__(
        self, dialler: Dialler, policy: AddressPolicy, limits: DownloadLimits, file: BinaryIO
    ) -> None:
        self.cuts = 0
        self._dialler = dialler
        self._policy = policy
        self._limits = limits
        self._file = file
        self._received = 0
        self._digest = hashlib.sha256()
        self._total: int | None = None
        self._validator: str | None = None

    async def run(self, start: CheckedUrl, headers: Mapping[str, str]) -> Downloaded:
        """Return what arrived.

        Raises:
            UrlNotAllowedError: a redirect leads where requests may not go.
            DownloadError: see `Downloader.download`.
            UnavailableError: the disk takes no more.
        """
        while True:
            before = self._received
            try:
                async with self._follow(start, headers) as (answer, checked):
                    return await self._receive(answer, checked)
            except _CutError:
                self.cuts += 1
                if self._received == before or self.cuts > MAX_CUTS:
                    raise DownloadInterruptedError("the connection was lost") from None
                if self._validator is None:
                    await self._start_anew()

    @asynccontextmanager
    async def _follow(
        self, checked: CheckedUrl, headers: Mapping[str, str]
    ) -> AsyncGenerator[tuple[aiohttp.ClientResponse, CheckedUrl]]:
        policy = self._policy
        for _ in range(MAX_REDIRECTS + 1):
            dial = Dial(checked, policy)
            request = HttpRequest("GET", checked.url, {**headers, **self._range()})
            async with self._answer(request, dial) as answer:
                location = answer.headers.get("Location")
                if answer.status not in _REDIRECTS or location is None:
                    yield answer, checked
                    return
            if any(map(is_public, dial.addresses)):
                # A stranger's server must not lead into the operator's own networks.
                policy = AddressPolicy()
            try:
                target = check_url(urljoin(checked.url, location), policy)
            except ValueError:
                raise UrlNotAllowedError("it redirects to no complete web address") from None
            if target.origin != checked.origin:
                headers = {}
            checked = target
        raise UrlNotAllowedError("it redirects too often")

    @asynccontextmanager
    async def _answer(
        self, request: HttpRequest, dial: Dial
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        async with AsyncExitStack() as stack:
            exchange = self._dialler.open(request, dial, decompress=False)
            try:
                async with asyncio.timeout(self._limits.window_s):
                    answer = await stack.enter_async_context(exchange)
            except TimeoutError:
                raise DownloadInterruptedError("the server did not answer in time") from None
            except (NotSentError, UnansweredError) as error:
                if self._received:
                    raise _CutError from None
                problem = f"the server could not be asked ({error.reason})"
                raise DownloadInterruptedError(problem) from None
            yield answer

    async def _receive(self, answer: aiohttp.ClientResponse, checked: CheckedUrl) -> Downloaded:
        head = HttpResponse.build(answer.status, answer.headers.items(), b"")
        await self._judge(head)
        while block := await self._next_block(answer):
            if self._received + len(block) > self._limits.max_bytes:
                raise DownloadTooLargeError(self._limits.max_bytes)
            await self._keep(block)
        if self._total is not None and self._received != self._total:
            raise _CutError
        if self._limits.expected_length not in (None, self._received):
            raise DownloadInterruptedError("it does not have the expected length")
        return Downloaded(self._received, self._digest.hexdigest(), head.content_type, checked.host)

    async def _judge(self, head: HttpResponse) -> None:
        """Return with the file standing where the first byte of the body belongs."""
        if self._received and head.status == 206 and self._continues(head):
            return
        if self._received and head.status in {206, 416}:
            await self._start_anew()
            raise _CutError
        _refuse_status(head)
        self._refuse_type(head)
        await self._start_anew()
        length = head.header("content-length") or ""
        self._total = int(length) if _LENGTH.fullmatch(length) else None
        self._validator = _validator(head)
        if self._total is None:
            return
        if self._total > self._limits.max_bytes:
            raise DownloadTooLargeError(self._limits.max_bytes)
        if self._limits.expected_length not in (None, self._total):
            raise DownloadInterruptedError("it does not have the expected length")

    def _range(self) -> dict[str, str]:
        if not self._received or self._validator is None:
            return {}
        return {"Range": f"bytes={self._received}-", "If-Range": self._validator}

    def _continues(self, head: HttpResponse) -> bool:
        match = _CONTENT_RANGE.fullmatch((head.header("content-range") or "").strip())
        if match is None or int(match[1]) != self._received:
            return False
        total = None if match[3] == "*" else int(match[3])
        if None not in (total, self._total) and total != self._total:
            return False
        shown = {head.header("etag"), head.header("last-modified")} - {None}
        return not shown or self._validator in shown

    def _refuse_type(self, head: HttpResponse) -> None:
        coding = (head.header("content-encoding") or "identity").strip().lower()
        if coding != "identity":
            raise DownloadTypeError("The server sends the file in a coding that was not asked for.")
        accept = tuple(self._limits.accept)
        if (
            accept
            and head.content_type not in _UNTYPED
            and not head.content_type.startswith(accept)
        ):
            raise DownloadTypeError

    async def _next_block(self, answer: aiohttp.ClientResponse) -> bytearray:
        """Return what a window has to bring, less only at the end of the file, nothing after it."""
        window_s = self._limits.window_s
        wanted = max(1, int(self._limits.min_rate_bytes_s * window_s))
        block = bytearray()
        try:
            async with asyncio.timeout(window_s):
                while len(block) < wanted and (piece := await answer.content.readany()):
                    block += piece
        except TimeoutError:
            raise DownloadInterruptedError("the server sends too slowly") from None
        except (aiohttp.ClientError, OSError):
            # What came before the cut is good; the next call meets the same error with nothing.
            if not block:
                raise _CutError from None
        return block

    async def _keep(self, block: bytearray) -> None:
        await on_disk(self._append, block)
        self._received += len(block)

    async def _start_anew(self) -> None:
        if self._received:
            await on_disk(self._empty)
        self._received = 0
        self._digest = hashlib.sha256()
        self._total = self._validator = None

    def _append(self, block: bytearray) -> None:
        self._file.write(block)
        # A full disk has to show now, not when the file is closed.
        self._file.flush()
        self._digest.update(block)

    def _empty(self) -> None:
        self._file.seek(0)
        self._file.truncate()


async def on_disk(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `function` returns, run beside the event loop.

    Raises:
        UnavailableError: the disk is full or gone; try again once it is not.
    """
    try:
        return await asyncio.to_thread(function, *args, **kwargs)
    except OSError:
        raise UnavailableError("The scratch folder takes no more files.") from None


def _refuse_status(head: HttpResponse) -> None:
    if head.status in _WHOLE:
        return
    if 400 <= head.status < 500 and head.status not in _PASSING:
        raise DownloadGoneError(head.status)
    raise DownloadInterruptedError(
        f"the server answered with status {head.status}",
        status=head.status,
        retry_after=head.retry_after(datetime.now(UTC)),
    )


def _validator(head: HttpResponse) -> str | None:
    """Return what `If-Range` may name: a strong ETag, or a date that is strong beside the server's.

    Source: RFC 9110 §13.1.5 and §8.8.2.2.
    """
    if head.header("accept-ranges") == "none":
        return None
    etag = head.header("etag") or ""
    if etag:
        return etag if etag.startswith('"') else None
    modified = head.header("last-modified")
    try:
        age = parsedate_to_datetime(head.header("date") or "") - parsedate_to_datetime(
            modified or ""
        )
    except (TypeError, ValueError):
        return None
    return modified if age >= timedelta(seconds=1) else None
