"""fal's queue: submit, status, result, cancel, callbacks."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from photoplay.sandbox.clips import Wish
from photoplay.sandbox.courier import Courier, Letter, Payload
from photoplay.sandbox.fal.errors import FalError, fal_error, input_error, picture_error
from photoplay.sandbox.fal.models import endpoint_for
from photoplay.sandbox.fal.platform import PlatformRoutes
from photoplay.sandbox.fal.storage import StorageRoutes
from photoplay.sandbox.fields import problems
from photoplay.sandbox.options import FalOptions
from photoplay.sandbox.pictures import Picture, PictureRules, PictureTroubleError
from photoplay.sandbox.provider import Call, Provider
from photoplay.sandbox.signing import FalKeys
from photoplay.sandbox.tasks import Ending, Task
from photoplay.sandbox.world import World

_RULES: Final = PictureRules(50 << 20, 16 << 20, user_agent="fal-ai-sandbox")
_SIDES: Final = {
    "360p": 360, "480p": 480, "512P": 512, "540p": 540, "720p": 720, "768P": 768, "1080p": 1080,
    "1440p": 1440, "2160p": 2160, "2K": 1440, "4k": 2160,
}  # fmt: skip


class FalSandbox(Provider):
    """fal."""

    name = "fal"

    def __init__(self, world: World, courier: Courier) -> None:
        self.keys = FalKeys(world.options.seed)
        self._storage = StorageRoutes(self)
        self._platform = PlatformRoutes(self)
        super().__init__(world, courier)

    @property
    def options(self) -> FalOptions:
        return self.world.options.fal

    def environment(self) -> dict[str, str]:
        """Return the settings that lead a caller here."""
        return {
            "FAL_KEY": self.options.key,
            "FAL_QUEUE_BASE_URL": f"{self.base_url}/queue",
            "FAL_REST_BASE_URL": f"{self.base_url}/rest",
            "FAL_PLATFORM_BASE_URL": f"{self.base_url}/api/v1",
        }

    def routes(self) -> list[Route]:
        status = "/queue/{endpoint:path}/requests/{task_id}/status"
        result = "/queue/{endpoint:path}/requests/{task_id}"
        return [
            self.route(f"{status}/stream", self._stream, "stream", "GET"),
            self.route(status, self._status, "poll", "GET"),
            self.route(f"{result}/cancel", self._cancel, "cancel", "PUT"),
            self.route(f"{result}/response", self._result, "result", "GET"),
            self.route(result, self._result, "result", "GET"),
            self.route("/queue/{endpoint:path}", self._submit, "submit", "POST"),
            self.route("/rest/.well-known/jwks.json", self._key_set, "keys", "GET"),
            *self._storage.routes(),
            *self._platform.routes(),
        ]

    def slots(self) -> int | None:
        return self.options.concurrency

    def refusal(self, code: str, message: str | None = None, status: int | None = None) -> Response:
        error = fal_error(code, message, status=status)
        return JSONResponse(error.body, error.status, error.headers(self.options))

    def is_signed_in(self, request: Request) -> bool:
        """Say whether a request carries the account's key."""
        return request.headers.get("authorization") == f"Key {self.options.key}"

    async def _submit(self, call: Call) -> Response:
        if not self.is_signed_in(call.request):
            return self.refusal("unauthorized")
        endpoint_id = call.request.path_params["endpoint"].strip("/")
        if endpoint_for(endpoint_id) is None:
            return self.refusal("not_found", f"Application {endpoint_id!r} not found")
        try:
            body = call.json()
        except ValueError:
            return JSONResponse(
                {"detail": [{"loc": ["body"], "msg": "JSON decode error", "type": "json_invalid"}]},
                422,
            )
        if not isinstance(body, dict):
            return self.refusal("bad_request", "The input must be an object")
        task = self._new_request(call, endpoint_id, body)  # pyright: ignore[reportUnknownArgumentType] -- JSON
        self.line.add(task)
        return JSONResponse(
            {
                "status": "IN_QUEUE",
                "request_id": task.id,
                "gateway_request_id": task.id,
                **self._addresses(task),
                "queue_position": self._position(task),
            },
            headers={"x-fal-request-id": task.id},
        )

    def _new_request(self, call: Call, endpoint_id: str, body: dict[str, Any]) -> Task:
        headers = call.request.headers
        task = self.new_task(call, self.world.new_uuid(), endpoint_id, body)
        task.callback_url = call.request.query_params.get("fal_webhook")
        task.low_priority = headers.get("x-fal-queue-priority") == "low"
        limit = headers.get("x-fal-request-timeout", "")
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", limit):
            task.start_by = task.created_at + timedelta(seconds=float(limit))
        task.notes["store"] = headers.get("x-fal-store-io") != "0"
        task.notes["file"] = f"{self.world.new_token()}.mp4"
        task.notes["file_life_s"] = _lifetime(headers.get("x-fal-object-lifecycle-preference"))
        if task.ending.kind == "video":
            endpoint = endpoint_for(endpoint_id)
            # A submission is never judged; a bad input shows when it runs.
            found = problems(endpoint.fields, body, unknown=False) if endpoint else []
            if found:
                error = input_error(found, body)
                task.ending = Ending("error", error.code, at="run", billed=False, detail=error.body)
        return task

    async def _status(self, call: Call) -> Response:
        found = self._request_of(call)
        if isinstance(found, Response):
            return found
        shown = self._shown(
            found, with_logs=call.request.query_params.get("logs", "0") in {"1", "true"}
        )
        waiting = found.state != "ended"
        return JSONResponse(
            shown, self.options.waiting_status if waiting else 200, {"x-fal-request-id": found.id}
        )

    async def _stream(self, call: Call) -> Response:
        found = self._request_of(call)
        if isinstance(found, Response):
            return found
        return StreamingResponse(self._events(found), media_type="text/event-stream")

    async def _events(self, task: Task) -> AsyncGenerator[str]:
        told = ""
        while True:
            self.line.settle()
            shown = json.dumps(self._shown(task, with_logs=True))
            if shown != told:
                yield f"data: {shown}\n\n"
                told = shown
            if task.state == "ended" or self.world.clock.closed:
                return
            await self.world.clock.wait(self.world.after(1.0))

    async def _result(self, call: Call) -> Response:
        task = self._request_of(call)
        if isinstance(task, Response):
            return task
        if task.state != "ended" or task.ended_at is None:
            return JSONResponse({"detail": "Request is still in progress"}, 400)
        if self.world.now() >= task.ended_at + timedelta(seconds=self.options.result_ttl_s):
            return self._unknown()
        headers = {"x-fal-request-id": task.id, "x-fal-billable-units": self.units_of(task)}
        error = self.error_of(task)
        if error is None:
            return JSONResponse(self.output_of(task), headers=headers)
        headers |= error.headers(self.options)
        if task.ending.kind == "expired":
            headers["X-Fal-Request-Timeout-Type"] = "user"
        return JSONResponse(error.body, error.status, headers)

    async def _cancel(self, call: Call) -> Response:
        task = self._request_of(call)
        if isinstance(task, Response):
            return JSONResponse({"status": "NOT_FOUND"}, task.status_code)
        if task.state == "ended":
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        queued = task.state == "queued"
        if not task.ignores_cancel:
            self.line.cancel(task, billed=not queued and self.options.cancel_bills)
        if queued and not task.ignores_cancel:
            return JSONResponse({"status": "OK"}, 200)
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    async def _key_set(self, call: Call) -> Response:
        return JSONResponse(self.keys.key_set(), headers={"Cache-Control": "max-age=86400"})

    def _request_of(self, call: Call) -> Task | Response:
        """Return the request that an address names, or the answer for one that there is not."""
        if not self.is_signed_in(call.request):
            return self.refusal("unauthorized")
        task = self.visible(self.line.find(call.request.path_params["task_id"]))
        if task is None:
            return self._unknown()
        call.task = task
        task.polls += 1
        asked = call.request.path_params["endpoint"].strip("/")
        hidden = task.ending.kind == "cancelled" and self.options.cancelled_is == "not_found"
        if hidden or asked not in {_application(task.model), task.model}:
            return self._unknown()
        return task

    def _unknown(self) -> Response:
        return JSONResponse({"detail": "Request not found"}, 404)

    def _addresses(self, task: Task) -> dict[str, str]:
        form = self.options.url_form
        path = task.model if form == "full" else _application(task.model)
        base = f"{self.base_url}/queue/{path}/requests/{task.id}"
        return {
            "response_url": base + ("/response" if form == "suffixed" else ""),
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
        }

    def _position(self, task: Task) -> int:
        waiting = self.line.waiting()
        return waiting.index(task) if task in waiting else 0

    def _shown(self, task: Task, *, with_logs: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {"request_id": task.id, **self._addresses(task)}
        if task.state == "queued":
            return {"status": "IN_QUEUE", **shown, "queue_position": self._position(task)}
        shown["logs"] = self._logs(task) if with_logs else None
        if task.state == "running":
            return {"status": "IN_PROGRESS", **shown}
        shown["metrics"] = {"inference_time": self.run_time_s(task)}
        error = self.error_of(task)
        if error is not None:
            shown["error"] = f"Invalid status code: {error.status}"
            shown["error_type"] = error.code
        return {"status": "COMPLETED", **shown}

    def _logs(self, task: Task) -> list[dict[str, str]]:
        share = task.progress(self.world.now())
        at = (task.started_at or task.created_at).isoformat().replace("+00:00", "Z")
        return [
            {
                "timestamp": at,
                "level": "INFO",
                "source": "USER",
                "message": f"rendering {share:.0%}",
            }
        ]

    def run_time_s(self, task: Task) -> float:
        """Return how long a request ran."""
        if task.started_at is None or task.ended_at is None:
            return 0.0
        return round((task.ended_at - task.started_at).total_seconds(), 3)

    def error_of(self, task: Task) -> FalError | None:
        """Return how an ended request failed; None when it did not."""
        ending = task.ending
        match ending.kind:
            case "cancelled":
                return fal_error("client_cancelled", "Request was cancelled")
            case "expired":
                return fal_error("request_timeout", "Request timed out")
            case "error" if ending.detail.get("detail"):
                return FalError(ending.code, 422, "model", False, ending.detail)
            case "error":
                return fal_error(
                    ending.code or "internal_server_error", ending.message or None, ending.detail
                )
            case _:
                return None

    def units_of(self, task: Task) -> str:
        """Return the units that were billed: seconds, or clips."""
        endpoint = endpoint_for(task.model)
        if endpoint is None or not task.ending.billed:
            return "0"
        return "1" if endpoint.per_clip else f"{self.wish(task).duration_s:g}"

    def output_of(self, task: Task) -> dict[str, Any]:
        """Return a succeeded request's output, as its model gives it."""
        endpoint = endpoint_for(task.model)
        clip = task.finished_clip()
        url = task.notes.get("result_url") or f"{self.base_url}/cdn/files/b/{task.notes['file']}"
        video: dict[str, Any] = {
            "url": url,
            "content_type": "video/mp4",
            "file_name": "output.mp4",
            "file_size": clip.size_bytes if clip else 0,
        }
        output: dict[str, Any] = {"video": video}
        if endpoint is not None and endpoint.with_facts and clip is not None:
            video |= {
                "width": clip.width, "height": clip.height, "fps": clip.fps,
                "duration": clip.duration_s, "num_frames": clip.frames,
            }  # fmt: skip
            output["seed"] = task.body.get("seed", 42)
        if task.ending.kind == "empty":
            empty: dict[str, dict[str, Any]] = {
                "missing": {},
                "null": {"video": None},
                "empty_url": {"video": {**video, "url": ""}},
                "empty_list": {"videos": []},
            }
            return empty[task.ending.code]
        return output

    def wish(self, task: Task) -> Wish:
        endpoint = endpoint_for(task.model)
        told = re.match(r"[0-9]+", str(task.body.get("duration", "")))
        shape = re.fullmatch(r"(\d+):(\d+)", str(task.body.get("aspect_ratio", "")))
        return Wish(
            float(told[0]) if told else (endpoint.duration_s if endpoint else 5.0),
            _SIDES.get(str(task.body.get("resolution")), 720),
            int(shape[1]) / int(shape[2]) if shape else None,
            str(task.body.get("prompt", "")),
            task.body.get("seed") if isinstance(task.body.get("seed"), int) else 0,  # pyright: ignore[reportArgumentType]
        )

    async def picture(self, task: Task) -> Picture | None:
        endpoint = endpoint_for(task.model)
        reference = task.body.get(endpoint.picture if endpoint else "image_url")
        if reference is None or not self.world.options.fetch_pictures:
            return None
        picture = await self.world.pictures.read(reference, _RULES)
        if endpoint is not None and min(picture.width, picture.height) < endpoint.min_px:
            raise _TooSmallError(endpoint.min_px)
        return picture

    def trouble(self, error: PictureTroubleError) -> Ending:
        small = isinstance(error, _TooSmallError)
        code = "image_too_small" if small else picture_error(error.trouble)
        context = (
            {"min_height": error.side, "min_width": error.side}
            if isinstance(error, _TooSmallError)
            else {}
        )
        detail = {"loc": ["body", "image_url"], "ctx": context}
        return Ending("error", code, str(error), billed=False, detail=detail)

    def file_life_s(self, task: Task) -> float:
        return task.notes["file_life_s"] or self.options.media_ttl_s

    def finished(self, task: Task) -> None:
        if task.ending.kind == "video":
            self.keep_file(task, task.notes["file"])

    def letter(self, task: Task) -> Letter | None:
        if task.state != "ended" or task.callback_url is None or task.ended_at is None:
            return None
        error = self.error_of(task)
        payload: Payload = {"request_id": task.id, "gateway_request_id": task.id, "status": "OK"}
        if error is None:
            payload["payload"] = self.output_of(task)
        else:
            payload |= {
                "status": "ERROR",
                "error": f"Invalid status code: {error.status}",
                "payload": error.body,
            }
        return Letter(
            self.name, task.id, task.callback_url, "COMPLETED", True, payload, self._seal,
            _contradicted, _emptied, _about, self.keys.rotate,
            task.ended_at + timedelta(seconds=self.options.result_ttl_s),
        )  # fmt: skip

    def _seal(self, body: bytes, at: datetime, do: str) -> dict[str, str]:
        told = re.search(rb'"request_id":"([^"]*)"', body)
        return self.keys.headers(
            body,
            request_id=told[1].decode() if told else "00000000-0000-4000-8000-000000000000",
            user_id="user_somebody_else" if do == "other_user" else self.options.user_id,
            timestamp=int(at.timestamp()),
            signer=self.keys.key_of("forger") if do == "forge" else None,
        )


class _TooSmallError(PictureTroubleError):
    def __init__(self, side: int) -> None:
        super().__init__("unreadable", f"Image must be at least {side} px on each side")
        self.side = side


def _application(endpoint_id: str) -> str:
    return "/".join(endpoint_id.split("/")[:2])


def _lifetime(preference: str | None) -> float | None:
    if preference is None:
        return None
    try:
        seconds = json.loads(preference).get("expiration_duration_seconds")
    except (ValueError, AttributeError):
        return None
    return float(seconds) if isinstance(seconds, int | float) else None


def _contradicted(payload: Payload) -> Payload:
    if payload["status"] == "ERROR":
        return {
            **payload,
            "status": "OK",
            "payload": {"video": {"url": "https://v3b.fal.media/files/b/none.mp4"}},
        }
    return {
        **payload,
        "status": "ERROR",
        "error": "Invalid status code: 500",
        "payload": fal_error("internal_server_error").body,
    }


def _emptied(payload: Payload) -> Payload:
    return {
        **payload,
        "payload": None,
        "payload_error": "Response payload is not JSON serializable",
    }


def _about(payload: Payload, other: str) -> Payload:
    return {**payload, "request_id": other, "gateway_request_id": other}
