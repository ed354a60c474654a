"""/admin/quotas: the limits of the installation, how far the day has used them up, and who is near them."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.metrics import refusals
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import service_of
from photoplay.db.pool import ADMIN

_NEAREST: Final = 25
_OWN: Final = 100
_BY_LIMITS: Final = {
    "quota_exceeded": "over the videos of the day",
    "too_many_open_jobs": "too many in progress",
    "spend_cap_reached": "over a spend cap",
    "rate_limited": "too many requests in a minute",
}


@operators_only
async def show(request: Request, operator: Caller) -> Response:
    """Show limits, use and spend of today, and the users nearest to their limits."""
    standing, nearest, own = await service_of(request).database.batch(
        ADMIN,
        [
            ("room_quotas", {}),
            ("room_quota_users", {"limit": _NEAREST}),
            ("room_own_limits", {"limit": _OWN}),
        ],
    )
    refused = refusals()
    return page(
        request,
        "quotas",
        operator=operator,
        today=standing[0],
        nearest=nearest,
        own=own,
        refused=[(why, refused.get(code, 0)) for code, why in _BY_LIMITS.items()],
    )


routes = [Route("/admin/quotas", show)]
