"""Requests to fal's queue, and what its answers mean.

Source: https://docs.fal.ai/model-apis/model-endpoints/queue and …/webhooks (checked 2026-11).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.domain.options import nearest_duration, nearest_resolution
from photoplay.domain.outcomes import (
    Accepted,
    CallbackOutcome,
    Forged,
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
from photoplay.providers.answers import (
    address,
    identifier,
    is_settled_deletion,
    is_under,
    items,
    json_object,
    mapping,
    number,
    text,
)
from photoplay.providers.fal import history
from photoplay.providers.fal.models import FAL_MODELS, FalModel
from photoplay.providers.fal.verdicts import (
    billed_units,
    end_by_status_word,
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
from photoplay.providers.signatures import holds_ed25519, is_recent, lower
from photoplay.providers.verdicts import GONE, NO_VIDEO
from photoplay.providers.wording import instructions

_MAX_RUN: Final = timedelta(hours=1)
"""fal's own limit of one run; a request that was never found so long after it began is lost."""
_CANCELLED: Final = {
    "OK": CancelAnswer.STOPPED,
    "CANCELLATION_REQUESTED": CancelAnswer.ASKED,
    "ALREADY_COMPLETED": CancelAnswer.TOO_LATE,
    "NOT_FOUND": CancelAnswer.GONE,
}


@dataclass(frozen=True, slots=True, repr=False)
class FalAccount:
    """Whose requests, and where they go.

    Attributes:
        key: `id:secret`.
        user_id: our user id at fal; callbacks signed for another account are refused. None takes
            those of any account, which then only say "look now".
        start_within: a request that fal has not started by then is dropped unbilled.

    Raises:
        ValueError: the key cannot be sent; the message names its setting.
    """

    key: str
    queue_url: str = "https://queue.fal.run"
    rest_url: str = "https://rest.fal.ai"
    platform_url: str = "https://api.fal.ai/v1"
    user_id: str | None = None
    start_within: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        check_credential("FAL_KEY", self.key)

    def __repr__(self) -> str:
        return f"FalAccount({self.queue_url})"


