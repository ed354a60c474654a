"""/admin/audit: what operators did."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import service_of
from photoplay.db.pool import ADMIN

_PAGE = 100


@operators_only
async def show(request: Request, operator: Caller) -> Response:
    """Show the newest acts of operators, page by page."""
    before = request.query_params.get("before", "")
    values = {
        "actor": request.query_params.get("actor") or None,
        "action": request.query_params.get("action") or None,
        "target": request.query_params.get("target") or None,
        "before": int(before) if before.isdecimal() and len(before) < 19 else None,
        "limit": _PAGE + 1,
    }
    rows = await service_of(request).database.once(ADMIN, "list_audit", values)
    return page(
        request,
        "audit",
        operator=operator,
        rows=rows[:_PAGE],
        before=rows[_PAGE - 1]["id"] if len(rows) > _PAGE else None,
    )


routes = [Route("/admin/audit", show)]
