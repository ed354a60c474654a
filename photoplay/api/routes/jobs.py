"""/api/video/jobs: look, wait, list, cancel, erase, play."""

from __future__ import annotations

import asyncio
import contextlib
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from photoplay.api import wire
from photoplay.api.identity import current_identity, identity_of_ticket, make_ticket
from photoplay.api.openapi import parameter
from photoplay.api.service import Identity, Service, service_of
from photoplay.api.views import etag_of, is_held, job_view, make_cursor, read_cursor, success
from photoplay.db.changes import changed
from photoplay.db.pool import reader, writer
from photoplay.domain.errors import ConflictError, NotFoundError
from photoplay.domain.states import TERMINAL
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.erase_job import erase_job
from photoplay.storage.errors import StorageUnavailableError

router = APIRouter(prefix="/api/video/jobs", tags=["jobs"])
Me = Annotated[Identity, Depends(current_identity)]

MAX_WAIT_S = 60
_LOOK_AGAIN_S = 5.0
_TICKET_TTL = timedelta(minutes=15)
TICKET = parameter("ticket", "query", "In place of a header; POST …/ticket gives it.")
_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": wire.Problem},
    404: {"model": wire.Problem},
    503: {"model": wire.Problem},
}


async def read_job(service: Service, user_id: UUID, job_id: UUID) -> dict[str, Any]:
    """Return the user's job.

    Raises:
        NotFoundError: missing or another user's: the same query, the same answer.
    """
    rows = await service.database.once(reader(user_id), "get_job", {"job_id": job_id})
    if not rows:
        raise NotFoundError("There is no such job.", code="job_not_found")
    return rows[0]


@router.get(
    "", response_model=wire.Success[wire.Page[wire.Job]], responses={401: {"model": wire.Problem}}
)
async def list_jobs(
    request: Request,
    identity: Me,
    status: wire.JobStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """List own jobs, newest first."""
    service = service_of(request)
    before_at, before_id = read_cursor(cursor)
    rows = await service.database.once(
        reader(identity.user_id),
        "list_jobs",
        {"user_id": identity.user_id, "status": status, "limit": limit + 1,
         "before_at": before_at, "before_id": before_id},
    )  # fmt: skip
    page = rows[:limit]
    return success(
        {
            "items": [await job_view(service, row) for row in page],
            "next_cursor": make_cursor(page[-1]) if len(rows) > limit else None,
        }
    )


@router.get(
    "/{job_id}",
    response_model=wire.Success[wire.Job],
    responses={304: {"description": "Still the state that the client holds"}, **_ERRORS},
    openapi_extra={
        "parameters": [
            parameter("If-None-Match", "header", "ETag of the state that the client holds."),
            parameter("Prefer", "header", "`wait=30` is the same as the query's `wait`."),
        ]
    },
)
async def get_job(
    request: Request,
    job_id: UUID,
    identity: Me,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_S)] = 0,
) -> Response:
    """Read a job; with `wait` (seconds) or `Prefer: wait=…` answer at its next change or in time."""
    service = service_of(request)
    seconds = wait or _preferred_wait(request.headers.get("prefer", ""))
    held = request.headers.get("if-none-match")
    row = await (
        _wait_for_change(service, identity.user_id, job_id, held, seconds)
        if seconds
        else read_job(service, identity.user_id, job_id)
    )
    headers = {"ETag": etag_of(row), "Cache-Control": "private, no-cache"}
    if row["status"] not in TERMINAL:
        headers["Retry-After"] = "1"
    if seconds and "wait=" in request.headers.get("prefer", ""):
        headers["Preference-Applied"] = f"wait={seconds}"
    if held is not None and is_held(row, held):
        return Response(status_code=304, headers=headers)
    return success(await job_view(service, row), headers=headers)


def _preferred_wait(prefer: str) -> int:
    match = re.search(r"\bwait\s*=\s*(\d{1,4})\b", prefer)
    return min(int(match[1]), MAX_WAIT_S) if match else 0


async def _wait_for_change(
    service: Service, user_id: UUID, job_id: UUID, held: str | None, seconds: int
) -> dict[str, Any]:
    """Answer at the next change after what the client holds, or after what is read first."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with service.changes.of(job_id) as event:
        row = await read_job(service, user_id, job_id)
        first = held if held is not None else etag_of(row)
        while row["status"] not in TERMINAL and is_held(row, first):
            left = deadline - loop.time()
            if left <= 0:
                break
            await changed(event, within_s=min(left, _LOOK_AGAIN_S))
            row = await read_job(service, user_id, job_id)
    return row


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    response_model=wire.Success[wire.Job],
    responses={409: {"model": wire.Problem}, **_ERRORS},
)
async def cancel(request: Request, job_id: UUID, identity: Me) -> Response:
    """Stop a job; harmless when it is cancelled already, 409 when it succeeded or failed."""
    service = service_of(request)
    await cancel_job(service.database, writer(identity.user_id), job_id)
    row = await read_job(service, identity.user_id, job_id)
    return success(await job_view(service, row), status=202)


@router.delete("/{job_id}", status_code=204, responses=_ERRORS)
async def erase(request: Request, job_id: UUID, identity: Me) -> Response:
    """Erase a job with its video; an open one is cancelled first."""
    service = service_of(request)
    paths = await erase_job(service.database, writer(identity.user_id), job_id)
    # The row is gone; objects that cannot be removed now are removed by a worker's sweep.
    with contextlib.suppress(StorageUnavailableError):
        await service.store.delete(paths)
    return Response(status_code=204)


@router.post("/{job_id}/ticket", response_model=wire.Success[wire.Ticket], responses=_ERRORS)
async def ticket(request: Request, job_id: UUID, identity: Me) -> Response:
    """Get a token for `/video`, `/poster` and `/events` of this job, for addresses without headers."""
    service = service_of(request)
    await read_job(service, identity.user_id, job_id)
    expires_at = datetime.now(UTC).replace(microsecond=0) + _TICKET_TTL
    made = make_ticket(service.media_secrets[0], job_id, identity.user_id, expires_at)
    return success({"ticket": made, "expiresAt": expires_at})


@router.head("/{job_id}/video", include_in_schema=False)
@router.get(
    "/{job_id}/video",
    status_code=302,
    response_class=RedirectResponse,
    responses={409: {"model": wire.Problem}, **_ERRORS},
    openapi_extra={"parameters": [TICKET]},
)
async def video(request: Request, job_id: UUID) -> Response:
    """Redirect to a fresh signed address of the video: a stable address for a player."""
    return await _redirect(request, job_id, "output_video_url")


@router.head("/{job_id}/poster", include_in_schema=False)
@router.get(
    "/{job_id}/poster",
    status_code=302,
    response_class=RedirectResponse,
    responses={409: {"model": wire.Problem}, **_ERRORS},
    openapi_extra={"parameters": [TICKET]},
)
async def poster(request: Request, job_id: UUID) -> Response:
    """Redirect to a fresh signed address of the poster frame."""
    return await _redirect(request, job_id, "poster_path")


async def _redirect(request: Request, job_id: UUID, column: str) -> Response:
    service = service_of(request)
    identity = identity_of_ticket(request, job_id) or await current_identity(request)
    row = await read_job(service, identity.user_id, job_id)
    if row[column] is None:
        raise ConflictError(
            f"The job is {row['status']}; it has no video yet.", code="not_finished"
        )
    signed = await service.signed_url(row[column])
    headers = {
        "Cache-Control": "private, no-store",
        # A player of another site follows it with a ticket.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return RedirectResponse(signed.url, 302, headers=headers)
