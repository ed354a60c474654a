"""/admin: how the installation is, on one page, and the field that finds anything."""

from __future__ import annotations

import contextlib
import re
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.packaged import packaged
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.charts import by_hour, spend_by_day
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import service_of
from photoplay.db.pool import ADMIN

_ENDINGS: Final = ("succeeded", "failed", "cancelled")
_BEGINNING: Final = re.compile("[0-9a-f]{8,31}")


@operators_only
async def overview(request: Request, operator: Caller) -> Response:
    """Show what is going on now, how it went lately, and what it cost."""
    database = service_of(request).database
    numbers, hours, days, providers = await database.batch(
        ADMIN,
        [
            ("room_numbers", {}),
            ("room_hours", {}),
            ("room_days", {"provider": None}),
            ("room_providers", {}),
        ],
    )
    return page(
        request,
        "overview",
        operator=operator,
        now=numbers[0],
        endings=by_hour("Jobs that ended, by hour", hours, _ENDINGS, part="status", amount="jobs"),
        spend=spend_by_day(days),
        providers=providers,
    )


@operators_only
async def find(request: Request, operator: Caller) -> Response:
    """Go to the job, user or list that the typed id means."""
    text = request.query_params.get("q", "").strip()
    first, last = _ids(text)
    values = {"text": text, "first": first, "last": last}
    rows = await service_of(request).database.once(ADMIN, "room_find", values) if text else []
    users = {row["user_id"] for row in rows}
    jobs = {row["id"] for row in rows if row["kind"] == "job"}
    if len(jobs) == 1:
        return RedirectResponse(f"/admin/jobs/{jobs.pop()}", 303)
    if len(users) == 1 and not jobs:
        return RedirectResponse(f"/admin/users/{users.pop()}", 303)
    return page(
        request,
        "found",
        status=200 if rows else 404,
        operator=operator,
        text=text,
        rows=rows,
    )


def _ids(text: str) -> tuple[UUID | None, UUID | None]:
    """Return the first and the last id that the text may mean: pages show how an id begins."""
    with contextlib.suppress(ValueError):
        return UUID(text), UUID(text)
    digits = text.replace("-", "").lower()
    if not _BEGINNING.fullmatch(digits):
        return None, None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


async def style(request: Request) -> Response:
    """Answer the control room's style sheet."""
    return packaged(request, "photoplay.pages", "control_room", "control_room.css", {})


routes = [
    Route("/admin", overview),
    Route("/admin/find", find),
    Route("/admin/style/control_room.css", style),
]
