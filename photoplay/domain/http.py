"""An HTTP exchange as values: providers write requests and read responses, the network moves them.

Neither shows its address, headers or body when printed: they carry keys, prompts and signatures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final, Self, cast
from urllib.parse import urlsplit

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
# RFC 9110 §5.1 and §5.5: a token, and visible characters with inner blanks.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?", re.ASCII)
# Framing and routing of a message belong to whoever moves it.
_NOT_OURS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "cookie"}
)
_MAX_RETRY_AFTER: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, repr=False)
class HttpRequest:
    """One request to send, once.

    Attributes:
        method: GET, HEAD, POST, PUT, PATCH or DELETE.
        url: absolute; the network decides whether it may be called.
        headers: without Host, Content-Length and the like, which the network writes.
        body: the bytes as sent, or None.

    Raises:
        ValueError: the method or a header cannot be sent; a bug of the caller.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise ValueError("the method of a request is one of " + ", ".join(sorted(_METHODS)))
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _NOT_OURS:
                raise ValueError("a request has a header that its sender may not set")
            if not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"the value of the header {name} cannot be sent")

    @classmethod
    def with_json(
        cls, method: str, url: str, payload: object, headers: Mapping[str, str] | None = None
    ) -> Self:
        """Return a request whose body is `payload` as compact UTF-8 JSON.

        Raises:
            ValueError: `payload` is no JSON (a NaN, a cycle), or a header cannot be sent.
        """
        body = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return cls(
            method,
            url,
            {"Content-Type": "application/json", **(headers or {})},
            body.encode("utf-8"),
        )

    @property
    def host(self) -> str:
        """The host of the address, for logs; empty where there is none."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.host}, {len(self.body or b'')} bytes)"


@dataclass(frozen=True, slots=True, repr=False)
class HttpResponse:
    """One complete answer, whatever its status.

    Attributes:
        status: 200 to 599.
        headers: names in lower case; repeated ones joined with a comma.
        body: decoded from any content coding; cut at the sender's limit when `truncated`.
        truncated: the body was longer than the limit, so it proves nothing.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False

    @classmethod
    def build(
        cls,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        *,
        truncated: bool = False,
    ) -> Self:
        """Return a response from header lines as they came."""
        joined: dict[str, str] = {}
        for name, value in headers:
            key = name.lower()
            joined[key] = f"{joined[key]}, {value}" if key in joined else value
        return cls(status, MappingProxyType(joined), body, truncated)

    def header(self, name: str) -> str | None:
        """Return the value of a header, None where it is missing; case does not matter."""
        return self.headers.get(name.lower())

    @property
    def content_type(self) -> str:
        """The media type in lower case without parameters, empty where it is missing."""
        return (self.header("content-type") or "").split(";", 1)[0].strip().lower()

    def parse_json(self) -> object:
        """Return the body as JSON.

        Raises:
            ValueError: truncated, no UTF-8, no JSON, or nested too deep; the answer says nothing.
        """
        if self.truncated:
            raise ValueError("the answer was cut")
        try:
            return cast("object", json.loads(self.body))
        except RecursionError:
            raise ValueError("the answer is nested too deep") from None

    def retry_after(self, now: datetime) -> timedelta | None:
        """Return what `Retry-After` asks for, None where it is missing or makes no sense.

        Args:
            now: aware; a date in the header is taken relative to it. Zero to seven days come back.
        """
        value = (self.header("retry-after") or "").strip()
        if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", value, re.ASCII):
            pause = timedelta(seconds=float(value))
        else:
            try:
                at = parsedate_to_datetime(value)
            except ValueError:
                return None
            # A date without a zone ("-0000") is UTC by RFC 5322.
            pause = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
        return min(max(pause, timedelta(0)), _MAX_RETRY_AFTER)

    def __repr__(self) -> str:
        cut = ", cut" if self.truncated else ""
        return f"HttpResponse({self.status}, {len(self.body)} bytes{cut})"
