"""What every remote provider speaks: pure functions between our words and HTTP messages.

The worker sends what a provider writes and hands back what it reads; nothing here waits, sends,
looks at a clock or keeps anything. One task, in order:

    upload → read_upload → (send `Placed`)                 only where a picture is uploaded
    submit → read_submit                                   exactly one request on the wire
    resolve → read_resolve [→ More → read_resolve …]       only after `Unknown`
    poll → read_poll [→ More → read_result]                until it is no longer Waiting/Unchanged
    cancel → read_cancel                                   when asked, best effort
    callback_keys → read_callback_keys → verify_callback   a callback only says "look now"

`detail` of a refusal or failure is a sentence for people where the refusal is `bad_input`, and else
one of the provider's own codes from our tables, or `unlisted`. No text of a provider gets through.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, Protocol, runtime_checkable

from photoplay.domain.capability import Capability
from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.domain.options import EffectiveOptions
from photoplay.domain.outcomes import (
    CallbackOutcome,
    PollOutcome,
    ResolveOutcome,
    SubmitOutcome,
)
from photoplay.providers.prices import Price

# Short enough for Kling's `external_task_id`, long enough never to occur by chance in a history.
_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)

_CREDENTIAL: Final = re.compile(r"[\x21-\x7e]{1,4000}", re.ASCII)


def _check_handle(handle: str) -> None:
    if not _HANDLE.fullmatch(handle):
        raise ValueError("a handle is 16 to 64 letters, digits, dashes or underscores")


def check_credential(setting: str, value: str) -> None:
    """Refuse at start a key that no request could carry.

    Raises:
        ValueError: it is empty or has blanks, line ends or other invisible characters.
    """
    if not _CREDENTIAL.fullmatch(value):
        raise ValueError(f"{setting} is not a key: it is empty or has invisible characters")


@dataclass(frozen=True, slots=True, repr=False)
class Order:
    """One submission, complete: what is made of it depends on nothing else.

    Attributes:
        handle: our name for the submission, normally the attempt's id. It is what an unknown
            submission is found by, so the picture's address should contain it too. A submission
            that was found `Absent` and is sent again keeps its handle.
        capability: the model.
        options: what `fit` made of the wish for this model.
        prompt: as asked; None lets the picture move by itself.
        picture: an https address, a reference from `Placed`, or a data URI.
        picture_size: width and height in pixels, upright; zeros when not known.
        callback_url: where the provider may call back, or None.

    Raises:
        ValueError: the handle cannot be used; a bug of the caller.
    """

    handle: str
    capability: Capability
    options: EffectiveOptions
    prompt: str | None
    picture: str
    picture_size: tuple[int, int]
    callback_url: str | None = None

    def __post_init__(self) -> None:
        _check_handle(self.handle)

    def __repr__(self) -> str:
        return f"Order({self.handle}, {self.capability.model})"


@dataclass(frozen=True, slots=True)
class Task:
    """A submission that the provider accepted.

    Attributes:
        model: the provider's name of the model, as in the capability.
        accepted_at: when we learned the id; None when that is long ago. A task that is unknown to
            the provider is not taken for gone before `Limits.not_found_grace` after it.
    """

    task_id: str
    model: str
    accepted_at: datetime | None = None

    def is_settled(self, now: datetime, grace: timedelta) -> bool:
        """Return whether every server of the provider should know the task by now."""
        return self.accepted_at is None or now - self.accepted_at >= grace


@dataclass(frozen=True, slots=True, repr=False)
class Lost:
    """A submission whose answer was never read.

    Attributes:
        handle: as in its order.
        sent_at: when its attempt was written, which is before anything was sent.
        picture: the address in its order where that does not contain the handle; else None.

    Raises:
        ValueError: the handle cannot be used; a bug of the caller.
    """

    handle: str
    model: str
    sent_at: datetime
    picture: str | None = None

    def __post_init__(self) -> None:
        _check_handle(self.handle)

    def __repr__(self) -> str:
        return f"Lost({self.handle}, {self.model})"


@dataclass(frozen=True, slots=True)
class More:
    """One more request is needed before there is an outcome.

    Attributes:
        request: send it, and hand its answer with this value to the same reading step.
        step: which answer it will bring.
        otherwise: what is already certain should that answer say nothing or not come; None when
            nothing is.
    """

    request: HttpRequest
    step: Literal["page", "result", "history"]
    otherwise: PollOutcome | None = None


class CancelAnswer(StrEnum):
    """What a provider made of a request to stop a task."""

    STOPPED = "stopped"
    """The task will bring nothing."""
    ASKED = "asked"
    """It may still finish, and then it is billed: keep polling."""
    TOO_LATE = "too_late"
    """It had ended before."""
    GONE = "gone"
    """The provider does not know it (any more)."""
    UNCLEAR = "unclear"
    """The answer says nothing; asking again does no harm."""


class Way(StrEnum):
    """How a picture gets to a provider."""

    UPLOAD = "upload"
    """Sent to the provider's own store; `Placed.reference` goes into the order."""
    URL = "url"
    """A signed https address of ours, reachable from outside."""
    DATA_URI = "data_uri"
    """Inside the submission itself."""


