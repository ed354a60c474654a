"""Kling: tasks that are found by the caller's own id, callbacks for every change of state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from photoplay.sandbox.clips import Wish
from photoplay.sandbox.courier import Courier, Letter, Payload
from photoplay.sandbox.fields import problems
from photoplay.sandbox.kling.errors import key_problem, kling_error
from photoplay.sandbox.kling.models import (
    CONTENTS,
    LEGACY,
    LEGACY_MODELS,
    MODELS,
    OPTIONS,
    PROMPT_MOST,
    KlingModel,
)
from photoplay.sandbox.options import KlingOptions
from photoplay.sandbox.pictures import Picture, PictureRules, PictureTroubleError
from photoplay.sandbox.provider import Call, Handler, Provider
from photoplay.sandbox.signing import standard_webhook_headers
from photoplay.sandbox.tasks import Ending, Task
from photoplay.sandbox.world import World

_TAKEN: Final = "external_task_id already exists"
_RISK: Final = "Failure to pass the risk control system"
_NEW: Final = PictureRules(50 << 20, 0, raw_base64=True, user_agent="kling-sandbox")
_OLD: Final = PictureRules(10 << 20, 0, raw_base64=True, user_agent="kling-sandbox")
_LEAST_PX: Final = 300
_LEGACY_PATH: Final = "/v1/videos/image2video"
_SIDES: Final = {"720p": 720, "1080p": 1080, "4k": 2160}

Style = Literal["new", "legacy"]


class KlingSandbox(Provider):
    """Kling."""

    name = "kling"

    def __init__(self, world: World, courier: Courier) -> None:
        self._by_our_id: dict[str, Task] = {}
        super().__init__(world, courier)

    def clear(self) -> None:
        super().clear()
        self._by_our_id.clear()

    @property
    def options(self) -> KlingOptions:
        return self.world.options.kling

    def environment(self) -> dict[str, str]:
        """Return the settings that lead a caller here."""
        return {
            "KLING_API_KEY": self.options.api_key,
            "KLING_ACCESS_KEY": self.options.access_key,
            "KLING_SECRET_KEY": self.options.secret_key,
            **(
                {"KLING_CALLBACK_SECRET": self.options.webhook_secret}
                if self.options.webhook_secret
                else {}
            ),
            "KLING_API_BASE_URL": self.base_url,
        }

    def routes(self) -> list[Route]:
        new, old = self._signed("new"), self._signed("legacy")
        return [
            self.route("/image-to-video/{model}", new(self._submit), "submit", "POST"),
            self.route("/tasks", new(self._query), _poll_or_resolve, "GET"),
            self.route("/tasks", new(self._list), "list", "POST"),
            self.route(_LEGACY_PATH, old(self._submit_legacy), "submit", "POST"),
            self.route(_LEGACY_PATH, old(self._list_legacy), "list", "GET"),
            self.route(
                f"{_LEGACY_PATH}/{{task_id}}", old(self._query_legacy), _poll_or_resolve, "GET"
            ),
            self.route("/outputs/{name}", self._output, "media", "GET", "HEAD"),
        ]

    def slots(self) -> int | None:
        return None

    def refusal(self, code: str, message: str | None = None, status: int | None = None) -> Response:
        known, body = kling_error(code, message)
        return JSONResponse({**body, "request_id": self.world.new_uuid()}, status or known)

    def _signed(self, style: Style) -> Callable[[Handler], Handler]:
        def around(handler: Handler) -> Handler:
            async def checked(call: Call) -> Response:
                header = call.request.headers.get("authorization", "")
                code = key_problem(header, self.options, self.world.now(), tokens=style == "legacy")
                return self.refusal(code) if code else await handler(call)

            return checked

        return around

    # Submissions

    async def _submit(self, call: Call) -> Response:
        name = call.request.path_params["model"]
        model = MODELS.get(name)
        if model is None:
            return self.refusal("1203")
        body = _object(call)
        if body is None:
            return self.refusal("1200")
        wrong = _wrong(model, body)
        if wrong:
            return self.refusal("1201", wrong)
        options = cast("dict[str, Any]", body.get("options") or {})
        task = await self._begin(call, name, body, options)
        if isinstance(task, Response):
            return task
        shown = self.task_object(task)
        # A submission's answer holds no outcome yet, whatever the clock says.
        names = ("id", "status", "external_id", "create_time", "update_time")
        return self._good({name: shown[name] for name in names})

    async def _submit_legacy(self, call: Call) -> Response:
        body = _object(call)
        if body is None:
            return self.refusal("1200")
        found = problems(LEGACY, body, unknown=False)
        if found:
            return self.refusal("1201", f"{found[0].name}: {found[0].message}")
        name = str(body.get("model_name", LEGACY_MODELS[0]))
        task = await self._begin(call, name, body, body)
        return task if isinstance(task, Response) else self._good(_submitted_legacy(task))

    async def _begin(
        self, call: Call, model: str, body: dict[str, Any], options: dict[str, Any]
    ) -> Task | Response:
        external = options.get("external_task_id")
        if self._is_taken(external):
            return self.refusal("1201", _TAKEN)
        if self.line.open_count() >= self.options.concurrency:
            return self.refusal("1303")
        task = self.new_task(call, self.world.new_number(18), model, body)
        task.external_id = external
        task.callback_url = options.get("callback_url")
        task.notes |= {"style": "new" if model in MODELS else "legacy", "file": f"{task.id}.mp4"}
        try:
            task.notes["picture"] = await self.picture(task)
        except PictureTroubleError as error:
            call.task = None
            return self.refusal("1201", f"image: {error}")
        # Again, for another submission may have come in while the picture was read.
        if self._is_taken(external):
            call.task = None
            return self.refusal("1201", _TAKEN)
        if external is not None:
            self._by_our_id[external] = task
        self.line.add(task)
        return task

    def _is_taken(self, external: str | None) -> bool:
        return self.options.duplicate_id == "reject" and self._by_external(external) is not None

    def _by_external(self, external: str | None) -> Task | None:
        self.line.settle()
        return self._by_our_id.get(external or "")

    # Queries

    async def _query(self, call: Call) -> Response:
        query = call.request.query_params
        ids = [i for i in query.get("task_ids", "").split(",") if i]
        externals = [i for i in query.get("external_task_ids", "").split(",") if i]
        if bool(ids) == bool(externals):
            return self.refusal("1201", "one of task_ids and external_task_ids is required")
        found = [self.line.find(i) for i in ids] or [self._by_external(e) for e in externals]
        shown = [task for task in map(self.visible, found) if task is not None]
        for task in shown:
            task.polls += 1
            call.task = task
        return self._good([self.task_object(task) for task in shown])

    async def _query_legacy(self, call: Call) -> Response:
        asked = call.request.path_params["task_id"]
        task = self.visible(self.line.find(asked) or self._by_external(asked))
        if task is None:
            return self.refusal("1203", "Task not found")
        task.polls += 1
        call.task = task
        return self._good(self.legacy_object(task))

    async def _list(self, call: Call) -> Response:
        asked = _object(call)
        if asked is None:
            return self.refusal("1200")
        now = self.world.now()
        start = asked.get("start_time", _ms(now - timedelta(days=30)))
        end, limit = asked.get("end_time", _ms(now)), min(int(asked.get("limit", 500)), 500)
        offset = int(asked.get("cursor") or 0)
        filters = cast("list[dict[str, Any]]", asked.get("filters") or [])
        wanted: dict[str, list[Any]] = {f["key"]: f["values"] for f in filters}
        rows = [
            self.task_object(task)
            for task in self.line.all()
            if start <= _ms(task.created_at) <= end and self.visible(task) is not None
        ]
        rows = [r for r in rows if all(r.get(key) in values for key, values in wanted.items())]
        page, more = rows[offset : offset + limit], offset + limit < len(rows)
        return self._good(
            {
                "result": page,
                "count": len(page),
                "next_cursor": str(offset + limit) if more else "",
                "has_more": more,
            }
        )

    async def _list_legacy(self, call: Call) -> Response:
        query = call.request.query_params
        try:
            page, size = int(query.get("pageNum", "1")), int(query.get("pageSize", "30"))
        except ValueError:
            return self.refusal("1201")
        if not (1 <= page <= 1000 and 1 <= size <= 500):
            return self.refusal("1201")
        tasks = [t for t in self.line.all() if t.notes["style"] == "legacy"][::-1]
        return self._good([self.legacy_object(t) for t in tasks[(page - 1) * size : page * size]])

    def _good(self, data: object) -> Response:
        return JSONResponse(
            {"code": 0, "message": "SUCCEED", "request_id": self.world.new_uuid(), "data": data}
        )

    # Tasks in both styles

    def task_object(self, task: Task) -> dict[str, Any]:
        """Return a task as queries and callbacks of the new style show it."""
        shown: dict[str, Any] = {
            "id": task.id,
            "status": _state(task, "succeeded"),
            "message": self._message(task),
            "external_id": task.external_id,
            "create_time": _ms(task.created_at),
            "update_time": _ms(task.ended_at or task.started_at or task.created_at),
        }
        if task.state == "ended" and task.ending.kind != "error":
            shown["outputs"] = self._outputs(task, "outputs")
        if task.state == "ended":
            amount = self._price(task) if task.ending.billed else 0.0
            shown["billing"] = [
                {"charge_type": "cash", "amount": f"{amount:.2f}", "currency": "USD"}
            ]
        return shown

    def legacy_object(self, task: Task) -> dict[str, Any]:
        """Return a task as queries and callbacks of the older style show it."""
        shown = _submitted_legacy(task) | {
            "task_status": _state(task, "succeed"),
            "task_status_msg": self._message(task),
            "updated_at": _ms(task.ended_at or task.started_at or task.created_at),
        }
        if task.state == "ended" and task.ending.kind != "error":
            shown["task_result"] = {"videos": self._outputs(task, "videos")}
        if task.state == "ended":
            shown["final_unit_deduction"] = "2" if task.ending.billed else "0"
        return shown

    def _outputs(self, task: Task, where: str) -> Any:
        clip = task.finished_clip()
        video: dict[str, Any] = {
            "id": f"{task.id}0",
            "url": task.notes.get("result_url") or f"{self.base_url}/outputs/{task.notes['file']}",
            "duration": f"{clip.duration_s if clip else 0:.3f}",
        }
        if where == "outputs":
            video |= {"type": "video", "watermark_url": None}
        if task.ending.kind == "empty":
            empty: dict[str, list[dict[str, Any]] | None] = {
                "missing": [{}],
                "null": None,
                "empty_url": [{**video, "url": ""}],
                "empty_list": [],
            }
            return empty[task.ending.code]
        return [video]

    def _message(self, task: Task) -> str:
        if task.state != "ended" or task.ending.kind != "error":
            return ""
        if task.ending.code in {"content", "1300", "1301"}:
            return task.ending.message or _RISK
        return task.ending.message or "The task failed, please try again later"

    def _price(self, task: Task) -> float:
        model = MODELS.get(task.model)
        return self.wish(task).duration_s * (model.usd if model else 0.07)

    def wish(self, task: Task) -> Wish:
        body = task.body
        settings = cast("dict[str, Any]", body.get("settings") or {})
        prompts = [c.get("text") for c in body.get("contents", []) if c.get("type") == "prompt"]
        seconds = settings.get("duration", body.get("duration", 5))
        return Wish(
            float(seconds),
            _SIDES.get(str(settings.get("resolution")), 1080 if body.get("mode") == "pro" else 720),
            prompt=str(prompts[0] if prompts else body.get("prompt", "")),
        )

    async def picture(self, task: Task) -> Picture | None:
        if not self.world.options.fetch_pictures:
            return None
        new = task.notes["style"] == "new"
        reference = task.body.get("image")
        if new:
            reference = next(c["url"] for c in task.body["contents"] if c["type"] == "first_frame")
        picture = await self.world.pictures.read(reference, _NEW if new else _OLD)
        if picture.media_type not in {"image/jpeg", "image/png"}:
            raise PictureTroubleError("format", "jpg, jpeg and png are taken")
        if min(picture.width, picture.height) < _LEAST_PX:
            raise PictureTroubleError("format", f"each side has at least {_LEAST_PX} px")
        if not 0.4 <= picture.width / picture.height <= 2.5:
            raise PictureTroubleError("format", "the ratio is from 1:2.5 to 2.5:1")
        return picture

    def trouble(self, error: PictureTroubleError) -> Ending:
        return Ending("error", "1201", str(error), billed=False)

    def file_life_s(self, task: Task) -> float:
        return self.options.media_ttl_s

    def finished(self, task: Task) -> None:
        if task.ending.kind == "video":
            self.keep_file(task, task.notes["file"])

    # Callbacks and files

    def letter(self, task: Task) -> Letter | None:
        if task.callback_url is None:
            return None
        new = task.notes["style"] == "new"
        payload = self.task_object(task) if new else self.legacy_object(task)
        status = "status" if new else "task_status"
        return Letter(
            self.name, task.id, task.callback_url, payload[status], task.state == "ended", payload,
            self._seal, lambda p: {**p, status: "failed" if p[status] != "failed" else "processing"},
            _emptied, lambda p, other: {**p, "id" if new else "task_id": other}, lambda: None,
            self.world.after(86_400),
        )  # fmt: skip

    def _seal(self, body: bytes, at: datetime, do: str) -> dict[str, str]:
        secret = self.options.webhook_secret
        if secret is None:
            return {}
        if do in {"forge", "other_user", "rotate"}:
            secret = "whsec_bm90IHRoZSBzYW5kYm94J3Mgb3duIHNlY3JldCE="  # noqa: S105 -- a forger's
        return standard_webhook_headers(
            body, secret=secret, message_id=self.world.new_uuid(), timestamp=int(at.timestamp())
        )

    async def _output(self, call: Call) -> Response:
        # Results are guarded against being shown on other pages.
        if call.request.headers.get("referer"):
            return Response(status_code=403)
        return self.file(call.request.path_params["name"])

    def expired_file(self, status: int | None) -> Response:
        return Response(status_code=status or 403)


def _poll_or_resolve(request: Request) -> str:
    """Tell a look-up by our own id, which finds lost submissions, from a poll."""
    asked = str(request.path_params.get("task_id", request.query_params.get("task_ids", "")))
    return "poll" if asked.replace(",", "").isdecimal() else "resolve"


def _object(call: Call) -> dict[str, Any] | None:
    try:
        body = call.json()
    except ValueError:
        return None
    return cast("dict[str, Any]", body) if isinstance(body, dict) else None


def _wrong(model: KlingModel, body: dict[str, Any]) -> str | None:
    """Return what is wrong with a submission of the new style."""
    contents = body.get("contents")
    if not isinstance(contents, list) or not all(
        isinstance(item, dict) for item in cast("list[Any]", contents)
    ):
        return "contents: Field required"
    wrong = _wrong_contents(model, cast("list[dict[str, Any]]", contents))
    if wrong:
        return wrong
    unknown = set(body) - {"contents", "settings", "options"}
    if unknown:
        return f"unknown parameter {min(unknown)}"
    found = problems(model.settings, body.get("settings") or {}, unknown=True)
    found += problems(OPTIONS, body.get("options") or {}, unknown=True)
    return f"{found[0].name}: {found[0].message}" if found else None


def _wrong_contents(model: KlingModel, items: list[dict[str, Any]]) -> str | None:
    kinds = [item.get("type") for item in items]
    if not set(kinds) <= CONTENTS or len(set(kinds)) < len(kinds):
        return "contents: unknown or repeated type"
    if "first_frame" not in kinds or ("last_frame" in kinds and not model.has_last):
        return "contents: first_frame is required; last_frame is not taken by every model"
    for item in items:
        value = item.get("text" if item["type"] == "prompt" else "url")
        if not isinstance(value, str) or not value:
            return f"contents: {item['type']} is empty"
        if item["type"] == "prompt" and len(value) > PROMPT_MOST:
            return f"contents: prompt is over {PROMPT_MOST} characters"
    return None


def _submitted_legacy(task: Task) -> dict[str, Any]:
    info = {"external_task_id": task.external_id} if task.external_id else {}
    at = _ms(task.created_at)
    return {
        "task_id": task.id,
        "task_status": "submitted",
        "task_info": info,
        "created_at": at,
        "updated_at": at,
    }


def _state(task: Task, success: str) -> str:
    if task.state == "queued":
        return "submitted"
    if task.state == "running":
        return "processing"
    return "failed" if task.ending.kind == "error" else success


def _emptied(payload: Payload) -> Payload:
    return {
        name: value for name, value in payload.items() if name not in {"outputs", "task_result"}
    }


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
