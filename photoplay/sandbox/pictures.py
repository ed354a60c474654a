"""How providers read the picture of a request: an address, data in the request, or an upload."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import aiohttp

_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=10)
_FORMATS: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

Trouble = Literal[
    "address", "fetch", "redirect", "content_type", "too_large", "unreadable", "format"
]


class PictureTroubleError(Exception):
    """The picture of a request cannot be used.

    Attributes:
        trouble: what is wrong with it.
    """

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.trouble: Trouble = trouble


@dataclass(frozen=True, slots=True)
class Picture:
    """A readable picture; only its header has been looked at."""

    content: bytes
    media_type: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class PictureRules:
    """What one provider takes.

    Attributes:
        max_bytes: of a file behind an address.
        max_data_uri: characters of a `data:` address; 0 takes none.
        needs_head: asks with HEAD first, follows no redirect, and wants type and length named.
        raw_base64: text that is no address is base64 without a prefix.
        user_agent: what it calls itself.
    """

    max_bytes: int
    max_data_uri: int
    needs_head: bool = False
    raw_base64: bool = False
    user_agent: str = "photoplay-sandbox"


class PictureReader:
    """Reads pictures.

    Args:
        uploads: returns the file behind one of the sandbox's own addresses, None for others.
    """

    def __init__(
        self, session: Callable[[], aiohttp.ClientSession], uploads: Callable[[str], Path | None]
    ) -> None:
        self._session = session
        self._uploads = uploads

    async def read(self, reference: object, rules: PictureRules) -> Picture:
        """Return the picture behind an address or inside the text.

        Raises:
            PictureTroubleError: it cannot be had, or is no picture that the provider takes.
        """
        if not isinstance(reference, str) or not reference:
            raise PictureTroubleError("address", "a picture is an address or base64 text")
        uploaded = self._uploads(reference)
        if uploaded is not None:
            content = await asyncio.to_thread(uploaded.read_bytes)
        elif reference.startswith("data:"):
            content = _inline(reference, rules.max_data_uri)
        elif reference.startswith(("http://", "https://")):
            content = await self._fetched(reference, rules)
        elif rules.raw_base64:
            content = _decoded(reference)
        else:
            raise PictureTroubleError("address", "unknown kind of address")
        if len(content) > rules.max_bytes:
            raise PictureTroubleError("too_large", f"the picture is over {rules.max_bytes} bytes")
        return await asyncio.to_thread(_header, content)

    async def _fetched(self, url: str, rules: PictureRules) -> bytes:
        headers = {"User-Agent": rules.user_agent}
        try:
            if rules.needs_head:
                async with self._session().head(
                    url, headers=headers, timeout=_TIMEOUT, allow_redirects=False
                ) as answer:
                    _check_head(answer, rules)
            async with self._session().get(
                url, headers=headers, timeout=_TIMEOUT, allow_redirects=not rules.needs_head
            ) as answer:
                if answer.status != 200:
                    raise PictureTroubleError("fetch", f"the address answered {answer.status}")
                content = await answer.content.read(rules.max_bytes + 1)
                while len(content) <= rules.max_bytes and not answer.content.at_eof():
                    content += await answer.content.read(rules.max_bytes + 1 - len(content))
                return content
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise PictureTroubleError(
                "fetch", f"the address does not answer ({type(error).__name__})"
            ) from error


def _check_head(answer: aiohttp.ClientResponse, rules: PictureRules) -> None:
    if 300 <= answer.status < 400:
        raise PictureTroubleError("redirect", "the address redirects")
    if answer.status != 200:
        raise PictureTroubleError("fetch", f"HEAD answered {answer.status}")
    if answer.content_type not in _FORMATS.values():
        raise PictureTroubleError("content_type", "the address names no picture type")
    if answer.content_length is None:
        raise PictureTroubleError("content_type", "the address names no length")
    if answer.content_length > rules.max_bytes:
        raise PictureTroubleError("too_large", f"the picture is over {rules.max_bytes} bytes")


def _inline(reference: str, longest: int) -> bytes:
    head, comma, data = reference.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise PictureTroubleError("address", "a data address is data:image/…;base64,…")
    if not longest or len(reference) > longest:
        raise PictureTroubleError("too_large", f"a data address has at most {longest} characters")
    return _decoded(data)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise PictureTroubleError("unreadable", "no base64") from error


def _header(content: bytes) -> Picture:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            kind, (width, height) = image.format or "", image.size
    except (
        OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning
    ) as error:  # fmt: skip
        raise PictureTroubleError("unreadable", "the picture cannot be read") from error
    if kind not in _FORMATS:
        raise PictureTroubleError("format", f"{kind} is not taken")
    return Picture(content, _FORMATS[kind], width, height)
