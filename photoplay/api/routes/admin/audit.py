"""/api/admin/audit: what operators did."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.json_route import AdminRoute
from photoplay.api.routes.admin.access import REFUSALS
from photoplay.api.service import service_of
from photoplay.api.views import success
from photoplay.db.pool import ADMIN

router = APIRouter(prefix="/api/admin/audit", tags=["admin"], route_class=AdminRoute)
Exactly = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


class Act(BaseModel):
    """Something that an operator changed."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, Any]


@router.get("", response_model=wire.Success[wire.Page[Act]], responses=REFUSALS)
async def list_audit(
    request: Request,
    actor: Exactly = None,
    action: Exactly = None,
    target: Exactly = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$")] = None,
) -> Response:
    """List what operators changed, newest first."""
    values = {"actor": actor, "action": action, "target": target, "limit": limit + 1}
    before = None if cursor is None else int(cursor)
    rows = await service_of(request).database.once(
        ADMIN, "list_audit", {**values, "before": before}
    )
    page = rows[:limit]
    more = str(page[-1]["id"]) if len(rows) > limit else None
    items = [{**row, "id": int(row["id"])} for row in page]
    return success({"items": items, "next_cursor": more})
