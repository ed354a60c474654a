"""/media: objects of the local store at signed addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.openapi import parameter
from photoplay.api.routes.images import limited, too_large
from photoplay.api.service import service_of
from photoplay.domain.errors import ConflictError
from photoplay.storage.errors import ObjectConflictError
from photoplay.storage.media import serve_object
from photoplay.storage.signing import MEDIA_PATH, verify_media

router = APIRouter(prefix=MEDIA_PATH.rstrip("/"), tags=["media"])
_SIGNED: dict[str, Any] = {
    "parameters": [
        parameter("key", "path", "Name of the object.", required=True),
        parameter("expires", "query", "Unix time.", required=True, schema="integer"),
        parameter("signature", "query", "Of method, key and time.", required=True),
    ]
}
_REFUSALS: dict[int | str, dict[str, Any]] = {403: {"model": wire.Problem}}
_READ: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The whole object"},
    206: {"description": "The part that Range asked for"},
    304: {"description": "The client has it already"},
    404: {"model": wire.Problem},
    416: {"description": "The part is beyond the end"},
    **_REFUSALS,
}
_TYPES = {
    "mp4": "video/mp4",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}


def _verified_key(request: Request) -> str:
    """Return the key that the address names, decoded exactly once, when its signature holds."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    key = unquote(
        raw.partition(b"?")[0].decode("ascii", "replace").removeprefix(MEDIA_PATH), errors="replace"
    )
    query = request.query_params
    verify_media(
        key,
        _single(query.getlist("expires")),
        _single(query.getlist("signature")),
        method=request.method,
        now=datetime.now(UTC),
        secrets=service_of(request).media_secrets,
    )
    return key


def _single(values: list[str]) -> str | None:
    return values[0] if len(values) == 1 else None


@router.get("/{key:path}", response_class=Response, responses=_READ, openapi_extra=_SIGNED)
@router.head("/{key:path}", response_class=Response, responses=_READ, openapi_extra=_SIGNED)
async def get_media(request: Request) -> Response:
    """Read an object at its signed address, whole or in parts."""
    service = service_of(request)
    key = _verified_key(request)
    return await serve_object(
        request,
        service.store,
        key,
        content_type=_TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream"),
        cors_origins=service.settings.cors_origins,
    )


@router.put(
    "/{key:path}",
    status_code=201,
    response_class=Response,
    responses={
        400: {"model": wire.Problem},
        409: {"model": wire.Problem},
        413: {"model": wire.Problem},
        **_REFUSALS,
    },
    openapi_extra={
        **_SIGNED,
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        },
    },
)
async def put_media(request: Request) -> Response:
    """Put a picture at the address that `POST /api/video/images/uploads` gave; never overwrites."""
    service = service_of(request)
    key = _verified_key(request)
    body = _capped(request, service.settings.max_image_bytes)
    try:
        await service.store.put_stream(body, key, content_type="application/octet-stream")
    except ObjectConflictError:
        raise ConflictError(
            "Another picture was put there before; ask for a new address.", code="already_uploaded"
        ) from None
    return Response(status_code=201)


async def _capped(request: Request, limit: int) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in limited(request, limit):
        received += len(chunk)
        # Past the limit the rest is only read, so that the answer can be.
        if received <= limit:
            yield chunk
    if received > limit:
        raise too_large(limit)
