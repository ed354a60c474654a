"""Made-up providers: pure translation as of the real ones, to and from messages of a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from photoplay.domain.capability import Capability
from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.domain.outcomes import (
    Absent,
    Accepted,
    Blocked,
    CallbackOutcome,
    Failed,
    Forged,
    Found,
    PollOutcome,
    Refusal,
    Refused,
    ResolveOutcome,
    SubmitOutcome,
    Succeeded,
    Unchanged,
    Undecided,
    Unknown,
    Waiting,
)
from photoplay.providers.prices import Price
from photoplay.providers.protocol import (
    CancelAnswer,
    Limits,
    Lost,
    More,
    Order,
    PictureFile,
    PictureRule,
    Placed,
    RemoteModel,
    Task,
    Way,
)

SETTLED: Final = timedelta(seconds=60)
"""After so long a submission that the history does not show never arrived."""
_REFUSED: Final = {
    400: Refusal.BAD_INPUT,
    401: Refusal.UNAUTHENTICATED,
    402: Refusal.NO_CREDIT,
    422: Refusal.CONTENT,
    429: Refusal.BUSY,
    503: Refusal.UNAVAILABLE,
}
_BILLED: Final = {"yes": True, "no": False, "maybe": None}


class Provider:
    """A provider with one model.

    Args:
        way: how it takes pictures.
        has_history: an unknown submission can be looked up by its handle.
        recovery_s: how long one is looked for.
        asks_twice: the end of a task is told by a second request.
    """

    def __init__(
        self,
        name: str,
        way: Way,
        *,
        has_history: bool,
        has_callbacks: bool,
        recovery_s: int,
        asks_twice: bool = False,
        price: float | None = 0.25,
    ) -> None:
        self.name = name
        self.asks_twice = asks_twice
        self.limits = Limits(
            can_resolve=has_history,
            has_callbacks=has_callbacks,
            recovery_window=timedelta(seconds=recovery_s),
            result_lifetime=timedelta(seconds=600),
            renews_address=True,
            poll_min=timedelta(seconds=30),
            poll_max=timedelta(seconds=90),
        )
        capability = Capability(name, f"{name}-1", (4.0, 8.0))
        rate = {"480p": price, "720p": price, "1080p": price}
        self.model = RemoteModel(
            capability=capability,
            picture=PictureRule((way,), 10 << 20, data_uri_max_chars=1 << 20),
            price=Price("-", "2026-01-01", rate) if price is not None else None,
            max_prompt=1000,
        )
        self.models = {name: self.model}

    def _request(self, method: str, path: str, *words: str) -> HttpRequest:
        return HttpRequest(method, f"https://{self.name}.sim/{path}", {}, " ".join(words).encode())

    def upload(self, picture: PictureFile, now: datetime) -> HttpRequest | None:
        return self._request("POST", "places")

    def read_upload(self, picture: PictureFile, response: HttpResponse) -> Placed | None:
        match _words(response):
            case ["place", number]:
                reference = f"https://{self.name}.sim/files/{number}"
                return Placed(self._request("PUT", f"files/{number}"), reference)
        return None

    def submit(self, order: Order, now: datetime) -> HttpRequest:
        return self._request("POST", "tasks", order.handle, order.callback_url or "-")

    def read_submit(self, response: HttpResponse, now: datetime) -> SubmitOutcome:
        refusal = _REFUSED.get(response.status)
        if refusal is not None:
            return Refused(refusal, "", response.retry_after(now))
        match _words(response):
            case ["task", task_id]:
                return Accepted(task_id)
        return Unknown("unreadable")

    def resolve(self, lost: Lost, now: datetime) -> tuple[HttpRequest, ...]:
        if not self.limits.can_resolve:
            return ()
        return (self._request("GET", f"history/{lost.handle}"),)

    def read_resolve(
        self, lost: Lost, response: HttpResponse, now: datetime
    ) -> ResolveOutcome | More:
        match _words(response):
            case ["task", task_id]:
                return Found(task_id)
            case ["none"] if now - lost.sent_at > SETTLED:
                return Absent()
        return Undecided()

    def poll(self, task: Task, now: datetime) -> HttpRequest:
        return self._request("GET", f"tasks/{task.task_id}")

    def read_poll(self, task: Task, response: HttpResponse, now: datetime) -> PollOutcome | More:
        match _words(response):
            case ["ended"]:
                return More(self._request("GET", f"results/{task.task_id}"), "result")
        return self._read(task, response, now)

    def read_result(
        self, task: Task, more: More, response: HttpResponse, now: datetime
    ) -> PollOutcome | More:
        return self._read(task, response, now)

    def _read(self, task: Task, response: HttpResponse, now: datetime) -> PollOutcome:
        if response.status == 404:
            if task.is_settled(now, self.limits.not_found_grace):
                return Failed(Refusal.FAULT, "gone", billed=None)
            return Unchanged("not_found")
        match _words(response):
            case ["waiting", progress]:
                return Waiting(None if progress == "-" else float(progress))
            case ["video", location, cost]:
                return Succeeded(location, None if cost == "-" else float(cost))
            case ["failed", refusal, billed]:
                return Failed(Refusal(refusal), "", _BILLED[billed])
            case ["blocked", side, billed]:
                return Blocked(side, _BILLED[billed])
        return Unchanged("unreadable")

    def cancel(self, task: Task, now: datetime) -> HttpRequest | None:
        return self._request("POST", f"stops/{task.task_id}")

    def read_cancel(self, response: HttpResponse) -> CancelAnswer:
        return CancelAnswer.ASKED if response.status == 200 else CancelAnswer.UNCLEAR

    def callback_keys(self) -> HttpRequest | None:
        return None

    def read_callback_keys(self, response: HttpResponse) -> tuple[bytes, ...]:
        return ()

    def verify_callback(
        self, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime
    ) -> CallbackOutcome:
        return Forged("no callback is read here")


def _words(response: HttpResponse) -> list[str]:
    return response.body.decode().split() if response.status == 200 else []


def providers() -> dict[str, Provider]:
    """Return the made-up providers by name; they differ in what the real ones differ in."""
    made = (
        Provider("alpha", Way.URL, has_history=True, has_callbacks=True, recovery_s=240),
        Provider("beta", Way.UPLOAD, has_history=False, has_callbacks=True, recovery_s=120),
        Provider(
            "gamma",
            Way.DATA_URI,
            has_history=True,
            has_callbacks=False,
            recovery_s=180,
            asks_twice=True,
            price=None,
        ),
    )
    return {provider.name: provider for provider in made}
