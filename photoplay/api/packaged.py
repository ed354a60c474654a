"""Files that come with the package, as answers: compressed where that helps, asked for anew by entity tag."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from photoplay.domain.errors import NotFoundError

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
}
_TEXTS = frozenset({"html", "css", "js", "svg", "webmanifest"})


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    compressed: bytes | None
    etag: str
    media_type: str


@cache
def _read(package: str, folder: str, name: str) -> _File | None:
    extension = name.rpartition(".")[2]
    file = resources.files(package).joinpath(folder, name)
    if extension not in _TYPES or "/" in name or not file.is_file():
        return None
    content = file.read_bytes()
    return _File(
        content,
        gzip.compress(content, mtime=0) if extension in _TEXTS else None,
        f'"{hashlib.sha256(content).hexdigest()[:20]}"',
        _TYPES[extension],
    )


def packaged(
    request: Request, package: str, folder: str, name: str, headers: Mapping[str, str]
) -> Response:
    """Return the answer with a file of the package: 200, or 304 when the client has it.

    Args:
        headers: what the answer carries besides; without `Cache-Control` it is asked for anew each time.

    Raises:
        NotFoundError: there is no such file, or it is not one for browsers.
    """
    file = _read(package, folder, name)
    if file is None:
        raise NotFoundError("There is nothing at this address.")
    sent = {"Cache-Control": "no-cache", "ETag": file.etag, **headers}
    content = file.content
    if file.compressed is not None:
        sent["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            content = file.compressed
            sent.update({"Content-Encoding": "gzip", "ETag": f"W/{file.etag}"})
    held = {
        tag.strip().removeprefix("W/")
        for tag in request.headers.get("if-none-match", "").split(",")
    }
    if file.etag in held:
        sent.pop("Content-Encoding", None)
        return Response(status_code=304, headers=sent)
    return Response(content, headers=sent, media_type=file.media_type)