@dataclass(frozen=True, slots=True)
class PictureRule:
    """What a model takes as a picture.

    Attributes:
        ways: how it may be handed over, in order of preference.
        max_bytes: size of the file.
        data_uri_max_chars: length of a data URI.
        needs_head: our address must answer HEAD, with type and length, and never redirect.
        min_side_px, max_side_px: of the shorter and the longer side.
        ratio: least and greatest width divided by height.
    """

    ways: tuple[Way, ...]
    max_bytes: int
    data_uri_max_chars: int = 0
    needs_head: bool = False
    media_types: tuple[str, ...] = ("image/jpeg", "image/png", "image/webp")
    min_side_px: int = 1
    max_side_px: int = 16_384
    ratio: tuple[float, float] = (0.25, 4.0)

    def problem(self, size: tuple[int, int], size_bytes: int, media_type: str) -> str | None:
        """Return what a person must change about the picture, None when it can be sent."""
        width, height = size
        if media_type not in self.media_types:
            return "This model does not take pictures of this type."
        if size_bytes > self.max_bytes:
            return f"The picture is larger than {self.max_bytes >> 20} MB."
        if min(width, height) < self.min_side_px:
            return f"Each side of the picture must have at least {self.min_side_px} pixels."
        if max(width, height) > self.max_side_px:
            return f"Each side of the picture may have at most {self.max_side_px} pixels."
        if not self.ratio[0] <= width / height <= self.ratio[1]:
            return "The picture is too long and narrow for this model."
        return None

    def ways_for(self, size_bytes: int, *, has_public_address: bool) -> tuple[Way, ...]:
        """Return the ways that are open for a picture, best first; the next when one fails."""
        # Base64 makes four characters of three bytes; the prefix is short.
        uri_chars = (size_bytes + 2) // 3 * 4 + 32
        return tuple(
            way
            for way in self.ways
            if (way is not Way.URL or has_public_address)
            and (way is not Way.DATA_URI or uri_chars <= self.data_uri_max_chars)
        )


