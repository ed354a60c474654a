"""/api/admin/jobs: jobs of all users, and what an operator does about one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.json_route import AdminRoute
from photoplay.api.routes.admin.access import REFUSALS, Operator
from photoplay.api.service import Service, service_of
from photoplay.api.views import is_overdue, make_cursor, read_cursor, success
from photoplay.db.pool import ADMIN
from photoplay.domain.errors import GoneError, NotFoundError, UnprocessableRequestError
from photoplay.domain.states import AttemptStatus, Phase, Status
from photoplay.operations.requeue_job import requeue_job
from photoplay.operations.resolve_submission import resolve_submission

router = APIRouter(prefix="/api/admin/jobs", tags=["admin"], route_class=AdminRoute)
_ONE: dict[int | str, dict[str, Any]] = {
    404: {"model": wire.Problem},
    410: {"model": wire.Problem},
    **REFUSALS,
}


class ListedJob(BaseModel):
    """A job of anybody, without its content."""

    id: UUID
    user_id: UUID
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    status: Status
    phase: Phase
    provider: str | None
    failure: wire.Failure | None
    cost_usd: float | None
    version: int
    overdue: bool
    attempts: int
    attempt_status: AttemptStatus | None = Field(description="Of the newest attempt.")


class Happening(BaseModel):
    """One line of a job's timeline."""

    at: datetime
    source: Literal["event", "attempt", "callback", "log", "operator"]
    level: str
    text: str


class JobHistory(BaseModel):
    """A job with everything that happened to it."""

    job: dict[str, Any]
    attempts: list[dict[str, Any]]
    events: list[dict[str, Any]]
    timeline: list[Happening]


class Resolution(BaseModel):
    """What became of a submission that could not be confirmed: a task, or nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    providerTaskId: wire.Text | None = Field(  # noqa: N815
        None, min_length=1, max_length=255, description="The provider's name of the task."
    )
    notAccepted: Literal[True] | None = Field(  # noqa: N815
        None, description="It never arrived, and was not charged."
    )
    attempt: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Which of the job's attempts, by its `n`; needed where several are unresolved.",
    )


@router.get("", response_model=wire.Success[wire.Page[ListedJob]], responses=REFUSALS)
async def list_jobs(
    request: Request,
    *,
    user: UUID | None = None,
    status: Status | None = None,
    phase: Phase | None = None,
    provider: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")] = None,
    attempt_status: Annotated[
        AttemptStatus | None, Query(description="Of the newest attempt.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """List jobs of all users, newest first."""
    before_at, before_id = read_cursor(cursor)
    values = {
        "user_id": user,
        "status": status,
        "phase": phase,
        "provider": provider,
        "attempt_status": attempt_status,
        "limit": limit + 1,
        "before_at": before_at,
        "before_id": before_id,
    }
    rows = await service_of(request).database.once(ADMIN, "list_all_jobs", values)
    page = rows[:limit]
    items = [
        {name: value for name, value in row.items() if name != "overdue_at"}
        | {"overdue": is_overdue(row)}
        for row in page
    ]
    more = make_cursor(page[-1]) if len(rows) > limit else None
    return success({"items": items, "next_cursor": more})


@router.get("/{job_id}", response_model=wire.Success[JobHistory], responses=_ONE)
async def get_job(request: Request, job_id: UUID) -> Response:
    """Read a job of anybody with its attempts, events and whole timeline; never its content."""
    return success(await _history(service_of(request), job_id))


@router.post(
    "/{job_id}/requeue", status_code=202, response_model=wire.Success[JobHistory], responses=_ONE
)
async def requeue(request: Request, job_id: UUID, operator: Operator) -> Response:
    """Make a worker look at the job now, also where its work item was lost; harmless when repeated."""
    service = service_of(request)
    await requeue_job(service.database, job_id, actor=operator.actor)
    return success(await _history(service, job_id), status=202)


@router.post(
    "/{job_id}/resolve",
    status_code=202,
    response_model=wire.Success[JobHistory],
    responses={409: {"model": wire.Problem}, 422: {"model": wire.Problem}, **_ONE},
)
async def resolve(request: Request, job_id: UUID, body: Resolution, operator: Operator) -> Response:
    """Say what became of a submission that could not be confirmed.

    A named task is adopted once its provider confirms it. One that never arrived was not charged: an open
    job is tried again, an ended one gives its unit back.
    """
    if (body.providerTaskId is None) == (body.notAccepted is None):
        raise UnprocessableRequestError(
            "providerTaskId, notAccepted: send exactly one of the two",
            code="unprocessable",
            details={"fields": [{"field": "body", "problem": "exactly one of two is needed"}]},
        )
    service = service_of(request)
    await resolve_submission(
        service.database,
        job_id,
        task_id=body.providerTaskId,
        actor=operator.actor,
        n=body.attempt,
    )
    return success(await _history(service, job_id), status=202)


async def _history(service: Service, job_id: UUID) -> dict[str, Any]:
    which = {"job_id": job_id}
    names = ("room_job", "room_attempts", "list_events", "room_timeline", "find_erased_job")
    found, attempts, events, timeline, erased = await service.database.batch(
        ADMIN, [(name, which) for name in names]
    )
    if erased:
        raise GoneError("The job was erased.", code="erased")
    if not found:
        raise NotFoundError("There is no such job.", code="job_not_found")
    return {"job": found[0], "attempts": attempts, "events": events, "timeline": timeline}
