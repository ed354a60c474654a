"""/api/video/images: pictures in."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.identity import current_identity
from photoplay.api.service import Identity, service_of
from photoplay.api.views import success
from photoplay.db.pool import reader, writer
from photoplay.domain.errors import InvalidRequestError, NotFoundError, PayloadTooLargeError
from photoplay.domain.job import image_path

router = APIRouter(prefix="/api/video/images", tags=["images"])
Me = Annotated[Identity, Depends(current_identity)]
_UPLOAD_TTL = timedelta(minutes=15)
# Read this many times the limit, so that a client that is over it gets an answer and not a reset.
_PATIENCE = 4


@router.post(
    "",
    status_code=201,
    response_model=wire.Success[wire.Image],
    responses={
        400: {"model": wire.Problem},
        401: {"model": wire.Problem},
        413: {"model": wire.Problem},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "image/*": {"schema": {"type": "string", "format": "binary"}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": {"type": "string", "format": "binary"}},
                        "required": ["file"],
                    }
                },
            },
        }
    },
)
async def upload(request: Request, identity: Me) -> Response:
    """Take a picture: the raw body, or the first file of a multipart form.

    The same picture of the same user is the same `imageId`, however often it is sent.
    """
    service = service_of(request)
    with tempfile.TemporaryDirectory(prefix="photoplay-upload-") as folder:
        file = Path(folder) / "picture"
        await _receive(request, file, service.settings.max_image_bytes)
        row = await service.intake.take(writer(identity.user_id), identity.user_id, file)
    return success(_view(row), status=201)


@router.post(
    "/uploads",
    status_code=201,
    response_model=wire.Success[wire.Upload],
    responses={401: {"model": wire.Problem}},
)
async def begin_upload(
    request: Request,
    identity: Me,
    extension: Annotated[Literal["jpg", "png", "webp", "heic", "avif"], Query()] = "jpg",
) -> Response:
    """Get an address to PUT a picture's bytes to; it is looked at when it is animated."""
    service = service_of(request)
    path = image_path(identity.user_id, uuid4(), extension)
    expires_at = datetime.now(UTC).replace(microsecond=0) + _UPLOAD_TTL
    url = await service.store.presign_put(path, _UPLOAD_TTL)
    return success(
        {
            "uploadUrl": url or service.our_url(path, expires_at, method="PUT"),
            "method": "PUT",
            "path": path,
            "expiresAt": expires_at,
        },
        status=201,
    )


@router.get(
    "/{image_id:uuid}",
    response_model=wire.Success[wire.SignedImage],
    responses={401: {"model": wire.Problem}, 404: {"model": wire.Problem}},
)
async def read(request: Request, image_id: UUID, identity: Me) -> Response:
    """Read an own picture, with an address that shows it as every browser can: a JPEG."""
    service = service_of(request)
    rows = await service.database.once(
        reader(identity.user_id), "get_image", {"image_id": image_id}
    )
    if not rows:
        raise NotFoundError("There is no such picture.", code="picture_not_found")
    signed = await service.signed_url(rows[0]["path"])
    return success(
        {**_view(rows[0]), "signedUrl": signed.url, "signedUrlExpiresAt": signed.expires_at},
        headers={"Cache-Control": "private, no-store"},
    )


def _view(row: dict[str, object]) -> dict[str, object]:
    return {
        "imageId": row["id"],
        "path": row["path"],
        "width": row["width"],
        "height": row["height"],
        "bytes": row["bytes"],
    }


async def _receive(request: Request, file: Path, limit: int) -> None:
    """Write the picture of a request to a file.

    Raises:
        InvalidRequestError: `image_required` for an empty body or a form without a file,
            `image_too_large` up to four times the limit.
        PayloadTooLargeError: more than that; the connection is closed.
    """
    body = limited(request, limit)
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        body = _first_file(body, content_type)
    received = 0
    with file.open("wb") as out:
        async for chunk in body:
            received += len(chunk)
            # Past the limit the rest is only read, so that the answer can be.
            if received <= limit:
                await asyncio.to_thread(out.write, chunk)
    if received == 0:
        raise InvalidRequestError("The body holds no picture.", code="image_required")
    if received > limit:
        raise too_large(limit)


def too_large(limit: int) -> InvalidRequestError:
    """Return the refusal of a picture that has more bytes than are taken."""
    return InvalidRequestError(
        f"The picture has more than {limit} bytes; send a smaller one.",
        code="image_too_large",
        details={"limit": limit},
    )


async def limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    """Yield the body of a request, giving up at four times the limit."""
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > _PATIENCE * limit:
            raise PayloadTooLargeError(
                f"The body has more than {_PATIENCE * limit} bytes; it was not read."
            )
        if chunk:
            yield chunk


async def _first_file(body: AsyncIterator[bytes], content_type: str) -> AsyncIterator[bytes]:
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidRequestError("The form has no boundary.", code="malformed_form")
    reader = _FileReader()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": reader.on_part_begin,
            "on_part_data": reader.on_part_data,
            "on_part_end": reader.on_part_end,
            "on_header_field": reader.on_header_field,
            "on_header_value": reader.on_header_value,
            "on_header_end": reader.on_header_end,
        },
    )
    async for chunk in body:
        try:
            parser.write(chunk)
        except Exception:  # noqa: BLE001 -- the parser's errors say nothing that a client could use
            raise InvalidRequestError("The form is malformed.", code="malformed_form") from None
        for part in reader.take():
            yield part


class _FileReader:
    """Collects the bytes of the first part that is a file."""

    def __init__(self) -> None:
        self._ready: list[bytes] = []
        self._field = b""
        self._value = b""
        self._in_file = False
        self._had_file = False

    def take(self) -> list[bytes]:
        ready, self._ready = self._ready, []
        return ready

    def on_part_begin(self) -> None:
        self._in_file = False

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._field.lower() == b"content-disposition" and not self._had_file:
            _, options = parse_options_header(self._value)
            self._in_file = b"filename" in options
        self._field = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._ready.append(data[start:end])

    def on_part_end(self) -> None:
        self._had_file = self._had_file or self._in_file
        self._in_file = False
