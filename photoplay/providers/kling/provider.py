"""Requests to Kling's API in both of its dialects, and what its answers mean.

The newer dialect names the model in the path, answers queries with a list and says `succeeded`;
the older one names it in the body, answers with one object and says `succeed`.

Source: https://kling.ai/document-api (checked 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.domain.options import nearest_duration, nearest_resolution
from photoplay.domain.outcomes import (
    Absent,
    Accepted,
    CallbackOutcome,
    Forged,
    Found,
    Hint,
    PollOutcome,
    ResolveOutcome,
    SubmitOutcome,
    Succeeded,
    Unchanged,
    Undecided,
    Unknown,
    Waiting,
)
from photoplay.providers.answers import address, identifier, items, json_object, mapping, number
from photoplay.providers.kling.models import KLING_MODELS, LEGACY_MODES, KlingModel, is_legacy
from photoplay.providers.kling.token import sign_token
from photoplay.providers.kling.verdicts import (
    NO_SUCH_RESOURCE,
    code_of,
    end_of_task,
    refusal_of_submission,
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
from photoplay.providers.signatures import holds_standard_webhooks, lower, standard_webhooks_key
from photoplay.providers.verdicts import GONE, NO_VIDEO
from photoplay.providers.wording import instructions

_USD_PER_UNIT: Final = 0.14
_LEGACY_PATH: Final = "/v1/videos/image2video"


@dataclass(frozen=True, slots=True, repr=False)
class KlingAccount:
    """Whose requests, and where they go.

    Attributes:
        key: API key, good for all models; or None for an older account with the next two.
        access_key, secret_key: good for models of the older dialect only.
        absent_after: a name of ours that Kling does not know so long after it was written never
            arrived: the longest that a submission may be under way, and half a minute.
        callback_secrets: `whsec_…` of the console; several while one is being replaced. Empty where
            callbacks are not signed: then the unguessable address is all there is.

    Raises:
        ValueError: a key or secret cannot be used; the message names its setting.
    """

    key: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    api_url: str = "https://api-singapore.klingai.com"
    callback_secrets: tuple[str, ...] = ()
    absent_after: timedelta = timedelta(minutes=2)

    def __post_init__(self) -> None:
        if self.key is not None:
            check_credential("KLING_API_KEY", self.key)
        else:
            check_credential("KLING_ACCESS_KEY", self.access_key or "")
            check_credential("KLING_SECRET_KEY", self.secret_key or "")
        if any(standard_webhooks_key(secret) is None for secret in self.callback_secrets):
            raise ValueError("KLING_CALLBACK_SECRET is not a whsec_… secret")

    def __repr__(self) -> str:
        return f"KlingAccount({self.api_url})"


class Kling:
    """Kling as a `RemoteProvider`."""

    name = "kling"

    def __init__(self, account: KlingAccount) -> None:
        self._account = account
        self._url = account.api_url.rstrip("/")
        self.models: Mapping[str, RemoteModel] = {
            name: model
            for name, model in KLING_MODELS.items()
            if account.key is not None or model.is_legacy
        }
        self.limits = Limits(
            can_resolve=True,
            has_callbacks=True,
            recovery_window=account.absent_after + timedelta(minutes=2),
            result_lifetime=timedelta(days=30),
            renews_address=False,
            poll_min=timedelta(seconds=5),
            poll_max=timedelta(seconds=15),
            over_concurrency="refuses",
        )

    # Picture

    def upload(self, picture: PictureFile, now: datetime) -> HttpRequest | None:
        """Return None: Kling takes addresses and base64 only."""
        return None

    def read_upload(self, picture: PictureFile, response: HttpResponse) -> Placed | None:
        return None

    # Submission

    def submit(self, order: Order, now: datetime) -> HttpRequest:
        model = KLING_MODELS[order.capability.provider]
        if model.is_legacy:
            path, body = _LEGACY_PATH, _legacy_body(model, order)
        else:
            path, body = f"/image-to-video/{order.capability.model}", _body(model, order)
        return HttpRequest.with_json("POST", f"{self._url}{path}", body, self._headers(now))

    def read_submit(self, response: HttpResponse, now: datetime) -> SubmitOutcome:
        body = json_object(response)
        code = code_of(body) if body is not None else None
        if body is None or code is None:
            return Unknown("unreadable_answer")
        if code != 0:
            verdict = refusal_of_submission(response.status, code, body.get("message"))
            return verdict.before(response.retry_after(now)) if verdict else Unknown("no_verdict")
        if not 200 <= response.status < 300:
            return Unknown("no_verdict")
        data = mapping(body.get("data"))
        task_id = identifier(data.get("id")) or identifier(data.get("task_id"))
        return Accepted(task_id) if task_id is not None else Unknown("no_task_id")

    # Unknown submission

    def resolve(self, lost: Lost, now: datetime) -> tuple[HttpRequest, ...]:
        if is_legacy(lost.model):
            return (self._get(f"{_LEGACY_PATH}/{lost.handle}", now),)
        query = urlencode({"external_task_ids": lost.handle})
        return (self._get(f"/tasks?{query}", now),)

    def read_resolve(
        self, lost: Lost, response: HttpResponse, now: datetime
    ) -> ResolveOutcome | More:
        body = json_object(response)
        code = code_of(body) if body is not None else None
        if body is None or code is None:
            return Undecided()
        for task in _tasks(body):
            named = task.get("external_id", mapping(task.get("task_info")).get("external_task_id"))
            task_id = identifier(task.get("id")) or identifier(task.get("task_id"))
            if task_id is not None and named in (None, "", lost.handle):
                return Found(task_id)
        is_settled = now - lost.sent_at >= self._account.absent_after
        if is_settled and _knows_nothing(lost.model, response, code, body):
            return Absent()
        return Undecided()

    # Following

    def poll(self, task: Task, now: datetime) -> HttpRequest:
        if is_legacy(task.model):
            return self._get(f"{_LEGACY_PATH}/{task.task_id}", now)
        return self._get(f"/tasks?{urlencode({'task_ids': task.task_id})}", now)

    def read_poll(self, task: Task, response: HttpResponse, now: datetime) -> PollOutcome | More:
        body = json_object(response)
        code = code_of(body) if body is not None else None
        if body is None or code is None:
            return Unchanged(f"status_{response.status}")
        if code == 0 and response.status == 200:
            for entry in _tasks(body):
                if task.task_id in (identifier(entry.get("id")), identifier(entry.get("task_id"))):
                    return _read_task(task, entry)
        if not _knows_nothing(task.model, response, code, body):
            return Unchanged(f"status_{response.status}")
        settled = task.is_settled(now, self.limits.not_found_grace)
        return GONE.after() if settled else Unchanged("not_found")

    def read_result(
        self, task: Task, more: More, response: HttpResponse, now: datetime
    ) -> PollOutcome | More:
        return self.read_poll(task, response, now)

    # Stopping

    def cancel(self, task: Task, now: datetime) -> HttpRequest | None:
        """Return None: a task of Kling's cannot be stopped."""
        return None

    def read_cancel(self, response: HttpResponse) -> CancelAnswer:
        return CancelAnswer.UNCLEAR

    # Callbacks

    def callback_keys(self) -> HttpRequest | None:
        return None

    def read_callback_keys(self, response: HttpResponse) -> tuple[bytes, ...]:
        return ()

    def verify_callback(
        self, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime
    ) -> CallbackOutcome:
        if self._account.callback_secrets:
            secrets = self._account.callback_secrets
            problem = holds_standard_webhooks(lower(headers), body, secrets, now)
            if problem is not None:
                return Forged(problem)
        named = mapping(json_object(HttpResponse.build(200, (), body)))
        return Hint(identifier(named.get("id")) or identifier(named.get("task_id")))

    # Requests

    def _headers(self, now: datetime) -> dict[str, str]:
        token = self._account.key
        if token is None:
            access_key, secret_key = self._account.access_key, self._account.secret_key
            token = sign_token(access_key or "", secret_key or "", now)
        return {"Authorization": f"Bearer {token}"}

    def _get(self, path: str, now: datetime) -> HttpRequest:
        return HttpRequest("GET", f"{self._url}{path}", self._headers(now))