@dataclass(frozen=True, slots=True, repr=False)
class PictureFile:
    """A picture to hand over; `media_type` is one that the model's rule names."""

    handle: str
    body: bytes
    media_type: str

    @property
    def name(self) -> str:
        """File name that carries the handle."""
        suffix = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
        return f"{self.handle}.{suffix.get(self.media_type, 'bin')}"

    def as_data_uri(self) -> str:
        """Return the picture as a data URI."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.body).decode('ascii')}"

    def __repr__(self) -> str:
        return f"PictureFile({self.name}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True, repr=False)
class Placed:
    """Where to put the picture. After any 2xx answer to `request`, `reference` stands for it.

    A failed one is not sent again: ask for another place.
    """

    request: HttpRequest
    reference: str

    def __repr__(self) -> str:
        return f"Placed({self.request!r})"


@dataclass(frozen=True, slots=True)
class Limits:
    """How a provider wants to be treated, and how long things live there.

    Attributes:
        can_resolve: an unknown submission can be looked up.
        has_callbacks: it calls back when asked to.
        recovery_window: an unknown submission that was not found for so long is lost. Zero: at once.
        result_lifetime: a finished clip is there at least so long.
        renews_address: a new poll gives a new address of a clip whose old one has expired.
        poll_min, poll_max: shortest and longest pause between two polls of a task.
        polls_per_s: polls of all tasks of the account in a second, at most.
        not_found_grace: a task unknown to the provider for so long is gone.
        concurrency: tasks at once on a new account; None when the provider does not say.
        over_concurrency: what happens to the next one.
    """

    can_resolve: bool
    has_callbacks: bool
    recovery_window: timedelta
    result_lifetime: timedelta
    renews_address: bool
    poll_min: timedelta
    poll_max: timedelta
    polls_per_s: float = 20
    not_found_grace: timedelta = timedelta(seconds=60)
    concurrency: int | None = None
    over_concurrency: Literal["queues", "refuses"] = "queues"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteModel:
    """One model as data; each provider adds how its request is written.

    Attributes:
        price: what it costs; None when that is not known, which is not zero.
        max_prompt: longest prompt in characters (UTF-16 units, which never count fewer).
        unconfirmed: what no primary source settles about it, for people.
    """

    capability: Capability
    picture: PictureRule
    price: Price | None
    max_prompt: int
    unconfirmed: str = ""


@runtime_checkable
class ErasingProvider(Protocol):
    """A provider that can be asked to delete what it holds of a task that has ended."""

    def erase(self, task: Task, now: datetime) -> HttpRequest:
        """Return the request that deletes picture, prompt and clip; its clip is lost with it."""
        ...

    def read_erase(self, response: HttpResponse) -> bool:
        """Return whether there is nothing left to ask for; false: ask again later."""
        ...


class RemoteProvider(Protocol):
    """A provider behind HTTP, without the HTTP.

    Every `read_…` takes any answer whatever, complete or cut, and never raises for it. `now` is
    aware and comes from the database's clock, like the instants in `Task` and `Lost`.
    """

    @property
    def name(self) -> str:
        """Name of the provider, for logs; several models share one provider."""
        ...

    @property
    def limits(self) -> Limits: ...

    @property
    def models(self) -> Mapping[str, RemoteModel]:
        """Its models by the name under which each is stored and configured."""
        ...

    def upload(self, picture: PictureFile, now: datetime) -> HttpRequest | None:
        """Return the request for a place to put the picture; None where nothing is uploaded."""
        ...

    def read_upload(self, picture: PictureFile, response: HttpResponse) -> Placed | None:
        """Return the place, None where the answer offers none: take the next way."""
        ...

    def submit(self, order: Order, now: datetime) -> HttpRequest:
        """Return the one request that begins the task. Never send it twice."""
        ...

    def read_submit(self, response: HttpResponse, now: datetime) -> SubmitOutcome: ...

    def resolve(self, lost: Lost, now: datetime) -> tuple[HttpRequest, ...]:
        """Return requests that may find the submission; empty where the provider has no handle.

        One `Found` decides. `Absent` holds only when every answer says so.
        """
        ...

    def read_resolve(
        self, lost: Lost, response: HttpResponse, now: datetime
    ) -> ResolveOutcome | More: ...

    def poll(self, task: Task, now: datetime) -> HttpRequest: ...

    def read_poll(self, task: Task, response: HttpResponse, now: datetime) -> PollOutcome | More:
        """Return where the task is, or the request that tells how it ended."""
        ...

    def read_result(
        self, task: Task, more: More, response: HttpResponse, now: datetime
    ) -> PollOutcome | More:
        """Return how the task ended, from the answer to `more.request`. Ends after two rounds."""
        ...

    def cancel(self, task: Task, now: datetime) -> HttpRequest | None:
        """Return the request that stops the task; None where the provider cannot.

        It may delete a finished clip: never send it for a task whose clip is wanted.
        """
        ...

    def read_cancel(self, response: HttpResponse) -> CancelAnswer: ...

    def callback_keys(self) -> HttpRequest | None:
        """Return the request for the keys of callbacks; None where there is no key set."""
        ...

    def read_callback_keys(self, response: HttpResponse) -> tuple[bytes, ...]:
        """Return the keys, none where the answer is unusable: keep those that you have."""
        ...

    def verify_callback(
        self, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime
    ) -> CallbackOutcome:
        """Return whether a callback is genuine. It never says how a task ended.

        Args:
            headers: names in any case.
            body: exactly as received.
            keys: from `read_callback_keys`; empty where there is no key set. When a signature does
                not hold, read the key set again once: it may have been rotated.
        """
        ...
