"""Delivers callbacks: signed, repeated while the receiver fails, and misdelivered on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from photoplay.sandbox.faults import Fault, Kind, Target
from photoplay.sandbox.journal import Delivery

if TYPE_CHECKING:
    from photoplay.sandbox.tasks import Task
    from photoplay.sandbox.world import World

_CALLBACK: Final[frozenset[Kind]] = frozenset({"callback"})
_LONGEST_GAP_S: Final = 300.0
_AT_ONCE: Final = 64

Payload = dict[str, Any]
Seal = Callable[[bytes, datetime, str], dict[str, str]]
"""Signs a body at an instant; the third value is the fault's `do`, empty for an honest signature."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One callback.

    Attributes:
        state: what it tells, for the journal.
        final: the task has ended.
        seal: its signature.
        contradicted, emptied, about: the same callback with the opposite verdict, without its
            payload, about another task.
        rotate: takes new signing keys into use.
        gives_up_at: repeats end here.
    """

    provider: str
    task_id: str
    url: str
    state: str
    final: bool
    payload: Payload
    seal: Seal
    contradicted: Callable[[Payload], Payload]
    emptied: Callable[[Payload], Payload]
    about: Callable[[Payload, str], Payload]
    rotate: Callable[[], None]
    gives_up_at: datetime


@dataclass(slots=True)
class _Desk:
    told: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    held: dict[str, list[tuple[Letter, Fault | None]]] = field(
        default_factory=dict[str, list[tuple[Letter, "Fault | None"]]]
    )


class Courier:
    """Sends callbacks in the background."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._desk = _Desk()

    def post(self, letter: Letter, task: Task) -> None:
        """Send a callback unless a fault says otherwise; returns at once."""
        target = Target(letter.provider, "callback", "POST", letter.task_id, letter.url)
        fault = self._world.faults.take(_CALLBACK, target, self._world.now())
        self._start(letter, fault)

    def send(self, letter: Letter, fault: Fault | None) -> None:
        """Send one more callback, honest or not; returns at once."""
        self._start(letter, fault)

    async def told(self, task: Task) -> None:
        """Return when the callback of the task's end was tried once; at once where there is none."""
        if task.callback_url is not None:
            await self._told(task.id).wait()

    def clear(self) -> None:
        """Forget what is held, and let everybody go who waits for a callback."""
        desk, self._desk = self._desk, _Desk()
        for told in desk.told.values():
            told.set()

    def _told(self, task_id: str) -> asyncio.Event:
        return self._desk.told.setdefault(task_id, asyncio.Event())

    def _start(self, letter: Letter, fault: Fault | None) -> None:
        self._world.spawn(asyncio.create_task(self._carry(letter, fault)))

    async def _carry(self, letter: Letter, fault: Fault | None) -> None:
        do = fault.do if fault else ""
        if fault is not None and do == "drop":
            self._note(letter, 1, do, None)
            self._told(letter.task_id).set()
            return
        if fault is not None and do == "reorder":
            self._desk.held.setdefault(letter.provider, []).append((letter, None))
            self._told(letter.task_id).set()
            return
        if fault is not None and do == "late":
            await self._world.clock.sleep(30.0 if fault.seconds is None else fault.seconds)
        if do == "rotate":
            letter.rotate()
        letter = _rewritten(letter, fault)
        copies = fault.copies if fault is not None and do == "duplicate" else 1
        await self._deliver(letter, fault, copies)
        if fault is not None and do == "contradict":
            await self._deliver(
                replace(letter, payload=letter.contradicted(letter.payload)), fault, 1
            )
        for held, why in self._desk.held.pop(letter.provider, []):
            await self._deliver(held, why, 1)

    async def _deliver(self, letter: Letter, fault: Fault | None, copies: int) -> None:
        do = fault.do if fault else ""
        body = json.dumps(letter.payload, separators=(",", ":")).encode()
        if do == "nonsense":
            body = b"<html>this is no callback</html>"
        options = self._world.options
        for attempt in range(1, options.callback_repeats + 2):
            headers = {"Content-Type": "application/json", **self._signed(letter, body, fault)}
            sent = body.replace(b'"', b'" ', 1) if do == "tamper" else body
            timeout = options.callback_timeout_s * (1 if attempt == 1 else 8)
            status = await self._copies(letter, headers, sent, (copies, timeout))
            self._note(letter, attempt, do or None, status)
            if letter.final:
                self._told(letter.task_id).set()
            if do == "replay" and fault is not None:
                await self._world.clock.sleep(600.0 if fault.seconds is None else fault.seconds)
                status = await self._copies(letter, headers, sent, (1, timeout))
                self._note(letter, attempt + 1, do, status)
                return
            # 2xx is thanks, 3xx is not followed and not tried again.
            if status is not None and status < 400:
                return
            gap = min(2.0 ** (attempt - 1), _LONGEST_GAP_S)
            if self._world.after(gap) >= letter.gives_up_at:
                return
            await self._world.clock.sleep(gap)

    def _signed(self, letter: Letter, body: bytes, fault: Fault | None) -> dict[str, str]:
        do = fault.do if fault else ""
        if do == "unsigned":
            return {}
        at = self._world.now()
        if fault is not None and do == "stale":
            at -= timedelta(seconds=3600.0 if fault.seconds is None else fault.seconds)
        return letter.seal(body, at, do)

    async def _copies(
        self, letter: Letter, headers: dict[str, str], body: bytes, how: tuple[int, float]
    ) -> int | None:
        copies, timeout_s = how
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one() -> int | None:
            async with limit:
                return await self._send(letter.url, headers, body, timeout_s)

        statuses = await asyncio.gather(*(one() for _ in range(copies)))
        return statuses[-1]

    async def _send(
        self, url: str, headers: dict[str, str], body: bytes, timeout_s: float
    ) -> int | None:
        try:
            async with self._world.session.post(
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None

    def _note(self, letter: Letter, attempt: int, do: str | None, status: int | None) -> None:
        self._world.journal.sent(
            Delivery(
                self._world.now(),
                letter.provider,
                letter.task_id,
                letter.state,
                attempt,
                do,
                status,
            )
        )


def _rewritten(letter: Letter, fault: Fault | None) -> Letter:
    match fault:
        case Fault(do="payload_error"):
            return replace(letter, payload=letter.emptied(letter.payload))
        case Fault(do="other_task"):
            other = fault.task or "00000000-0000-4000-8000-000000000000"
            return replace(letter, payload=letter.about(letter.payload, other))
        case _:
            return letter