def _body(model: KlingModel, order: Order) -> dict[str, object]:
    options, capability = order.options, model.capability
    extras: dict[str, object] = {
        "external_task_id": order.handle,
        "watermark_info": {"enabled": False},
    }
    if order.callback_url:
        extras["callback_url"] = order.callback_url
    return {
        "contents": [
            {"type": "prompt", "text": instructions(order.prompt, options, model.max_prompt)},
            {"type": "first_frame", "url": _picture(order.picture)},
        ],
        "settings": {
            "resolution": nearest_resolution(options.resolution, capability.resolutions),
            "duration": round(nearest_duration(options.duration_s, capability.durations_s)),
            "audio": "off",
        },
        "options": extras,
    }


def _legacy_body(model: KlingModel, order: Order) -> dict[str, object]:
    options, capability = order.options, model.capability
    resolution = nearest_resolution(options.resolution, capability.resolutions)
    body: dict[str, object] = {
        "model_name": capability.model,
        "image": _picture(order.picture),
        "prompt": instructions(order.prompt, options, model.max_prompt),
        "mode": LEGACY_MODES[resolution],
        "duration": str(round(nearest_duration(options.duration_s, capability.durations_s))),
        "sound": "off",
        "external_task_id": order.handle,
    }
    if order.callback_url:
        body["callback_url"] = order.callback_url
    return body


