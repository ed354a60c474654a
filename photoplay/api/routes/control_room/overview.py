"""/admin: how the installation is, on one page, and the field that finds anything."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.packaged import packaged
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.charts import Column, stacked
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import service_of
from photoplay.db.pool import ADMIN

_ENDINGS: Final = ("succeeded", "failed", "cancelled")


@operators_only
async def overview(request: Request, operator: Caller) -> Response:
    """Show what is going on now, how it went lately, and what it cost."""
    database = service_of(request).database
    numbers, hours, days, providers = await database.batch(
        ADMIN,
        [("room_numbers", {}), ("room_hours", {}), ("room_days", {}), ("room_providers", {})],
    )
    names = sorted({day["provider"] for day in days} - {""})
    return page(
        request,
        "overview",
        operator=operator,
        now=numbers[0],
        endings=stacked("Jobs that ended, by hour", _by_hour(hours), _ENDINGS),
        ending_names=_ENDINGS,
        spend=stacked("Spend in US dollars, by day", _by_day(days), names, unit="$"),
        spend_names=names,
        days=_table_of_days(days),
        providers=providers,
    )


@operators_only
async def find(request: Request, _: Caller) -> Response:
    """Go to the job, user or list that the typed id means."""
    text = request.query_params.get("q", "").strip()
    values = {"text": text, "id": _uuid(text)}
    rows = await service_of(request).database.once(ADMIN, "room_find", values) if text else []
    users = {row["user_id"] for row in rows}
    jobs = {row["id"] for row in rows if row["kind"] == "job"}
    if len(jobs) == 1:
        return RedirectResponse(f"/admin/jobs/{jobs.pop()}", 303)
    if len(users) == 1 and not jobs:
        return RedirectResponse(f"/admin/users/{users.pop()}", 303)
    return page(request, "found", status=200 if rows else 404, text=text, rows=rows)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _by_hour(rows: Sequence[dict[str, Any]]) -> list[Column]:
    return [
        Column(hour.strftime("%d %b %H:00"), {row["status"]: float(row["jobs"]) for row in of_hour})
        for hour, of_hour in groupby(rows, lambda row: row["hour"])
    ]


def _by_day(rows: Sequence[dict[str, Any]]) -> list[Column]:
    return [
        Column(
            day.strftime("%d %b"),
            {row["provider"]: float(row["usd"]) for row in of_day if row["provider"]},
        )
        for day, of_day in groupby(rows, lambda row: row["day"])
    ]


def _table_of_days(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in reversed(rows) if row["provider"]]


async def style(request: Request) -> Response:
    """Answer the control room's style sheet."""
    return packaged(request, "photoplay.pages", "control_room", "control_room.css", {})


routes = [
    Route("/admin", overview),
    Route("/admin/find", find),
    Route("/admin/style/control_room.css", style),
]
