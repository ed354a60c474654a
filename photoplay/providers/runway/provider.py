"""Requests to Runway's API, and what its answers mean.

Source: https://docs.dev.runwayml.com/api (checked 2026-11).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.domain.options import nearest_duration, nearest_resolution
from photoplay.domain.outcomes import (
    Accepted,
    CallbackOutcome,
    Forged,
    PollOutcome,
    ResolveOutcome,
    SubmitOutcome,
    Succeeded,
    Unchanged,
    Undecided,
    Unknown,
    Waiting,
)
from photoplay.providers.answers import (
    address,
    fraction,
    identifier,
    is_settled_deletion,
    items,
    json_object,
    mapping,
    number,
    text,
)
from photoplay.providers.protocol import (
    CancelAnswer,
    Limits,
    Lost,
    More,
    Order,
    PictureFile,
    Placed,
    RemoteModel,
    Task,
    check_credential,
)
from photoplay.providers.runway.models import RUNWAY_MODELS, RunwayModel
from photoplay.providers.runway.verdicts import end_of_task, refusal_of_submission
from photoplay.providers.verdicts import GONE, NO_VIDEO, Verdict
from photoplay.providers.wording import instructions

_VERSION: Final = "2024-11-06"
_USD_PER_CREDIT: Final = 0.01
_REFERENCE: Final = re.compile(r"runway://[\x21-\x7e]{1,2000}", re.ASCII)
_FIELD: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class RunwayAccount:
    """Whose requests, and where they go.

    Raises:
        ValueError: the key cannot be sent; the message names its setting.
    """

    key: str
    api_url: str = "https://api.dev.runwayml.com"

    def __post_init__(self) -> None:
        check_credential("RUNWAY_API_KEY", self.key)

    def __repr__(self) -> str:
        return f"RunwayAccount({self.api_url})"


class Runway:
    """Runway as a `RemoteProvider`."""

    name = "runway"

    def __init__(self, account: RunwayAccount) -> None:
        self._url = account.api_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {account.key}", "X-Runway-Version": _VERSION}
        self.models: Mapping[str, RemoteModel] = RUNWAY_MODELS
        self.limits = Limits(
            can_resolve=False,
            has_callbacks=False,
            recovery_window=timedelta(0),
            result_lifetime=timedelta(hours=24),
            renews_address=True,
            # "Not more often than every 5 s, with jitter."
            poll_min=timedelta(seconds=5),
            poll_max=timedelta(seconds=15),
            concurrency=1,
        )

    # Picture

    def upload(self, picture: PictureFile, now: datetime) -> HttpRequest | None:
        body = {"filename": picture.name, "type": "ephemeral"}
        return HttpRequest.with_json("POST", f"{self._url}/v1/uploads", body, self._headers)

    def read_upload(self, picture: PictureFile, response: HttpResponse) -> Placed | None:
        body = json_object(response) if 200 <= response.status < 300 else None
        if body is None:
            return None
        upload_url, reference = address(body.get("uploadUrl")), text(body.get("runwayUri"))
        if upload_url is None or reference is None or not _REFERENCE.fullmatch(reference):
            return None
        fields = mapping(body.get("fields"))
        if not all(_FIELD.fullmatch(k) and isinstance(v, str) for k, v in fields.items()):
            return None
        form = {name: str(value) for name, value in fields.items()}
        return Placed(_form(upload_url, form, picture), reference)

    # Submission

    def submit(self, order: Order, now: datetime) -> HttpRequest:
        model = RUNWAY_MODELS[order.capability.provider]
        options, capability = order.options, model.capability
        body: dict[str, object] = {
            "model": capability.model,
            "promptImage": order.picture,
            "promptText": instructions(order.prompt, options, model.max_prompt),
            "ratio": _ratio(model, order),
            "duration": round(nearest_duration(options.duration_s, capability.durations_s)),
            **model.fixed,
        }
        # 0 is "not asked"; Runway then draws one itself.
        if capability.can_seed and options.seed:
            body["seed"] = options.seed
        return HttpRequest.with_json("POST", f"{self._url}/v1/image_to_video", body, self._headers)

    def read_submit(self, response: HttpResponse, now: datetime) -> SubmitOutcome:
        body = json_object(response)
        if body is None:
            return Unknown("unreadable_answer")
        if 200 <= response.status < 300:
            task_id = identifier(body.get("id"))
            return Accepted(task_id) if task_id is not None else Unknown("no_task_id")
        verdict = refusal_of_submission(response.status, body)
        return verdict.before(response.retry_after(now)) if verdict else Unknown("no_verdict")

    # Unknown submission

    def resolve(self, lost: Lost, now: datetime) -> tuple[HttpRequest, ...]:
        """Return nothing: Runway has no list, no name of ours and no callback to find it by."""
        return ()

    def read_resolve(
        self, lost: Lost, response: HttpResponse, now: datetime
    ) -> ResolveOutcome | More:
        return Undecided()

    # Following

    def poll(self, task: Task, now: datetime) -> HttpRequest:
        return HttpRequest("GET", self._task_url(task), self._headers)

    def read_poll(self, task: Task, response: HttpResponse, now: datetime) -> PollOutcome | More:
        body = json_object(response)
        if response.status in {404, 410} and body is not None:
            settled = task.is_settled(now, self.limits.not_found_grace)
            return GONE.after() if settled else Unchanged("not_found")
        if body is None or response.status != 200:
            return Unchanged(f"status_{response.status}")
        return _read_task(task, body)

    def read_result(
        self, task: Task, more: More, response: HttpResponse, now: datetime
    ) -> PollOutcome | More:
        return self.read_poll(task, response, now)

    # Stopping

    def cancel(self, task: Task, now: datetime) -> HttpRequest | None:
        """Return the request that stops the task, or deletes it with its clip when it has ended."""
        return HttpRequest("DELETE", self._task_url(task), self._headers)

    def read_cancel(self, response: HttpResponse) -> CancelAnswer:
        if 200 <= response.status < 300:
            return CancelAnswer.STOPPED
        return CancelAnswer.GONE if response.status == 404 else CancelAnswer.UNCLEAR

    def erase(self, task: Task, now: datetime) -> HttpRequest:
        """Delete the task with its output: the same request as to stop it."""
        return HttpRequest("DELETE", self._task_url(task), self._headers)

    def read_erase(self, response: HttpResponse) -> bool:
        return is_settled_deletion(response)

    # Callbacks

    def callback_keys(self) -> HttpRequest | None:
        return None

    def read_callback_keys(self, response: HttpResponse) -> tuple[bytes, ...]:
        return ()

    def verify_callback(
        self, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime
    ) -> CallbackOutcome:
        """Refuse: Runway never calls back."""
        return Forged("no_callbacks")

    def _task_url(self, task: Task) -> str:
        return f"{self._url}/v1/tasks/{task.task_id}"


_CANCELLED: Final = Verdict(GONE.refusal, "cancelled")


def _read_task(task: Task, body: Mapping[str, object]) -> PollOutcome:
    credits_spent = number(mapping(body.get("cost")).get("credits"))
    billed = None if credits_spent is None else credits_spent > 0
    match body.get("status"):
        case "PENDING" | "THROTTLED":
            return Waiting(started=False)
        case "RUNNING":
            return Waiting(fraction(body.get("progress")))
        case "SUCCEEDED":
            return _read_clip(task, body, credits_spent)
        case "FAILED":
            return end_of_task(body.get("failureCode")).charged(billed).after()
        case "CANCELLED":
            return _CANCELLED.charged(billed).after()
        case _:
            return Unchanged("unknown_status")


def _read_clip(task: Task, body: Mapping[str, object], credits_spent: float | None) -> PollOutcome:
    location = next(filter(None, map(address, items(body.get("output")))), None)
    if location is None:
        return NO_VIDEO.charged(None if credits_spent is None else credits_spent > 0).after()
    cost_usd = None if credits_spent is None else round(credits_spent * _USD_PER_CREDIT, 6)
    return Succeeded(location, cost_usd, {"engine": task.model, "generative": True})


def _ratio(model: RunwayModel, order: Order) -> str:
    """Return the frame closest to the proportions that were asked for, or the picture's own."""
    resolution = nearest_resolution(order.options.resolution, tuple(model.frames))
    width, height = order.picture_size
    if order.options.aspect_ratio != "auto":
        width, height = map(int, order.options.aspect_ratio.split(":"))
    if width <= 0 or height <= 0:
        # Its size is not known: the first frame, which is every model's own default.
        width, height = model.frames[resolution][0]
    wanted = math.log(width / height)
    frame = min(model.frames[resolution], key=lambda f: abs(math.log(f[0] / f[1]) - wanted))
    return f"{frame[0]}:{frame[1]}"


def _form(url: str, fields: Mapping[str, str], picture: PictureFile) -> HttpRequest:
    """Return a multipart request with the fields first and the file last, as stores demand."""
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields.items()
    ]
    parts.append(
        (
            f'Content-Disposition: form-data; name="file"; filename="{picture.name}"\r\n'
            f"Content-Type: {picture.media_type}\r\n\r\n"
        ).encode()
        + picture.body
    )
    boundary = hashlib.sha256(b"".join(parts)).hexdigest()
    line = f"--{boundary}".encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
    return HttpRequest(
        "POST", url, {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body
    )