def _picture(reference: str) -> str:
    """Return an address as it is, and of a data URI its base64 alone."""
    head, comma, data = reference.partition(",")
    return data if comma and head.startswith("data:") else reference


def _tasks(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the tasks of an answer, whether it is a list or a single one."""
    data = body.get("data")
    found = [mapping(entry) for entry in items(data)] or [mapping(data)]
    return [task for task in found if task]


def _knows_nothing(
    model: str, response: HttpResponse, code: int, body: Mapping[str, object]
) -> bool:
    """Return whether a query was understood and there is no such task."""
    if is_legacy(model):
        return code == NO_SUCH_RESOURCE
    return code == 0 and response.status == 200 and body.get("data") == []


def _read_task(task: Task, entry: Mapping[str, object]) -> PollOutcome:
    cost = _cost(entry)
    billed = None if cost is None else cost > 0
    match entry.get("status", entry.get("task_status")):
        case "submitted":
            return Waiting(started=False)
        case "processing":
            return Waiting()
        case "succeeded" | "succeed":
            videos = [
                mapping(output)
                for output in (
                    *items(entry.get("outputs")),
                    *items(mapping(entry.get("task_result")).get("videos")),
                )
            ]
            addresses = (address(v.get("url")) for v in videos if v.get("type") in (None, "video"))
            location = next(filter(None, addresses), None)
            if location is None:
                return NO_VIDEO.charged(billed).after()
            return Succeeded(location, cost, {"engine": task.model, "generative": True})
        case "failed":
            message = entry.get("message", entry.get("task_status_msg"))
            return end_of_task(message).charged(billed).after()
        case _:
            return Unchanged("unknown_status")


def _cost(entry: Mapping[str, object]) -> float | None:
    """Return what a task cost in US dollars; None where it is not said or not in money.

    `billing` lists charges of the newer dialect, `final_unit_deduction` counts units in the older.
    """
    charges = entry.get("billing")
    if isinstance(charges, list):
        total = 0.0
        for charge in map(mapping, items(entry.get("billing"))):
            amount = number(charge.get("amount"))
            if amount is None or (amount > 0 and charge.get("currency") != "USD"):
                return None
            total += amount
        return round(total, 6)
    units = number(entry.get("final_unit_deduction"))
    return None if units is None else round(units * _USD_PER_UNIT, 6)
