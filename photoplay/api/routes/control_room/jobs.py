"""/admin/jobs: everybody's jobs, and one with all that happened to it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.charts import Strip
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import service_of
from photoplay.api.views import make_cursor, read_cursor
from photoplay.db.pool import ADMIN
from photoplay.domain.errors import InvalidRequestError, NotFoundError
from photoplay.domain.states import Phase, Status
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.requeue_job import requeue_job
from photoplay.operations.resolve_submission import resolve_submission
from photoplay.operations.write_audit import AuditEntry
from photoplay.storage.errors import StorageUnavailableError

_PAGE: Final = 50
# In the order of the colours.
_PHASES: Final = (
    Phase.STORING, Phase.DONE, Phase.PREPARING, Phase.WAITING, Phase.SUBMITTING, Phase.ACCEPTED,
)  # fmt: skip
_SHOWS: Final = ("unknown", "overdue")
_MOST_TASK_CHARACTERS: Final = 200


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
    jobs, attempts, phases, timeline = await service.database.batch(
        ADMIN,
        [
            ("room_job", values),
            ("room_attempts", values),
            ("room_phases", values),
            ("room_timeline", values),
        ],
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
        phases=Strip(
            "Time in each phase", [(row["phase"], row["seconds"]) for row in phases], _PHASES
        ),
        timeline=timeline,
        unresolved=[a for a in attempts if _is_unresolved(a)],
        video_url=video.url if video else None,
        poster_url=poster.url if poster else None,
    )


@operators_only
async def act(request: Request, operator: Caller) -> Response:
    """Do what the form's address says to the job."""
    service = service_of(request)
    database, job_id = service.database, _job_id(request)
    match request.path_params["act"]:
        case "requeue":
            await requeue_job(database, job_id, actor=operator.actor)
        case "resolve":
            form = await request.form(max_files=0, max_fields=2, max_part_size=1024)
            task_id = str(form.get("task_id", "")).strip()
            if not task_id.isprintable() or not 0 < len(task_id) <= _MOST_TASK_CHARACTERS:
                raise InvalidRequestError("task_id: name the provider's task, in 200 characters")
            await resolve_submission(
                database, job_id, task_id=task_id, actor=operator.actor, n=_attempt_n(request)
            )
        case "never-arrived":
            await resolve_submission(
                database, job_id, task_id=None, actor=operator.actor, n=_attempt_n(request)
            )
        case "cancel":
            await cancel_job(
                database, ADMIN, job_id, audit=AuditEntry(operator.actor, "job.cancel", str(job_id))
            )
        case "erase":
            entry = AuditEntry(operator.actor, "job.erase", str(job_id))
            paths = await erase_job(database, ADMIN, job_id, audit=entry)
            # Objects that cannot be removed now are removed by a worker's sweep.
            with contextlib.suppress(StorageUnavailableError):
                await service.store.delete(paths)
            return RedirectResponse("/admin/jobs", 303)
        case _:
            raise NotFoundError("There is nothing at this address.")
    return RedirectResponse(f"/admin/jobs/{job_id}", 303)


def _is_unresolved(attempt: Mapping[str, Any]) -> bool:
    return attempt["status"] in {"unknown", "lost"} and attempt["charged"] is None


def _attempt_n(request: Request) -> int:
    n = request.query_params.get("attempt", "")
    if not (n.isascii() and n.isdigit() and len(n) <= 4):
        raise InvalidRequestError("attempt: name the attempt by its number")
    return int(n)


def _job_id(request: Request) -> UUID:
    job_id = _uuid(request.path_params["job_id"])
    if job_id is None:
        raise NotFoundError("There is no such job.", code="job_not_found")
    return job_id


def _uuid(text: str | None) -> UUID | None:
    with contextlib.suppress(ValueError):
        return UUID(text) if text else None
    return None


routes = [
    Route("/admin/jobs", list_jobs),
    Route("/admin/jobs/{job_id}", show_job),
    Route("/admin/jobs/{job_id}/{act}", act, methods=["POST"]),
]
