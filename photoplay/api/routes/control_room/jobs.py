"""/admin/jobs: everybody's jobs, and one with all that happened to it."""

from __future__ import annotations

import contextlib
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import service_of
from photoplay.api.views import make_cursor, read_cursor
from photoplay.db.pool import ADMIN
from photoplay.domain.errors import NotFoundError
from photoplay.domain.states import Status

_PAGE: Final = 50
_SHOWS: Final = ("unknown", "overdue")


@operators_only
async def list_jobs(request: Request, operator: Caller) -> Response:
    """Show everybody's jobs, newest first, narrowed by the query."""
    asked = request.query_params
    before_at, before_id = read_cursor(asked.get("cursor"))
    filters: dict[str, Any] = {
        "user_id": _uuid(asked.get("user")),
        "status": asked.get("status") if asked.get("status") in set(Status) else None,
        "provider": asked.get("provider") or None,
        "show": asked.get("show") if asked.get("show") in _SHOWS else None,
    }
    values = {**filters, "before_at": before_at, "before_id": before_id, "limit": _PAGE + 1}
    service = service_of(request)
    rows = await service.database.once(ADMIN, "room_jobs", values)
    shown = rows[:_PAGE]
    query = {k: v for k, v in asked.items() if k != "cursor" and v}
    older = {**query, "cursor": make_cursor(shown[-1])} if len(rows) > _PAGE else None
    return page(
        request,
        "jobs",
        operator=operator,
        rows=shown,
        filters=filters,
        statuses=list(Status),
        shows=_SHOWS,
        providers=sorted(service.registry.capabilities),
        older=urlencode(older) if older else None,
    )


@operators_only
async def show_job(request: Request, operator: Caller) -> Response:
    """Show where a job is, what it cost, and everything that happened to it."""
    service = service_of(request)
    job_id = _job_id(request)
    values = {"job_id": job_id}
    jobs, attempts, timeline = await service.database.batch(
        ADMIN,
        [("room_job", values), ("room_attempts", values), ("room_timeline", values)],
    )
    if not jobs:
        raise NotFoundError("There is no such job; it may have been erased.", code="job_not_found")
    job = jobs[0]
    video = poster = None
    if job["output_video_url"] is not None:
        video = await service.signed_url(job["output_video_url"])
    if job["poster_path"] is not None:
        poster = await service.signed_url(job["poster_path"])
    return page(
        request,
        "job",
        operator=operator,
        job=job,
        attempts=attempts,
        timeline=timeline,
        unresolved=next((a for a in attempts if a["status"] in {"unknown", "lost"}), None),
        video_url=video.url if video else None,
        poster_url=poster.url if poster else None,
    )


def _job_id(request: Request) -> UUID:
    job_id = _uuid(request.path_params["job_id"])
    if job_id is None:
        raise NotFoundError("There is no such job.", code="job_not_found")
    return job_id


def _uuid(text: str | None) -> UUID | None:
    with contextlib.suppress(ValueError):
        return UUID(text) if text else None
    return None


def _back(job_id: UUID) -> Response:
    return RedirectResponse(f"/admin/jobs/{job_id}", 303)


routes = [
    Route("/admin/jobs", list_jobs),
    Route("/admin/jobs/{job_id}", show_job),
]
