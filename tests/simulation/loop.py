"""An event loop whose clock jumps to the next timer, and whose ready callbacks run in an order of the dice."""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events
from collections.abc import Callable
from contextvars import Context
from typing import Any


class StandstillError(Exception):
    """Everything waits and no timer is set: nothing will ever happen again."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs tasks in virtual time; no file descriptor, thread or real clock is behind it.

    Args:
        dice: decides which of the ready callbacks runs first.
    """

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice
        self._now = 0.0
        self.set_exception_handler(self._keep_failure)
        self.failures: list[BaseException] = []
        """What tasks died of that nobody awaited."""

    def time(self) -> float:
        return self._now

    # As in the base class, without what a loop in real time has to look at.

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._scheduled, handle)
        handle._scheduled = True
        return handle

    def run_in_executor(
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call it at once: threads of the real program are short steps here."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _keep_failure(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            self.failures.append(error)

    def _process_events(self, event_list: object) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not ready and not self._stopping:
            if not scheduled:
                raise StandstillError
            self._now = max(self._now, scheduled[0]._when)
        while scheduled and (scheduled[0]._cancelled or scheduled[0]._when <= self._now):
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            if not handle._cancelled:
                ready.append(handle)
        if len(ready) > 1:
            self._shuffle()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _shuffle(self) -> None:
        ready = self._ready
        if len(ready) == 2:
            if self._dice.random() < 0.5:
                ready.rotate()
            return
        order = list(ready)
        self._dice.shuffle(order)
        ready.clear()
        ready.extend(order)

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        """They are dropped when their time comes."""
