"""The control API under `/_sandbox`: the Python interface over HTTP, for other processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from photoplay.sandbox.faults import ArmedFault, Fault
from photoplay.sandbox.tasks import Task

if TYPE_CHECKING:
    from photoplay.sandbox.server import Sandbox

Endpoint = Callable[[Request], Awaitable[Response]]


def control_routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes that script and show a sandbox."""
    control = _Control(sandbox)
    table: list[tuple[str, Endpoint, str]] = [
        ("/", control.overview, "GET"),
        ("/faults", control.list_faults, "GET"),
        ("/faults", control.add_faults, "POST"),
        ("/faults", control.clear_faults, "DELETE"),
        ("/faults/{number:int}", control.remove_fault, "DELETE"),
        ("/requests", control.requests, "GET"),
        ("/tasks", control.tasks, "GET"),
        ("/callbacks", control.callbacks, "GET"),
        ("/callbacks", control.send_callback, "POST"),
        ("/clock", control.clock, "POST"),
        ("/options", control.configure, "POST"),
        ("/keys", control.rotate_keys, "POST"),
        ("/reset", control.reset, "POST"),
    ]
    return [Route(path, _checked(endpoint), methods=[method]) for path, endpoint, method in table]


def _checked(endpoint: Endpoint) -> Endpoint:
    async def checked(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ValidationError as error:
            found = [
                {"field": ".".join(map(str, e["loc"])), "problem": e["msg"]}
                for e in error.errors(include_input=False, include_url=False)
            ]
            return JSONResponse({"error": "invalid", "problems": found}, 422)
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 422)

    return checked


class _Control:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def overview(self, request: Request) -> Response:
        sandbox = self._sandbox
        return JSONResponse(
            {
                "environment": sandbox.environment,
                "now": sandbox.now().isoformat(),
                "options": sandbox.options.model_dump(mode="json"),
                "requests": sandbox.journal.counts(),
                "tasks": {name: len(sandbox.tasks(name)) for name in sandbox.providers},
                "faults": [_fault(armed) for armed in sandbox.faults],
            }
        )

    async def list_faults(self, request: Request) -> Response:
        return JSONResponse([_fault(armed) for armed in self._sandbox.faults])

    async def add_faults(self, request: Request) -> Response:
        given = await request.json()
        items = cast("list[Any]", given if isinstance(given, list) else [given])
        # All are read before the first is added.
        faults = [_named(item) or Fault.model_validate(item) for item in items]
        return JSONResponse([_fault(armed) for armed in self._sandbox.add(*faults)], 201)

    async def clear_faults(self, request: Request) -> Response:
        self._sandbox.clear_faults()
        return Response(status_code=204)

    async def remove_fault(self, request: Request) -> Response:
        removed = self._sandbox.remove(request.path_params["number"])
        return Response(status_code=204 if removed else 404)

    async def requests(self, request: Request) -> Response:
        query = request.query_params
        found = self._sandbox.journal.requests(query.get("provider", "*"), query.get("route", "*"))
        return JSONResponse(
            {
                "counts": self._sandbox.journal.counts(),
                "requests": [{**asdict(a), "at": a.at.isoformat()} for a in found],
            }
        )

    async def tasks(self, request: Request) -> Response:
        found = self._sandbox.tasks(request.query_params.get("provider", "*"))
        return JSONResponse([_task(task) for task in found])

    async def callbacks(self, request: Request) -> Response:
        found = self._sandbox.journal.deliveries(request.query_params.get("task"))
        return JSONResponse([{**asdict(d), "at": d.at.isoformat()} for d in found])

    async def send_callback(self, request: Request) -> Response:
        given = await request.json()
        fault = (
            Fault.model_validate({"do": given["do"], **given.get("with", {})})
            if "do" in given
            else None
        )
        if not self._sandbox.send_callback(str(given["task"]), fault):
            return JSONResponse({"error": "no such task, or it wants no callback now"}, 404)
        return Response(status_code=202)

    async def clock(self, request: Request) -> Response:
        given = await request.json()
        if "frozen" in given:
            self._sandbox.configure(frozen=given["frozen"])
        self._sandbox.advance(float(given.get("advance_s", 0)))
        return JSONResponse({"now": self._sandbox.now().isoformat()})

    async def configure(self, request: Request) -> Response:
        return JSONResponse(self._sandbox.configure(**await request.json()).model_dump(mode="json"))

    async def rotate_keys(self, request: Request) -> Response:
        body = await request.body()
        keep_old = bool((await request.json()).get("keep_old")) if body else False
        self._sandbox.rotate_keys(keep_old=keep_old)
        return JSONResponse(self._sandbox.fal.keys.key_set())

    async def reset(self, request: Request) -> Response:
        self._sandbox.reset()
        return Response(status_code=204)


def _named(item: Any) -> str | None:
    """Return the catalogue's name that a fault was asked for by."""
    from photoplay.sandbox.catalogue import CATALOGUE

    name = item.get("name") if isinstance(item, dict) else item  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(name, str):
        return None
    if name not in CATALOGUE:
        raise ValueError(f"no fault is called {name}; choose one of {', '.join(CATALOGUE)}")
    return name


def _fault(armed: ArmedFault) -> dict[str, Any]:
    return {
        "number": armed.number,
        "seen": armed.seen,
        "hits": armed.hits,
        **armed.fault.model_dump(mode="json", exclude_defaults=True),
        "route": armed.fault.route,
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "provider": task.provider,
        "id": task.id,
        "external_id": task.external_id,
        "model": task.model,
        "state": task.state,
        "ending": task.ending.kind if task.state == "ended" else None,
        "code": task.ending.code if task.state == "ended" else None,
        "billed": task.ending.billed if task.state == "ended" else None,
        "created_at": task.created_at.isoformat(),
        "ended_at": task.ended_at.isoformat() if task.ended_at else None,
        "polls": task.polls,
    }