class Fal:
    """fal as a `RemoteProvider`."""

    name = "fal"

    def __init__(self, account: FalAccount) -> None:
        self._account = account
        self._queue_url = account.queue_url.rstrip("/")
        self._rest_url = account.rest_url.rstrip("/")
        self._platform_url = account.platform_url.rstrip("/")
        self._auth = {"Authorization": f"Key {account.key}"}
        self.models: Mapping[str, RemoteModel] = FAL_MODELS
        self.limits = Limits(
            can_resolve=True,
            has_callbacks=True,
            recovery_window=account.start_within + _MAX_RUN,
            result_lifetime=timedelta(hours=24),
            renews_address=False,
            poll_min=timedelta(seconds=2),
            poll_max=timedelta(seconds=10),
            concurrency=2,
        )

    # Picture

    def upload(self, picture: PictureFile, now: datetime) -> HttpRequest | None:
        return HttpRequest.with_json(
            "POST",
            f"{self._rest_url}/storage/upload/initiate?storage_type=fal-cdn-v3",
            {"file_name": picture.name, "content_type": picture.media_type},
            self._auth,
        )

    def read_upload(self, picture: PictureFile, response: HttpResponse) -> Placed | None:
        body = json_object(response) if 200 <= response.status < 300 else None
        if body is None:
            return None
        upload_url, file_url = address(body.get("upload_url")), address(body.get("file_url"))
        if upload_url is None or file_url is None:
            return None
        # The place is signed for itself; our key stays here.
        request = HttpRequest("PUT", upload_url, {"Content-Type": picture.media_type}, picture.body)
        return Placed(request, file_url)

    # Submission

    def submit(self, order: Order, now: datetime) -> HttpRequest:
        query = urlencode({"fal_webhook": order.callback_url}) if order.callback_url else ""
        url = f"{self._queue_url}/{order.capability.model}"
        start_within_s = max(int(self._account.start_within.total_seconds()), 2)
        return HttpRequest.with_json(
            "POST",
            f"{url}?{query}" if query else url,
            _model_input(FAL_MODELS[order.capability.provider], order),
            {**self._auth, "X-Fal-Request-Timeout": str(start_within_s)},
        )

    def read_submit(self, response: HttpResponse, now: datetime) -> SubmitOutcome:
        body = json_object(response)
        if body is None:
            return Unknown("unreadable_answer")
        if 200 <= response.status < 300:
            task_id = identifier(body.get("request_id"))
            return Accepted(task_id) if task_id is not None else Unknown("no_task_id")
        verdict = refusal_of_submission(response, body)
        return verdict.before(response.retry_after(now)) if verdict else Unknown("no_verdict")

    # Unknown submission

    def resolve(self, lost: Lost, now: datetime) -> tuple[HttpRequest, ...]:
        return (history.search(self._platform_url, self._auth, lost),)

    def read_resolve(
        self, lost: Lost, response: HttpResponse, now: datetime
    ) -> ResolveOutcome | More:
        """Find the submission by its picture's address.

        Never `Absent`: whether requests that still wait or run are listed is not documented.
        """
        body = json_object(response) if response.status == 200 else None
        if body is None:
            return Undecided()
        found = history.find(lost, body)
        if found is not None:
            return found
        cursor = history.next_cursor(body)
        if cursor is None:
            return Undecided()
        request = history.search(self._platform_url, self._auth, lost, cursor)
        return More(request, "page")

    # Following

    def poll(self, task: Task, now: datetime) -> HttpRequest:
        return HttpRequest("GET", f"{self._request_url(task)}/status", self._auth)

    def read_poll(self, task: Task, response: HttpResponse, now: datetime) -> PollOutcome | More:
        body = json_object(response)
        if response.status in {404, 410}:
            if body is None or not task.is_settled(now, self.limits.not_found_grace):
                return Unchanged("not_found")
            return self._ask_history(task, None)
        if body is None or response.status not in {200, 202}:
            return Unchanged(f"status_{response.status}")
        return self._read_status(task, body)

    def _read_status(self, task: Task, body: Mapping[str, object]) -> PollOutcome | More:
        match body.get("status"):
            case "IN_QUEUE":
                return Waiting(started=False)
            case "IN_PROGRESS":
                return Waiting()
            case "COMPLETED":
                verdict = end_by_status_word(body.get("error"), body.get("error_type"))
                return More(
                    HttpRequest("GET", self._result_url(task, body), self._auth),
                    "result",
                    verdict.after() if verdict else None,
                )
            case _:
                return Unchanged("unknown_status")

    def read_result(
        self, task: Task, more: More, response: HttpResponse, now: datetime
    ) -> PollOutcome | More:
        if more.step == "history":
            return _read_history(task, more, response)
        body = json_object(response)
        is_verdict = body is not None and _is_verdict(body)
        if response.status in {404, 410} and not is_verdict:
            # The queue keeps results for an hour; the history keeps them for a month.
            return self._ask_history(task, more.otherwise)
        if body is None or (response.status in {401, 403, 429} and not is_verdict):
            return more.otherwise or Unchanged(f"result_status_{response.status}")
        if response.status == 202 or _is_still_running(response.status, body):
            return Waiting()
        if 200 <= response.status < 300:
            return _read_output(task, body, response)
        verdict = end_of_task(response.status, body, response)
        ending = verdict.after() if verdict is not None else more.otherwise
        return ending or Unchanged(f"result_status_{response.status}")

    # Stopping

    def cancel(self, task: Task, now: datetime) -> HttpRequest | None:
        return HttpRequest("PUT", f"{self._request_url(task)}/cancel", self._auth)

    def read_cancel(self, response: HttpResponse) -> CancelAnswer:
        status = text(mapping(json_object(response)).get("status"))
        return _CANCELLED.get(status or "", CancelAnswer.UNCLEAR)

    def erase(self, task: Task, now: datetime) -> HttpRequest:
        """Delete input, output and the files of the CDN."""
        address = f"{self._platform_url}/models/requests/{task.task_id}/payloads"
        return HttpRequest("DELETE", address, self._auth)

    def read_erase(self, response: HttpResponse) -> bool:
        return is_settled_deletion(response)

    # Callbacks

    def callback_keys(self) -> HttpRequest | None:
        return HttpRequest("GET", f"{self._rest_url}/.well-known/jwks.json")

    def read_callback_keys(self, response: HttpResponse) -> tuple[bytes, ...]:
        body = json_object(response) if response.status == 200 else None
        keys = (_public_key(mapping(entry)) for entry in items(mapping(body).get("keys")))
        return tuple(key for key in keys if key is not None)

    def verify_callback(
        self, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime
    ) -> CallbackOutcome:
        named = lower(headers)
        request_id, user_id, timestamp, signature = (
            named.get(f"x-fal-webhook-{part}", "")
            for part in ("request-id", "user-id", "timestamp", "signature")
        )
        if not (request_id and user_id and timestamp and signature):
            return Forged("unsigned")
        if not is_recent(timestamp, now):
            return Forged("stale")
        message = "\n".join((request_id, user_id, timestamp, hashlib.sha256(body).hexdigest()))
        if not holds_ed25519(signature, message.encode("utf-8", "replace"), keys):
            return Forged("signature")
        if self._account.user_id is not None and user_id != self._account.user_id:
            return Forged("other_account")
        return Hint(identifier(request_id))

    # Addresses

    def _request_url(self, task: Task) -> str:
        # Of the endpoint only owner and alias are in the address of a request.
        owner_and_alias = "/".join(task.model.split("/")[:2])
        return f"{self._queue_url}/{owner_and_alias}/requests/{task.task_id}"

    def _result_url(self, task: Task, status: Mapping[str, object]) -> str:
        """Return the address that the status names, unless it leads elsewhere."""
        named = address(status.get("response_url"))
        ends = (f"/requests/{task.task_id}", f"/requests/{task.task_id}/response")
        if named is not None and is_under(named, self._queue_url) and named.endswith(ends):
            return named
        return self._request_url(task)

    def _ask_history(self, task: Task, otherwise: PollOutcome | None) -> More:
        request = history.look_up(self._platform_url, self._auth, task)
        return More(request, "history", otherwise)


