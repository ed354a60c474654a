"""GET /api/video/jobs/{id}/events: a job's states as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from photoplay.api import wire
from photoplay.api.identity import current_identity, identity_of_ticket
from photoplay.api.openapi import parameter
from photoplay.api.routes.jobs import TICKET, read_job
from photoplay.api.service import Service, service_of
from photoplay.api.views import job_view, success
from photoplay.db.changes import changed
from photoplay.domain.errors import NotFoundError, UnavailableError
from photoplay.domain.states import TERMINAL

router = APIRouter(prefix="/api/video/jobs", tags=["jobs"])

HEARTBEAT_S = 15.0
_LOOK_AGAIN_S = 5.0
_MAX_DIGITS = 20
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {}},
            "description": "`event: job`, `id:` its version.",
        },
        401: {"model": wire.Problem},
        404: {"model": wire.Problem},
    },
    openapi_extra={
        "parameters": [TICKET, parameter("Last-Event-ID", "header", "Version that is known.")]
    },
)
async def events(request: Request, job_id: UUID) -> StreamingResponse:
    """Follow a job until it is terminal; the stream then ends.

    `data` is the job as GET shows it. With `Last-Event-ID` what the client has already is not repeated.
    """
    service = service_of(request)
    identity = identity_of_ticket(request, job_id) or await current_identity(request)
    row = await read_job(service, identity.user_id, job_id)
    stream = _follow(service, identity.user_id, row, _known(request))
    return StreamingResponse(stream, media_type="text/event-stream", headers=_HEADERS)


def _known(request: Request) -> int:
    """Return the version that the client has already, -1 for none."""
    known = request.headers.get("last-event-id", "")
    return int(known) if known.isdecimal() and len(known) < _MAX_DIGITS else -1


async def _follow(
    service: Service, user_id: UUID, row: dict[str, Any], known: int
) -> AsyncIterator[bytes]:
    yield b"retry: 5000\n\n"
    loop = asyncio.get_running_loop()
    quiet_since = loop.time()
    with service.changes.of(row["id"]) as event:
        while True:
            if row["version"] > known:
                known = row["version"]
                yield await _event(service, row)
                quiet_since = loop.time()
            if row["status"] in TERMINAL:
                return
            await changed(event, within_s=_LOOK_AGAIN_S)
            if loop.time() - quiet_since >= HEARTBEAT_S:
                yield b": still here\n\n"
                quiet_since = loop.time()
            try:
                row = await read_job(service, user_id, row["id"])
            except NotFoundError:
                return
            except UnavailableError:
                # The client keeps its connection; the next look may succeed.
                continue


async def _event(service: Service, row: dict[str, Any]) -> bytes:
    answer = json.loads(bytes(success(await job_view(service, row)).body))
    # JSON leaves no line break, so one data line holds it whatever the prompt was.
    data = json.dumps(answer["data"], ensure_ascii=True)
    return f"event: job\nid: {row['version']}\ndata: {data}\n\n".encode()
