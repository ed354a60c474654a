"""A provider's tasks and the line they stand in: queued, running, ended, by the sandbox's clock.

A line moves only when it is looked at: `settle` applies, in the order of their times, all events that
are due. So a poll, a timer and a moved clock all see the same history.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from photoplay.sandbox.clock import Clock

if TYPE_CHECKING:
    from photoplay.sandbox.clips import Clip

State = Literal["queued", "running", "ended"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends.

    Attributes:
        kind: `video`; `empty`, a success without a video; `error`; `cancelled`; or `expired`, not
            started before the caller's limit.
        code: the provider's error code for `error`; the variant for `empty`.
        at: when an error shows: in the queue, during the run, or at its end.
        billed: whether money is taken.
        detail: what an error says besides, in the provider's own form.
    """

    kind: Literal["video", "empty", "error", "cancelled", "expired"] = "video"
    code: str = ""
    message: str = ""
    at: Literal["queue", "run", "end"] = "end"
    billed: bool = True
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True, eq=False)
class Task:
    """One generation as its provider sees it.

    Attributes:
        id: the provider's.
        external_id: the id that the caller chose, where the provider has such.
        model: endpoint or model name.
        body: the request as it was sent.
        ready_at: end of its wait in the queue; None means never.
        run_s: seconds that it will run; None means for ever.
        start_by: the caller's limit for the wait.
        ends_at: planned end of its run.
        ending: how it will end, and once `state` is `ended`, how it did.
        clip: the video being made; needed before a run can end with one.
        notes: what one provider keeps beside.
    """

    provider: str
    id: str
    model: str
    body: dict[str, Any]
    created_at: datetime
    ready_at: datetime | None
    run_s: float | None
    ending: Ending = field(default_factory=Ending)
    external_id: str | None = None
    callback_url: str | None = None
    start_by: datetime | None = None
    low_priority: bool = False
    state: State = "queued"
    started_at: datetime | None = None
    ends_at: datetime | None = None
    ended_at: datetime | None = None
    clip: asyncio.Future[Clip | None] | None = None
    ignores_cancel: bool = False
    goes_back: bool = False
    vanished_until: datetime | None = None
    polls: int = 0
    notes: dict[str, Any] = field(default_factory=dict[str, Any])

    def finished_clip(self) -> Clip | None:
        """Return the clip; None when there is none, or not yet."""
        if self.clip is None or not self.clip.done() or self.clip.cancelled():
            return None
        return self.clip.result()

    def progress(self, now: datetime) -> float:
        """Return 0 to 1; it falls now and then where the script wants that."""
        if self.state == "ended":
            return 1.0
        if self.started_at is None:
            return 0.0
        if self.ends_at is None:
            share = 0.5
        else:
            whole = (self.ends_at - self.started_at).total_seconds()
            share = min((now - self.started_at).total_seconds() / whole, 0.99) if whole else 0.99
        if self.goes_back and self.polls % 2 == 0:
            share /= 3
        return round(max(share, 0.0), 3)

    @property
    def clip_is_due(self) -> bool:
        """True when nothing more has to be made before the run can end."""
        return self.ending.kind not in {"video", "empty"} or self.clip is None or self.clip.done()


@dataclass(slots=True)
class _Event:
    at: datetime
    apply: Callable[[Task, datetime], None]
    task: Task


class Line:
    """The tasks of one provider.

    Args:
        slots: runs at once in one lane; None means no limit.
        lane: tasks with equal answers share the slots.
        on_change: told of every new state, in order.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        slots: Callable[[], int | None],
        on_change: Callable[[Task], None],
        lane: Callable[[Task], str] = lambda _: "",
    ) -> None:
        self._clock = clock
        self._slots = slots
        self._on_change = on_change
        self._lane = lane
        self._open: dict[str, Task] = {}
        self._all: dict[str, Task] = {}
        self._freed_at: dict[str, datetime] = {}
        # When to look again: thousands of polls between two events must not walk the line.
        self._stale = True
        self._due_at: datetime | None = None

    def touch(self) -> None:
        """Look at everything again: something outside the clock has changed."""
        self._stale = True
        self._clock.poke()

    def add(self, task: Task) -> None:
        """Put a new task at the end of the line."""
        self._all[task.id] = task
        self._open[task.id] = task
        self._on_change(task)
        self.touch()

    def find(self, task_id: str) -> Task | None:
        """Return a task as it is now."""
        self.settle()
        return self._all.get(task_id)

    def all(self) -> Iterator[Task]:
        """Give every task in the order of submission, as they are now."""
        self.settle()
        return iter(tuple(self._all.values()))

    def open_count(self) -> int:
        self.settle()
        return len(self._open)

    def waiting(self) -> list[Task]:
        """Return the queued tasks in the order in which they will start."""
        queued = [task for task in self._open.values() if task.state == "queued"]
        return sorted(queued, key=lambda task: task.low_priority)

    def is_full(self, task: Task) -> bool:
        """True when the task's lane has no free slot."""
        return not self._free_slots()(self._lane(task))

    def forget(self, task: Task) -> None:
        """Drop a task: nobody can read it any more."""
        self._open.pop(task.id, None)
        self._all.pop(task.id, None)
        self.touch()

    def clear(self) -> None:
        self._open.clear()
        self._all.clear()
        self._freed_at.clear()

    def cancel(self, task: Task, *, billed: bool) -> None:
        """End a task that has not ended yet."""
        task.ending = Ending("cancelled", billed=billed)
        self._end(task, self._clock.now())
        self.touch()

    def settle(self) -> None:
        """Apply every event that is due."""
        now = self._clock.now()
        if not self._stale and (self._due_at is None or self._due_at > now):
            return
        while True:
            first = min(self._events(), key=lambda event: event.at, default=None)
            if first is None or first.at > now:
                self._due_at = first.at if first else None
                self._stale = False
                return
            first.apply(first.task, first.at)

    def next_at(self) -> datetime | None:
        """Return when something will happen by itself; None when nothing will."""
        self.settle()
        return self._due_at

    def _events(self) -> Iterator[_Event]:
        free = self._free_slots()
        for task in self._open.values():
            if task.state == "running" and task.ends_at is not None and task.clip_is_due:
                yield _Event(task.ends_at, self._end, task)
        for task in self.waiting():
            if task.start_by is not None:
                yield _Event(task.start_by, self._expire, task)
            if task.ready_at is None:
                continue
            if task.ending.at == "queue" and task.ending.kind == "error":
                yield _Event(task.ready_at, self._end, task)
                continue
            lane = self._lane(task)
            if free(lane):
                at = max(task.ready_at, self._freed_at.get(lane, task.ready_at))
                yield _Event(at, self._start, task)

    def _free_slots(self) -> Callable[[str], bool]:
        """Return which lanes have room, counted once for a look at the line."""
        running = Counter(self._lane(t) for t in self._open.values() if t.state == "running")
        slots = self._slots()
        return lambda lane: slots is None or running[lane] < slots

    def _start(self, task: Task, at: datetime) -> None:
        task.state = "running"
        task.started_at = at
        self._on_change(task)
        if task.run_s is not None:
            share = 0.5 if task.ending.kind == "error" and task.ending.at == "run" else 1.0
            task.ends_at = at + timedelta(seconds=task.run_s * share)

    def _expire(self, task: Task, at: datetime) -> None:
        task.ending = Ending("expired", billed=False)
        self._end(task, at)

    def _end(self, task: Task, at: datetime) -> None:
        if self.is_full(task):
            self._freed_at[self._lane(task)] = at
        task.state = "ended"
        task.ended_at = at
        self._open.pop(task.id, None)
        self._on_change(task)