def _model_input(model: FalModel, order: Order) -> dict[str, object]:
    options, capability = order.options, model.capability
    seconds = round(nearest_duration(options.duration_s, capability.durations_s))
    body: dict[str, object] = {
        "prompt": instructions(order.prompt, options, model.max_prompt),
        model.picture_field: order.picture,
        "duration": {"text": f"{seconds}", "seconds": f"{seconds}s", "integer": seconds}[
            model.duration
        ],
        **model.fixed,
    }
    if model.resolutions:
        resolution = nearest_resolution(options.resolution, capability.resolutions)
        body["resolution"] = model.resolutions[resolution]
    if model.has_aspect_ratio and options.aspect_ratio in capability.aspect_ratios:
        body["aspect_ratio"] = options.aspect_ratio
    if model.has_fps:
        body["fps"] = capability.fps[0]
    # 0 is "not asked": sending it would give everybody the same clip for the same words.
    if capability.can_seed and options.seed:
        body["seed"] = options.seed
    return body


def _is_verdict(body: Mapping[str, object]) -> bool:
    """Return whether an error is the model's or the platform's own, not the address's."""
    return isinstance(body.get("detail"), list) or text(body.get("error_type")) is not None


def _is_still_running(status: int, body: Mapping[str, object]) -> bool:
    # The wording is not documented; a model's own 400 carries a list or a type.
    detail = (text(body.get("detail")) or "").lower()
    return status == 400 and text(body.get("error_type")) is None and "in progress" in detail


def _read_output(task: Task, body: Mapping[str, object], response: HttpResponse) -> PollOutcome:
    video = mapping(body.get("video"))
    location = address(video.get("url"))
    if location is None:
        if body.get("status") in ("IN_QUEUE", "IN_PROGRESS"):
            return Waiting()
        return NO_VIDEO.charged(billed_units(response)).after()
    facts: dict[str, object] = {"engine": task.model, "generative": True}
    seed = body.get("seed")
    if isinstance(seed, int) and not isinstance(seed, bool) and abs(seed) < 1 << 63:
        facts["seed"] = seed
    units = number(response.header("x-fal-billable-units"))
    if units is not None:
        facts["billable_units"] = units
    return Succeeded(location, None, facts)


def _read_history(task: Task, more: More, response: HttpResponse) -> PollOutcome:
    body = json_object(response)
    if body is None or response.status == 429 or response.status >= 500:
        return more.otherwise or Unchanged("history_unavailable")
    row = history.row_of(task, body) if response.status == 200 else None
    if row is None:
        return more.otherwise or GONE.after()
    status = number(row.get("status_code"))
    output = mapping(row.get("json_output"))
    if status is None:
        return Waiting()
    if 200 <= status < 300:
        return _read_output(task, output, HttpResponse.build(200, (), b""))
    verdict = end_of_task(int(status), output)
    return verdict.after() if verdict is not None else more.otherwise or GONE.after()


def _public_key(entry: Mapping[str, object]) -> bytes | None:
    """Return the raw key of an Ed25519 JWK."""
    encoded = text(entry.get("x"))
    if entry.get("kty") != "OKP" or entry.get("crv") != "Ed25519" or encoded is None:
        return None
    try:
        key = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == 32 else None
