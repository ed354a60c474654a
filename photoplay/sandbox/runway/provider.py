"""Runway: image-to-video tasks, uploads, the organisation's balance, short-lived outputs."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final, cast

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from photoplay.sandbox.clips import Wish
from photoplay.sandbox.courier import Courier
from photoplay.sandbox.fields import FieldProblem, problems
from photoplay.sandbox.options import RunwayOptions
from photoplay.sandbox.pictures import Picture, PictureRules, PictureTroubleError
from photoplay.sandbox.provider import Call, Handler, Provider
from photoplay.sandbox.runway.models import MODELS, RunwayModel
from photoplay.sandbox.tasks import Ending, Task
from photoplay.sandbox.world import World

_VERSION: Final = "2024-11-06"
_DOCS: Final = "https://docs.dev.runwayml.com/api"
_RULES: Final = PictureRules(
    16 << 20, 5 << 20, needs_head=True, user_agent="RunwayML API/1.0 (sandbox)"
)
_UPLOAD_LEAST: Final = 512
_UPLOAD_MOST: Final = 200 << 20
_NO_CREDITS: Final = "You do not have enough credits to run this task."
_ERRORS: Final = {
    "unauthorized": (401, "You are not authorized to perform this action."),
    "version": (400, f"X-Runway-Version is required; use {_VERSION}."),
    "no_credits": (400, _NO_CREDITS),
    "validation": (400, "Validation of body failed"),
    "not_found": (404, "Task not found."),
    "gone": (410, "This model has been retired."),
    "daily_limit": (429, "You have reached the daily generation limit for this model."),
    "rate_limited": (429, "Too many requests."),
    "internal": (500, "Internal server error."),
    "bad_gateway": (502, "Bad gateway."),
    "unavailable": (503, "The service is temporarily unavailable."),
    "timeout": (504, "The service did not answer in time."),
}
_ZOD: Final = {
    "missing": "invalid_type", "type": "invalid_type", "unknown": "unrecognized_keys",
    "choice": "invalid_enum_value", "too_small": "too_small", "too_short": "too_small",
    "too_large": "too_big", "too_long": "too_big",
}  # fmt: skip


class RunwaySandbox(Provider):
    """Runway."""

    name = "runway"

    def __init__(self, world: World, courier: Courier) -> None:
        self._balance = world.options.runway.credits
        self._uploads: dict[str, str] = {}
        self._links: dict[str, tuple[str, datetime]] = {}
        super().__init__(world, courier)

    @property
    def options(self) -> RunwayOptions:
        return self.world.options.runway

    def environment(self) -> dict[str, str]:
        """Return the settings that lead a caller here."""
        return {
            "RUNWAYML_API_SECRET": self.options.secret,
            "RUNWAY_API_BASE_URL": self.base_url,
            "RUNWAYML_BASE_URL": self.base_url,
        }

    def routes(self) -> list[Route]:
        signed = self._signed
        return [
            self.route("/v1/image_to_video", signed(self._submit), "submit", "POST"),
            self.route("/v1/tasks/{task_id}", signed(self._task), "poll", "GET"),
            self.route("/v1/tasks/{task_id}", signed(self._delete), "cancel", "DELETE"),
            self.route("/v1/uploads", signed(self._begin_upload), "upload", "POST"),
            self.route("/uploads/{name}", self._put, "put", "POST"),
            self.route("/v1/organization", signed(self._organization), "organization", "GET"),
            self.route("/v1/organization/usage", signed(self._usage), "usage", "POST"),
            self.route("/outputs/{name}", self._output, "media", "GET", "HEAD"),
        ]

    def slots(self) -> int | None:
        return self.options.concurrency

    def lane(self, task: Task) -> str:
        return task.model

    def refusal(self, code: str, message: str | None = None, status: int | None = None) -> Response:
        known, words = _ERRORS.get(code, (500, code))
        body: dict[str, Any] = {"error": message or words, "docUrl": _DOCS}
        return JSONResponse(body, status or known)

    def _signed(self, handler: Handler) -> Handler:
        async def checked(call: Call) -> Response:
            headers = call.request.headers
            if headers.get("authorization") != f"Bearer {self.options.secret}":
                return self.refusal("unauthorized")
            if headers.get("x-runway-version") != _VERSION:
                return self.refusal("version")
            return await handler(call)

        return checked

    # Tasks

    async def _submit(self, call: Call) -> Response:
        try:
            body = call.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return self.refusal("validation", "Invalid JSON body")
        body = cast("dict[str, Any]", body)
        model = MODELS.get(str(body.get("model")))
        found = _problems(model, body)
        if model is None or found:
            return self._invalid(found)
        cost = self._cost(model, body)
        if cost > self._balance:
            return self.refusal("no_credits")
        if self._generations(str(body["model"])) >= self.options.daily_limit:
            return self.refusal("daily_limit")
        task = self.new_task(call, self.world.new_uuid(), str(body["model"]), body)
        task.notes |= {"estimate": cost, "file": f"{task.id}.mp4"}
        refused = await self._read_picture_now(task)
        if refused is not None:
            call.task = None
            return refused
        self._balance -= cost
        self.line.add(task)
        answer: dict[str, Any] = {"id": task.id}
        if self.options.with_estimate:
            answer["estimatedCost"] = {"credits": cost}
        return JSONResponse(answer)

    async def _read_picture_now(self, task: Task) -> Response | None:
        if self.options.bad_picture != "submit":
            return None
        try:
            task.notes["picture"] = await self.picture(task)
        except PictureTroubleError as error:
            return self._invalid([FieldProblem("promptImage", "type", f"Invalid asset: {error}")])
        return None

    async def _task(self, call: Call) -> Response:
        task = self.visible(self.line.find(call.request.path_params["task_id"]))
        if task is None or task.ending.kind == "cancelled":
            return self.refusal("not_found")
        call.task = task
        task.polls += 1
        return JSONResponse(self._shown(task))

    async def _delete(self, call: Call) -> Response:
        task = self.visible(self.line.find(call.request.path_params["task_id"]))
        if task is None or task.ending.kind == "cancelled":
            return self.refusal("not_found")
        call.task = task
        if task.state != "ended":
            self.line.cancel(task, billed=task.state == "running")
        else:
            self.files.pop(task.notes["file"], None)
            self.line.forget(task)
        return Response(status_code=204)

    def _shown(self, task: Task) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": task.id, "createdAt": _text(task.created_at)}
        estimate = {"estimatedCost": {"credits": task.notes["estimate"]}}
        if task.state == "queued":
            ready = task.ready_at is not None and task.ready_at <= self.world.now()
            held = ready and self.line.is_full(task)
            return {**shown, "status": "THROTTLED" if held else "PENDING", **estimate}
        if task.state == "running":
            progress = task.progress(self.world.now())
            return {**shown, "status": "RUNNING", "progress": progress, **estimate}
        cost = {"cost": {"credits": task.notes["estimate"] if task.ending.billed else 0}}
        if task.ending.kind == "error" and task.ending.code == "CANCELLED":
            return {**shown, "status": "CANCELLED", **cost}
        if task.ending.kind == "error":
            code = task.ending.code or None
            failure = task.ending.message or "The generation failed."
            return {**shown, "status": "FAILED", "failure": failure, "failureCode": code, **cost}
        return {**shown, "status": "SUCCEEDED", **self._outputs(task), **cost}

    def _outputs(self, task: Task) -> dict[str, Any]:
        if task.ending.kind == "empty":
            empty: dict[str, dict[str, Any]] = {
                "missing": {}, "null": {"output": None}, "empty_url": {"output": [""]},
                "empty_list": {"output": []},
            }  # fmt: skip
            return empty[task.ending.code]
        if "result_url" in task.notes:
            return {"output": [task.notes["result_url"]]}
        # Each reading of the task signs a fresh address.
        token = self.world.new_token(48)
        self._links[token] = (task.notes["file"], self.world.after(self.options.url_ttl_s))
        return {"output": [f"{self.base_url}/outputs/{task.notes['file']}?_jwt={token}"]}

    def _invalid(self, found: list[FieldProblem]) -> Response:
        issues = [
            {"code": _ZOD[p.wrong], "path": [p.name], "message": p.message, **p.context}
            for p in found
        ]
        body = {"error": "Validation of body failed", "issues": issues, "docUrl": _DOCS}
        return JSONResponse(body, 400)

    def _generations(self, model: str) -> int:
        since = self.world.now() - timedelta(days=1)
        return sum(1 for t in self.line.all() if t.model == model and t.created_at >= since)

    def _cost(self, model: RunwayModel, body: dict[str, Any]) -> int:
        seconds = body.get("duration", model.duration_s)
        return round(model.credits_s * (15 if seconds == "auto" else seconds))

    def finished(self, task: Task) -> None:
        if not task.ending.billed:
            self._balance += task.notes["estimate"]
        if task.ending.kind == "video":
            self.keep_file(task, task.notes["file"])

    def wish(self, task: Task) -> Wish:
        body = task.body
        pixels = re.fullmatch(r"(\d+):(\d+)", str(body.get("ratio", "")))
        side = re.search(r"(480|720|768|1080)", str(body.get("resolution", body.get("ratio", ""))))
        seconds = body.get("duration", MODELS[task.model].duration_s)
        short, ratio = int(side[1]) if side else 720, None
        if pixels:
            width, height = int(pixels[1]), int(pixels[2])
            # Ratios name either pixels or a mere shape such as 16:9.
            short = min(width, height) if min(width, height) > 100 else 720
            ratio = width / height
        return Wish(
            5.0 if seconds == "auto" else float(seconds), short, ratio,
            str(body.get("promptText", "")), int(body.get("seed", 0)),
        )  # fmt: skip

    async def picture(self, task: Task) -> Picture | None:
        given = task.body["promptImage"]
        reference = given if isinstance(given, str) else given[0]["uri"]
        if not self.world.options.fetch_pictures:
            return None
        return await self.world.pictures.read(reference, _RULES)

    def trouble(self, error: PictureTroubleError) -> Ending:
        return Ending("error", "ASSET.INVALID", str(error), billed=False)

    def file_life_s(self, task: Task) -> float:
        # The links expire, and the file with its task only.
        return 30 * 86_400.0

    # Uploads

    async def _begin_upload(self, call: Call) -> Response:
        try:
            asked = call.json()
            name, kind = str(asked["filename"]), asked.get("type", "ephemeral")
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._invalid([FieldProblem("filename", "missing", "Required")])
        if kind != "ephemeral":
            return self._invalid([FieldProblem("type", "choice", "Invalid enum value")])
        key = self.world.new_uuid()
        uri = f"runway://{self.world.new_token(32)}"
        self._uploads[key] = uri
        return JSONResponse(
            {
                "uploadUrl": f"{self.base_url}/uploads/{key}",
                "fields": {
                    "key": f"ephemeral/{key}/{name}",
                    "policy": self.world.new_token(24),
                    "x-amz-signature": self.world.new_token(32),
                },
                "runwayUri": uri,
            }
        )

    async def _put(self, call: Call) -> Response:
        uri = self._uploads.pop(call.request.path_params["name"], None)
        async with call.request.form() as form:
            names = [name for name, _ in form.multi_items()]
            file = form.get("file")
            signed = {"key", "policy", "x-amz-signature"} <= set(names)
            # As S3 has it: the file comes after every field.
            if uri is None or not signed or isinstance(file, str | None) or names[-1] != "file":
                return _storage_refusal(403, "AccessDenied")
            content = await file.read()
        if not _UPLOAD_LEAST <= len(content) <= _UPLOAD_MOST:
            return _storage_refusal(400, "EntityTooLarge")
        await self.world.keep_upload(uri, content)
        return Response(status_code=204)

    # Account and files

    async def _organization(self, call: Call) -> Response:
        limits = {
            "maxConcurrentGenerations": self.options.concurrency,
            "maxDailyGenerations": self.options.daily_limit,
        }
        return JSONResponse(
            {
                "creditBalance": self._balance,
                "tier": {"maxMonthlyCreditSpend": 10_000, "models": dict.fromkeys(MODELS, limits)},
                "usage": {
                    "models": {m: {"dailyGenerations": self._generations(m)} for m in MODELS}
                },
            }
        )

    async def _usage(self, call: Call) -> Response:
        days: dict[str, dict[str, int]] = {}
        for task in self.line.all():
            day = days.setdefault(task.created_at.date().isoformat(), {})
            billed = task.notes["estimate"] if task.state != "ended" or task.ending.billed else 0
            day[task.model] = day.get(task.model, 0) + billed
        results = [
            {
                "date": date,
                "usedCredits": [{"model": m, "amount": n} for m, n in used.items()],
            }
            for date, used in days.items()
        ]
        models = sorted({model for used in days.values() for model in used})
        return JSONResponse({"models": models, "results": results})

    async def _output(self, call: Call) -> Response:
        name = call.request.path_params["name"]
        token = call.request.query_params.get("_jwt", "")
        file, expires_at = self._links.get(token, (None, None))
        if file != name or expires_at is None or self.world.now() >= expires_at:
            return self.expired_file(None)
        return self.file(name)

    def expired_file(self, status: int | None) -> Response:
        return _storage_refusal(status or 403, "AccessDenied")

    def clear(self) -> None:
        super().clear()
        self._balance = self.options.credits
        self._links.clear()


def _problems(model: RunwayModel | None, body: dict[str, Any]) -> list[FieldProblem]:
    if model is None:
        expected: dict[str, Any] = {"options": list(MODELS)}
        return [FieldProblem("model", "choice", "Invalid discriminator value", expected)]
    rest = {name: value for name, value in body.items() if name not in {"model", "promptImage"}}
    found = problems(model.fields, rest, unknown=True)
    return found + _frame_problems(model, body.get("promptImage"))


def _frame_problems(model: RunwayModel, given: object) -> list[FieldProblem]:
    if isinstance(given, str) and given:
        return []
    allowed = {"first", "last"} if model.has_last else {"first"}
    if isinstance(given, list):
        frames = cast("list[Any]", given)
        good = [
            isinstance(f, dict)
            and set(cast("dict[str, Any]", f)) == {"uri", "position"}
            and isinstance(f["uri"], str)
            and f["position"] in allowed
            for f in frames
        ]
        if frames and all(good):
            return []
    return [FieldProblem("promptImage", "missing" if given is None else "type", "Invalid input")]


def _storage_refusal(status: int, code: str) -> Response:
    return Response(f"<Error><Code>{code}</Code></Error>", status, media_type="application/xml")


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
