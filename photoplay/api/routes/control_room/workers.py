"""/admin/workers: who works, and how deep the queue is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import service_of
from photoplay.db.pool import ADMIN


@operators_only
async def show(request: Request, operator: Caller) -> Response:
    """Show the workers and the lanes."""
    workers, lanes = await service_of(request).database.batch(
        ADMIN, [("room_workers", {}), ("room_lanes", {})]
    )
    return page(request, "workers", operator=operator, workers=workers, lanes=lanes)


routes = [Route("/admin/workers", show)]
