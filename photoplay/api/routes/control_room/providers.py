"""/admin/providers: health, success and spend of each, and pausing them."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.charts import by_hour, spend_by_day
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import Service, service_of
from photoplay.db.pool import ADMIN
from photoplay.domain.errors import NotFoundError
from photoplay.operations.pause_provider import pause_provider, resume_provider

# In the order of the colours.
_OUTCOMES: Final = ("succeeded", "failed", "blocked", "under way", "unknown", "cancelled")
_RESULTS: Final = ("accepted", "forged", "repeated", "late")


@operators_only
async def show_all(request: Request, operator: Caller) -> Response:
    """Show every provider that this server knows or that was used lately."""
    service = service_of(request)
    rows, callbacks = await service.database.batch(
        ADMIN, [("room_providers", {}), ("room_callbacks", {})]
    )
    used = {row["name"] for row in rows}
    idle = [name for name in service.registry.capabilities if name not in used]
    return page(
        request,
        "providers",
        operator=operator,
        providers=rows,
        callbacks=callbacks,
        only_polled={
            row["provider"] for row in callbacks if _why_only_polled(service, row["provider"])
        },
        idle=idle,
        order=list(service.registry.order),
    )


@operators_only
async def show(request: Request, operator: Caller) -> Response:
    """Show how one provider does: its attempts, what they cost, what it calls back, what went wrong."""
    service = service_of(request)
    name = request.path_params["name"]
    of_it = {"provider": name}
    rows, hours, days, callbacks, callback_hours, troubles = await service.database.batch(
        ADMIN,
        [
            ("room_providers", {}),
            ("room_attempt_hours", of_it),
            ("room_days", of_it),
            ("room_callbacks", {}),
            ("room_callback_hours", of_it),
            ("room_troubles", of_it),
        ],
    )
    row = next((row for row in rows if row["name"] == name), None)
    spend = spend_by_day(days)
    is_known = name in service.registry.capabilities
    if row is None and not is_known and spend.is_empty:
        raise NotFoundError("No provider is called so, and none was lately.")
    return page(
        request,
        "provider",
        operator=operator,
        name=name,
        row=row,
        is_known=is_known,
        attempts=by_hour(
            "Attempts by the hour they were begun in",
            hours,
            _OUTCOMES,
            part="outcome",
            amount="attempts",
        ),
        spend=spend,
        called=next((row for row in callbacks if row["provider"] == name), None),
        callbacks=by_hour(
            "Callbacks by hour", callback_hours, _RESULTS, part="result", amount="callbacks"
        ),
        only_polled=_why_only_polled(service, name),
        troubles=troubles,
    )


def _why_only_polled(service: Service, name: str) -> str | None:
    """Say why no callbacks of a provider come; None where they do."""
    remote = service.registry.remotes.get(name)
    if remote is None:
        return (
            None
            if name not in service.registry.capabilities
            else "It is built in; nothing calls back."
        )
    if not remote.provider.limits.has_callbacks:
        return "It has no callbacks; its tasks are polled."
    if service.settings.public_url is None:
        return (
            "PHOTOPLAY_PUBLIC_URL is not set, so it knows no address to call; its tasks are polled."
        )
    return None


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
    return RedirectResponse(f"/admin/providers/{quote(name, safe='')}", 303)


routes = [
    Route("/admin/providers", show_all),
    Route("/admin/providers/{name}", show),
    Route("/admin/providers/{name}/{wish}", change, methods=["POST"]),
]
