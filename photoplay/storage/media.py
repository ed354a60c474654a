"""Serving stored objects to browsers, with what video players need."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from photoplay.domain.errors import NotFoundError
from photoplay.storage.errors import InvalidKeyError, ObjectNotFoundError
from photoplay.storage.objects import ObjectInfo, ObjectStore
from photoplay.storage.ranges import FullBody, Partial, resolve_range

_READABLE_HEADERS: Final = "Accept-Ranges, Content-Length, Content-Range, Content-Type, ETag"


async def serve_object(
    request: Request,
    store: ObjectStore,
    key: str,
    *,
    content_type: str,
    cors_origins: Collection[str] = (),
    sha256: str | None = None,
) -> Response:
    """Return the answer to a GET or HEAD of one object: 200, 206, 304 or 416.

    Who may read it was decided before. The object is read as fast as the client takes it, in
    constant memory; nothing is read for HEAD, 304 and 416.

    Args:
        request: its Range, If-Range, If-None-Match, If-Modified-Since and Origin are honoured.
        store: where the object is.
        key: key of the object.
        content_type: sent as it is, with `nosniff`.
        cors_origins: origins that may read the bytes from a page; `*` for all.
        sha256: of the content if known, for the entity tag.

    Raises:
        NotFoundError: there is no such object, or no longer.
        StorageUnavailableError: answer 503.
    """
    try:
        info = await store.head(key)
        etag = f'"{sha256}"' if sha256 else info.etag
        headers = _headers(request, info, etag, content_type, cors_origins)
        if _is_fresh(request, info, etag):
            return Response(status_code=304, headers=headers)
        wanted = FullBody()
        if request.method == "GET":
            asked = request.headers.get("range")
            wanted = resolve_range(asked, info.bytes, etag, request.headers.get("if-range"))
        match wanted:
            case FullBody():
                return await _body(request, store, info, Partial(0, info.bytes), headers, 200)
            case Partial(start, end):
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{info.bytes}"
                return await _body(request, store, info, wanted, headers, 206)
            case _:
                headers["Content-Range"] = f"bytes */{info.bytes}"
                del headers["Content-Type"]
                return Response(status_code=416, headers=headers)
    except (InvalidKeyError, ObjectNotFoundError) as error:
        raise NotFoundError from error


async def _body(
    request: Request,
    store: ObjectStore,
    info: ObjectInfo,
    part: Partial,
    headers: dict[str, str],
    status: int,
) -> Response:
    headers["Content-Length"] = str(part.end - part.start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    chunks = store.read_range(info.key, part.start, part.end)
    # Read before the status goes out, so that a store that is down is a 503 and not a cut body.
    first = await anext(chunks, b"")
    return StreamingResponse(_chain(first, chunks), status_code=status, headers=headers)


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


def _headers(
    request: Request,
    info: ObjectInfo,
    etag: str | None,
    content_type: str,
    cors_origins: Collection[str],
) -> dict[str, str]:
    headers = {
        "Content-Type": content_type,
        "Content-Disposition": "inline",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=600",
        # Whoever has a signed address may show what is there, on any page.
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Last-Modified": format_datetime(info.modified_at.astimezone(UTC), usegmt=True),
        "X-Content-Type-Options": "nosniff",
    }
    if etag is not None:
        headers["ETag"] = etag
    if cors_origins:
        headers["Vary"] = "Origin"
        origin = request.headers.get("origin")
        if origin is not None and (origin in cors_origins or "*" in cors_origins):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _READABLE_HEADERS
    return headers


def _is_fresh(request: Request, info: ObjectInfo, etag: str | None) -> bool:
    held = request.headers.get("if-none-match")
    if held is not None:
        tags = {tag.strip().removeprefix("W/") for tag in held.split(",")}
        return "*" in tags or (etag is not None and etag.removeprefix("W/") in tags)
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        known: datetime = parsedate_to_datetime(since)
    except ValueError:
        return False
    if known.tzinfo is None:
        known = known.replace(tzinfo=UTC)
    return info.modified_at.replace(microsecond=0) <= known
