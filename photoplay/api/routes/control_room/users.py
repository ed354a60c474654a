"""/admin/users: one user's day, jobs and quota."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import service_of
from photoplay.db.pool import ADMIN
from photoplay.domain.errors import NotFoundError
from photoplay.operations.reset_quota import reset_quota

_NEWEST = 20


@operators_only
async def show(request: Request, operator: Caller) -> Response:
    """Show how a user stands."""
    user_id = _user_id(request)
    jobs = {
        "user_id": user_id, "status": None, "provider": None, "show": None,
        "before_at": None, "before_id": None, "limit": _NEWEST,
    }  # fmt: skip
    users, rows = await service_of(request).database.batch(
        ADMIN, [("room_user", {"user_id": user_id}), ("room_jobs", jobs)]
    )
    return page(request, "user", operator=operator, user_id=user_id, user=users[0], rows=rows)


@operators_only
async def give_quota_back(request: Request, operator: Caller) -> Response:
    """Set the used units of today to zero."""
    user_id = _user_id(request)
    await reset_quota(service_of(request).database, user_id, actor=operator.actor)
    return RedirectResponse(f"/admin/users/{user_id}", 303)


def _user_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["user_id"])
    except ValueError:
        raise NotFoundError("A user is named by a UUID.") from None


routes = [
    Route("/admin/users/{user_id}", show),
    Route("/admin/users/{user_id}/reset-quota", give_quota_back, methods=["POST"]),
]
