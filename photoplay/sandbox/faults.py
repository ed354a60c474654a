"""Scripted misbehaviour: what a fault is, whom it hits, and in which order faults are taken.

A fault names what is done (`do`) and which requests it hits (provider, route, n-th, text). Four
kinds, told apart by `do`: **answer** faults hit any request, **run** faults are chosen when a task is
submitted and shape what becomes of it, **callback** faults hit what the provider sends us, **media**
faults hit the result's bytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

AnswerFault = Literal[
    "reset", "close", "hang", "status", "error", "html", "huge", "cut", "garbage",
    "without_id", "patch", "delay", "redirect",
]  # fmt: skip
RunFault = Literal[
    "fail", "no_video", "stall", "slow", "vanish", "rewind", "ignore_cancel", "result_url", "early",
]  # fmt: skip
CallbackFault = Literal[
    "drop", "duplicate", "late", "reorder", "forge", "tamper", "stale", "unsigned", "other_user",
    "other_task", "replay", "rotate", "contradict", "payload_error", "nonsense",
]  # fmt: skip
MediaFault = Literal[
    "expired", "drip", "wrong_length", "no_length", "wrong_type", "enormous", "corrupt", "no_ranges",
]  # fmt: skip
Kind = Literal["answer", "run", "callback", "media"]
ProviderName = Literal["*", "fal", "runway", "kling"]
RouteName = Literal[
    "*", "connect", "submit", "poll", "stream", "result", "cancel", "resolve", "list", "callback",
    "keys", "media", "upload", "token", "put", "erase", "pricing", "billing", "meta",
    "organization", "usage",
]  # fmt: skip

_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(cast("tuple[str, ...]", get_args(AnswerFault)), "answer"),
    **dict.fromkeys(cast("tuple[str, ...]", get_args(RunFault)), "run"),
    **dict.fromkeys(cast("tuple[str, ...]", get_args(CallbackFault)), "callback"),
    **dict.fromkeys(cast("tuple[str, ...]", get_args(MediaFault)), "media"),
}
_ROUTE_OF_KIND: Final[dict[Kind, str]] = {
    "answer": "submit",
    "run": "submit",
    "callback": "callback",
    "media": "media",
}
# What these do to an answer needs the real one, so the request is carried out first.
_AFTERWARDS: Final = frozenset({"cut", "without_id", "patch"})


class Fault(BaseModel):
    """One scripted misbehaviour. Fields that its `do` does not use are ignored.

    Attributes:
        do: what happens; see `docs/sandbox.md` for each.
        provider: `fal`, `runway`, `kling`, or `*`.
        route: what is asked for; `resolve` looks for a lost submission, `connect` is a new
            connection. Unset: `submit`, `callback` or `media`, whichever its kind hits.
        method: only requests with this method.
        nth: which of the requests that match, counted from 1. Empty: every one, up to `times`.
        times: how often at most; 0 means always. Ignored with `nth`.
        contains: text that the address or the body must hold: an attempt's callback token, its
            picture's path, its external id.
        task: the provider's task id.
        after_s: begins this many seconds of the sandbox's clock after it was added.
        for_s: ends this many seconds after it began.
        chance: probability from 0 to 1, drawn from the sandbox's seed.
        when: an answer fault strikes `before` the request takes effect (nothing was created), or
            `after` it (the task exists, only the answer is lost).
        status: HTTP status of the answer.
        code: the provider's own error code: a fal `error_type`, a Runway failure code, a Kling number.
        message: text for people in that error.
        headers: added to the answer, such as `Retry-After`.
        body: bytes of the answer as text, or JSON.
        seconds: length of a delay; default depends on `do`.
        size: bytes; default depends on `do`.
        copies: how many times a callback is sent.
        location: address for a redirect or a result.
        content_type: for `wrong_type`.
        at: when a run fails: in the `queue`, during the `run`, or at its `end`.
        billed: True when the failed run is charged.
        variant: which form of a missing video: `missing`, `null`, `empty_url`, `empty_list`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: AnswerFault | RunFault | CallbackFault | MediaFault
    provider: ProviderName = "*"
    route: RouteName = "submit"
    method: str | None = None
    nth: tuple[int, ...] = ()
    times: int = Field(default=1, ge=0)
    contains: str | None = None
    task: str | None = None
    after_s: float = Field(default=0.0, ge=0)
    for_s: float | None = Field(default=None, gt=0)
    chance: float = Field(default=1.0, ge=0, le=1)
    when: Literal["before", "after"] = "before"
    status: int | None = Field(default=None, ge=200, le=599)
    code: str | None = None
    message: str | None = None
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    body: Any = None
    seconds: float | None = Field(default=None, ge=0)
    size: int | None = Field(default=None, ge=0)
    copies: int = Field(default=2, ge=1, le=10_000)
    location: str | None = None
    content_type: str | None = None
    at: Literal["queue", "run", "end"] = "end"
    billed: bool = False
    variant: Literal["missing", "null", "empty_url", "empty_list"] = "missing"

    @field_validator("nth", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, int) else value

    @field_validator("code", mode="before")
    @classmethod
    def _number_or_name(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value

    @model_validator(mode="before")
    @classmethod
    def _default_route(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        fields = cast("dict[str, Any]", given)
        kind = _KINDS.get(str(fields.get("do")))
        if kind is None or fields.get("route"):
            return fields
        return {**fields, "route": _ROUTE_OF_KIND[kind]}

    @property
    def kind(self) -> Kind:
        return _KINDS[self.do]

    @property
    def strikes_after(self) -> bool:
        """True when the request takes effect before the answer is spoilt."""
        return self.when == "after" or self.do in _AFTERWARDS


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that a fault may hit: a request that arrived, or a callback about to be sent.

    Attributes:
        text: address and body for `contains`; None while the body has not been read.
    """

    provider: str
    route: str
    method: str
    task_id: str | None
    text: str | None


@dataclass(slots=True, eq=False)
class ArmedFault:
    """A fault in the book, with what became of it.

    Attributes:
        number: its number in the book.
        seen: requests that matched.
        hits: requests that it struck.
    """

    number: int
    fault: Fault
    added_at: datetime
    seen: int = 0
    hits: int = 0

    def _matches(self, target: Target) -> bool:
        fault = self.fault
        return (
            fault.provider in {"*", target.provider}
            # "*" means every request; a connection is none yet.
            and fault.route
            in ({target.route} if target.route == "connect" else {"*", target.route})
            and (fault.method is None or fault.method.upper() == target.method)
            and (fault.task is None or fault.task == target.task_id)
            and (fault.contains is None or fault.contains in (target.text or ""))
        )

    def _in_time(self, now: datetime) -> bool:
        age = (now - self.added_at).total_seconds() - self.fault.after_s
        return age >= 0 and (self.fault.for_s is None or age < self.fault.for_s)

    def strikes(self, target: Target, now: datetime, dice: random.Random) -> bool:
        """Count the target if it matches, and say whether it is one to strike."""
        if not self._matches(target) or not self._in_time(now):
            return False
        self.seen += 1
        if self.fault.nth:
            due = self.seen in self.fault.nth
        else:
            # A window of time limits a fault by itself.
            always = self.fault.times == 0 or self.fault.for_s is not None
            due = always or self.hits < self.fault.times
        return due and (self.fault.chance >= 1 or dice.random() < self.fault.chance)


class FaultBook:
    """The faults of a sandbox; the first that strikes is taken, all that match count the request."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._armed: list[ArmedFault] = []
        self._numbers = 0

    def add(self, fault: Fault, now: datetime) -> ArmedFault:
        self._numbers += 1
        armed = ArmedFault(self._numbers, fault, now)
        self._armed.append(armed)
        return armed

    def clear(self) -> None:
        self._armed.clear()

    def remove(self, number: int) -> bool:
        before = len(self._armed)
        self._armed = [armed for armed in self._armed if armed.number != number]
        return len(self._armed) < before

    def __iter__(self) -> Iterator[ArmedFault]:
        return iter(tuple(self._armed))

    def take(
        self,
        kinds: frozenset[Kind],
        target: Target,
        now: datetime,
        *,
        with_body: bool | None = None,
    ) -> Fault | None:
        """Return the fault that strikes this target, None where there is none.

        Args:
            with_body: True asks only faults that look at the text, False only the others.
        """
        taken: ArmedFault | None = None
        for armed in self._armed:
            fault = armed.fault
            if fault.kind not in kinds:
                continue
            if with_body is not None and (fault.contains is not None) is not with_body:
                continue
            if armed.strikes(target, now, self._dice) and taken is None:
                taken = armed
        if taken is None:
            return None
        taken.hits += 1
        return taken.fault
