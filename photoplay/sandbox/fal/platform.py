"""fal's platform API: the request history that finds lost submissions, prices, billing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from photoplay.sandbox.fal.models import ENDPOINTS, endpoint_for
from photoplay.sandbox.provider import Call, Handler
from photoplay.sandbox.tasks import Task

if TYPE_CHECKING:
    from photoplay.sandbox.fal.provider import FalSandbox

_DAY: Final = timedelta(days=1)
_KEPT: Final = timedelta(days=90)
_PAGE: Final = 50
_LARGEST_PAGE: Final = 100


class PlatformRoutes:
    """History, prices, billing and the addresses that callbacks come from."""

    def __init__(self, fal: FalSandbox) -> None:
        self._fal = fal

    def routes(self) -> list[Route]:
        route = self._fal.route
        models = "/api/v1/models"
        return [
            route(
                f"{models}/requests/by-endpoint", self._signed(self._by_endpoint), "resolve", "GET"
            ),
            route(f"{models}/requests/search", self._signed(self._search), "resolve", "GET"),
            route(
                f"{models}/requests/{{task_id}}/payloads",
                self._signed(self._erase),
                "erase",
                "DELETE",
            ),
            route(f"{models}/pricing", self._signed(self._pricing), "pricing", "GET"),
            route(f"{models}/billing-events", self._signed(self._billing), "billing", "GET"),
            route("/api/v1/meta", self._meta, "meta", "GET"),
        ]

    def _signed(self, handler: Handler) -> Handler:
        async def checked(call: Call) -> Response:
            if not self._fal.is_signed_in(call.request):
                return _refused(401, "authorization_error", "Authentication required")
            return await handler(call)

        return checked

    async def _by_endpoint(self, call: Call) -> Response:
        query = call.request.query_params
        endpoint_ids = query.getlist("endpoint_id")
        if not endpoint_ids:
            return _refused(422, "validation_error", "endpoint_id is required")
        now = self._fal.world.now()
        try:
            start = _instant(query.get("start")) or now - (_KEPT if "request_id" in query else _DAY)
            end = _instant(query.get("end")) or now
        except ValueError:
            return _refused(422, "validation_error", "start and end are ISO 8601 instants")
        by_start = query.get("sort_by", "ended_at") == "started_at"

        def wanted(task: Task) -> bool:
            at = (
                (task.started_at if by_start else task.ended_at)
                or task.started_at
                or task.created_at
            )
            return task.model in endpoint_ids and start <= at <= end

        return self._page(call, wanted)

    async def _search(self, call: Call) -> Response:
        return self._page(call, lambda _: True)

    def _page(self, call: Call, wanted: Callable[[Task], bool]) -> Response:
        query = call.request.query_params
        try:
            limit = min(int(query.get("limit", _PAGE)), _LARGEST_PAGE)
            offset = int(query.get("cursor", "0"))
        except ValueError:
            return _refused(422, "validation_error", "limit or cursor is not valid")
        request_id, status = query.get("request_id"), query.get("status")
        rows = [
            task
            for task in self._fal.line.all()
            if self._is_listed(task)
            and wanted(task)
            and request_id in {None, task.id}
            and status in {None, self._kind(task)}
        ]
        rows.sort(key=lambda task: task.ended_at or task.created_at, reverse=True)
        page = rows[offset : offset + limit]
        more = offset + limit < len(rows)
        payloads = "payloads" in query.getlist("expand")
        return JSONResponse(
            {
                "items": [self._row(task, payloads=payloads) for task in page],
                "next_cursor": str(offset + limit) if more else None,
                "has_more": more,
            }
        )

    def _is_listed(self, task: Task) -> bool:
        options = self._fal.options
        at = {"ended": task.ended_at, "started": task.started_at, "all": task.created_at}[
            options.history
        ]
        if task.ended_at is not None and at is None:
            at = task.ended_at
        if at is None or not task.notes["store"] or self._fal.visible(task) is None:
            return False
        return self._fal.world.now() >= at + timedelta(seconds=options.history_lag_s)

    def _kind(self, task: Task) -> str:
        status = self._status_code(task)
        if status is None or status < 400:
            return "success"
        return "error" if status >= 500 else "user_error"

    def _status_code(self, task: Task) -> int | None:
        if task.state != "ended":
            return None
        error = self._fal.error_of(task)
        return 200 if error is None else error.status

    def _row(self, task: Task, *, payloads: bool) -> dict[str, Any]:
        row: dict[str, Any] = {
            "request_id": task.id,
            "endpoint_id": task.model,
            "started_at": _text(task.started_at or task.created_at),
            "sent_at": _text(task.created_at),
            "ended_at": _text(task.ended_at),
            "status_code": self._status_code(task),
            "duration": self._fal.run_time_s(task),
        }
        if payloads and not task.notes.get("erased"):
            row["json_input"] = task.body
            row["json_output"] = None
            if task.state == "ended":
                error = self._fal.error_of(task)
                row["json_output"] = error.body if error else self._fal.output_of(task)
        return row

    async def _erase(self, call: Call) -> Response:
        task = self._fal.line.find(call.request.path_params["task_id"])
        if task is None:
            return _refused(404, "not_found", "Request not found")
        task.notes["erased"] = True
        self._fal.files.pop(task.notes["file"], None)
        return JSONResponse({"cdn_delete_results": []})

    async def _pricing(self, call: Call) -> Response:
        asked = call.request.query_params.getlist("endpoint_id") or list(ENDPOINTS)
        prices: list[dict[str, object]] = []
        for endpoint_id in asked:
            endpoint = endpoint_for(endpoint_id)
            if endpoint is None:
                return _refused(404, "not_found", f"{endpoint_id} is not an endpoint")
            prices.append(
                {
                    "endpoint_id": endpoint_id,
                    "unit_price": endpoint.usd,
                    "unit": "videos" if endpoint.per_clip else "seconds",
                    "currency": "USD",
                }
            )
        return JSONResponse({"prices": prices, "next_cursor": None, "has_more": False})

    async def _billing(self, call: Call) -> Response:
        events: list[dict[str, object]] = []
        for task in self._fal.line.all():
            units = float(self._fal.units_of(task)) if task.state == "ended" else 0.0
            endpoint = endpoint_for(task.model)
            if not units or endpoint is None:
                continue
            events.append(
                {
                    "request_id": task.id,
                    "endpoint_id": task.model,
                    "timestamp": _text(task.ended_at),
                    "output_units": units,
                    "unit_price": endpoint.usd,
                    "cost_nano_usd": round(units * endpoint.usd * 1_000_000_000),
                }
            )
        return JSONResponse({"billing_events": events, "next_cursor": None, "has_more": False})

    async def _meta(self, call: Call) -> Response:
        return JSONResponse({"webhook_ip_ranges": ["127.0.0.1/32"]})


def _refused(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"error": {"type": kind, "message": message}}, status)


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")
