"""What every look-alike does in the same way: routes with faults in front, runs, callbacks, files."""

from __future__ import annotations

import asyncio
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from photoplay.sandbox.clips import Clip, ClipFailedError, Wish
from photoplay.sandbox.courier import Courier, Letter
from photoplay.sandbox.faults import Fault, Kind, Target
from photoplay.sandbox.pictures import Picture, PictureTroubleError
from photoplay.sandbox.tasks import Ending, Line, Task
from photoplay.sandbox.world import World

_ANSWER: Final[frozenset[Kind]] = frozenset({"answer"})
_FILE: Final[frozenset[Kind]] = frozenset({"answer", "media"})
_RUN: Final[frozenset[Kind]] = frozenset({"run"})
_LONGEST_TEXT: Final = 100_000
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Call:
    """One request on its way through a provider.

    Attributes:
        body: complete, as it came.
        run_fault: what shall become of the task that this submission makes.
        task: the task that it was about or made.
    """

    request: Request
    route: str
    body: bytes
    run_fault: Fault | None = None
    task: Task | None = None

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


Handler = Callable[[Call], Awaitable[Response]]


class Provider(ABC):
    """One look-alike: an application, the line of its tasks, and its own way to say things."""

    name: str

    def __init__(self, world: World, courier: Courier) -> None:
        self.world = world
        self.courier = courier
        self.line = Line(
            world.clock,
            slots=self.slots,
            on_change=self._changed,
            lane=self.lane,
        )
        self.files: dict[str, tuple[Clip, datetime]] = {}
        """Results by the last part of their address, with the end of their life."""
        self.app = Starlette(routes=self.routes())

    @property
    def base_url(self) -> str:
        return f"{self.world.base_url}/{self.name}"

    @abstractmethod
    def routes(self) -> list[Route]:
        """Return the application's routes, made with `route`."""

    @abstractmethod
    def slots(self) -> int | None:
        """Return how many tasks run at once."""

    def lane(self, task: Task) -> str:
        """Return which tasks share those slots."""
        return ""

    @abstractmethod
    def refusal(self, code: str, message: str | None = None, status: int | None = None) -> Response:
        """Return the provider's own answer for one of its error codes."""

    @abstractmethod
    def wish(self, task: Task) -> Wish:
        """Return what the request asks of a clip."""

    @abstractmethod
    async def picture(self, task: Task) -> Picture | None:
        """Return the request's picture; None where pictures are not read.

        Raises:
            PictureTroubleError: it is unusable.
        """

    @abstractmethod
    def trouble(self, error: PictureTroubleError) -> Ending:
        """Return how a run ends whose picture is unusable."""

    def letter(self, task: Task) -> Letter | None:
        """Return the callback that the task's new state is worth; None for none."""
        return None

    def file_life_s(self, task: Task) -> float:
        """Return how long a result's file lives."""
        return 86_400.0

    # Requests

    def route(
        self, path: str, handler: Handler, name: str | Callable[[Request], str], *methods: str
    ) -> Route:
        """Return a route with journal and faults in front of its handler.

        Args:
            name: what is asked for, perhaps told by the request.
        """

        async def endpoint(request: Request) -> Response:
            return await self._serve(
                request, name if isinstance(name, str) else name(request), handler
            )

        return Route(path, endpoint, methods=list(methods))

    async def _serve(self, request: Request, name: str, handler: Handler) -> Response:
        world = self.world
        arrival = world.journal.arrived(
            world.now(), self.name, name, request.method, request.url.path
        )
        kinds = _FILE if name == "media" else _ANSWER
        target = Target(self.name, name, request.method, request.path_params.get("task_id"), None)
        fault = world.faults.take(kinds, target, world.now(), with_body=False)
        if fault is not None and not fault.strikes_after:
            early = self._instead(fault)
            if early is not None:
                arrival.fault, arrival.status = fault.do, _visible(early)
                world.journal.done(arrival)
                return early
        call = Call(request, name, await request.body())
        text = str(request.url) + "\n" + call.body.decode("utf-8", "replace")
        target = Target(self.name, name, request.method, target.task_id, text)
        if fault is None:
            fault = world.faults.take(kinds, target, world.now(), with_body=True)
        if name == "submit":
            call.run_fault = world.faults.take(_RUN, target, world.now())
        response = await self._answer(call, fault, handler)
        arrival.task_id = call.task.id if call.task else target.task_id
        arrival.fault = fault.do if fault else (call.run_fault.do if call.run_fault else None)
        arrival.status = _visible(response)
        world.journal.done(arrival)
        return response

    async def _answer(self, call: Call, fault: Fault | None, handler: Handler) -> Response:
        if fault is not None and not fault.strikes_after:
            instead = self._instead(fault)
            if instead is not None:
                return instead
        response = await handler(call)
        if call.run_fault is not None and call.run_fault.do == "early" and call.task is not None:
            await self.courier.told(call.task)
        if fault is None:
            return response
        return self._instead(fault) or await self.world.misbehaviour.spoilt(
            fault, response, call.request
        )

    def _instead(self, fault: Fault) -> Response | None:
        if fault.do == "error":
            refusal = self.refusal(fault.code or "", fault.message, fault.status)
            refusal.headers.update(fault.headers)
            return refusal
        if fault.do == "expired":
            return self.expired_file(fault.status)
        return self.world.misbehaviour.instead(fault)

    # Tasks

    def new_task(self, call: Call, task_id: str, model: str, body: dict[str, Any]) -> Task:
        """Return a task with the script for its run, not yet in the line."""
        options = self.world.options
        now = self.world.now()
        task = Task(
            self.name,
            task_id,
            model,
            body,
            created_at=now,
            ready_at=now + timedelta(seconds=options.queue_s),
            run_s=options.run_s,
        )
        if call.run_fault is not None:
            _script(task, call.run_fault, now)
        call.task = task
        return task

    def visible(self, task: Task | None) -> Task | None:
        """Return the task unless the script has it vanish for now."""
        if task is None or (
            task.vanished_until is not None and self.world.now() < task.vanished_until
        ):
            return None
        return task

    def _changed(self, task: Task) -> None:
        if task.state == "running" and task.ending.kind in {"video", "empty"}:
            task.clip = asyncio.create_task(self._film(task))
            self.world.spawn(task.clip)
            task.clip.add_done_callback(lambda _: self.line.touch())
        if task.state == "ended":
            self.finished(task)
            task.notes.pop("picture", None)
            task.body = slim(task.body)
        letter = self.letter(task)
        if letter is not None:
            self.courier.post(letter, task)

    @abstractmethod
    def finished(self, task: Task) -> None:
        """Keep what belongs to the end of a task; called once, before its callback is written."""

    async def _film(self, task: Task) -> Clip | None:
        try:
            # Pictures are not kept: thousands of tasks may come by.
            picture = task.notes.pop("picture", None) or await self.picture(task)
            return await self.world.clips.make(picture, self.wish(task), mark=task.id)
        except PictureTroubleError as error:
            task.ending = self.trouble(error)
        except ClipFailedError as error:
            task.ending = self.trouble(PictureTroubleError("unreadable", error.code))
        return None

    # Files

    def keep_file(self, task: Task, name: str) -> None:
        """Put a finished task's clip on the shelf."""
        clip = task.finished_clip()
        if clip is not None:
            self.files[name] = (clip, self.world.after(self.file_life_s(task)))

    def file(self, name: str) -> Response:
        """Return a result's bytes as media hosts serve them: whole or in ranges."""
        clip, expires_at = self.files.get(name, (None, None))
        if clip is None or expires_at is None or self.world.now() >= expires_at:
            return self.expired_file(None)
        return FileResponse(clip.path, media_type="video/mp4")

    def expired_file(self, status: int | None) -> Response:
        """Return what the media host says when a file is gone."""
        return Response(status_code=status or 404)

    def clear(self) -> None:
        """Forget every task and file."""
        self.line.clear()
        self.files.clear()


