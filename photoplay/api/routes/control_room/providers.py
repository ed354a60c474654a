"""/admin/providers: health, success and spend of each, and pausing them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import service_of
from photoplay.db.pool import ADMIN
from photoplay.domain.errors import NotFoundError
from photoplay.operations.pause_provider import pause_provider, resume_provider


@operators_only
async def show(request: Request, operator: Caller) -> Response:
    """Show every provider that this server knows or that was used lately."""
    service = service_of(request)
    rows = await service.database.once(ADMIN, "room_providers", {})
    used = {row["name"] for row in rows}
    idle = [name for name in service.registry.capabilities if name not in used]
    order = list(service.registry.order)
    return page(request, "providers", operator=operator, providers=rows, idle=idle, order=order)


@operators_only
async def change(request: Request, operator: Caller) -> Response:
    """Pause or resume a provider."""
    service = service_of(request)
    name, wish = request.path_params["name"], request.path_params["wish"]
    match wish:
        case "pause":
            await pause_provider(service.database, name, actor=operator.actor)
        case "resume":
            await resume_provider(service.database, name, actor=operator.actor)
        case _:
            raise NotFoundError("There is nothing at this address.")
    return RedirectResponse("/admin/providers", 303)


routes = [
    Route("/admin/providers", show),
    Route("/admin/providers/{name}/{wish}", change, methods=["POST"]),
]