def slim(value: Any) -> Any:
    """Return JSON whose longest texts, pictures inside a request, are replaced by their digests."""
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return "sha256:" + hashlib.sha256(value.encode()).hexdigest()
    if isinstance(value, list):
        return [slim(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: slim(v) for name, v in cast("dict[str, Any]", value).items()}
    return value


def _visible(response: Response) -> int | None:
    # 499 stands for "no answer" inside the sandbox.
    return None if response.status_code == 499 else response.status_code


def _script(task: Task, fault: Fault, now: datetime) -> None:
    """Change a new task's plan as a run fault wants it."""
    seconds = fault.seconds
    match fault.do:
        case "fail":
            task.ending = Ending(
                "error", fault.code or "", fault.message or "", fault.at, fault.billed
            )
            if seconds is not None:
                task.run_s = seconds
        case "no_video":
            task.ending = Ending("empty", fault.variant, billed=fault.billed)
        case "stall" | "slow":
            wait = None if fault.do == "stall" else (600.0 if seconds is None else seconds)
            if fault.at == "queue":
                task.ready_at = None if wait is None else now + timedelta(seconds=wait)
            else:
                task.run_s = wait
        case "vanish":
            task.vanished_until = _NEVER if seconds is None else now + timedelta(seconds=seconds)
        case "rewind":
            task.goes_back = True
        case "ignore_cancel":
            task.ignores_cancel = True
        case "result_url":
            task.notes["result_url"] = fault.location or "http://169.254.169.254/latest/video.mp4"
        case "early":
            task.ready_at, task.run_s = now, 0.0
        case _:
            pass
