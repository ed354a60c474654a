"""What arrived and what was sent: the sandbox's memory for tests that count submissions exactly.

In memory everything that counts is kept for as long as the sandbox lives; of polls and the like only
the newest. The file, where one is asked for, holds no header, body, query or prompt.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

_KEPT: Final = 5_000


@dataclass(slots=True)
class Arrival:
    """One request that reached the sandbox.

    Attributes:
        number: counted from 1 over all requests.
        route: what was asked for, by the sandbox's name for it.
        path: without its query, which may carry tokens.
        task_id: the task it was about or made; None where there is none.
        status: the answer's HTTP status; None when there was no whole answer.
        fault: what was done to it; None for a true answer.
    """

    number: int
    at: datetime
    provider: str
    route: str
    method: str
    path: str
    task_id: str | None = None
    status: int | None = None
    fault: str | None = None


@dataclass(slots=True)
class Delivery:
    """One callback that was sent, or was not.

    Attributes:
        state: the task's state that it tells.
        attempt: counted from 1; over 1 for repeats after a failure.
        fault: what was done to it; `drop` means that nothing was sent.
        status: the receiver's HTTP status; None when there was no answer.
    """

    at: datetime
    provider: str
    task_id: str
    state: str
    attempt: int
    fault: str | None
    status: int | None = None


class Journal:
    """Counts and keeps requests and callbacks.

    Args:
        file: JSON lines are appended here as well.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._submissions: list[Arrival] = []
        self._others: deque[Arrival] = deque(maxlen=_KEPT)
        self._deliveries: deque[Delivery] = deque(maxlen=_KEPT)
        self._numbers = 0
        self._file: IO[str] | None = None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._file = file.open("a", encoding="utf-8", buffering=1)

    def arrived(self, at: datetime, provider: str, route: str, method: str, path: str) -> Arrival:
        """Note a request before anything is done about it."""
        self._numbers += 1
        arrival = Arrival(self._numbers, at, provider, route, method, path)
        self._counts[provider, route] += 1
        (self._submissions if route == "submit" else self._others).append(arrival)
        return arrival

    def done(self, arrival: Arrival) -> None:
        """Note how a request ended."""
        self._write("request", asdict(arrival))

    def sent(self, delivery: Delivery) -> None:
        """Note a callback."""
        self._deliveries.append(delivery)
        self._write("callback", asdict(delivery))

    def count(self, provider: str = "*", route: str = "*") -> int:
        """Return how many requests arrived since the sandbox began or was reset."""
        return sum(
            number
            for (whose, which), number in self._counts.items()
            if provider in {"*", whose} and route in {"*", which}
        )

    def counts(self) -> dict[str, int]:
        """Return the number of requests by `provider.route`."""
        return {f"{whose}.{which}": number for (whose, which), number in self._counts.items()}

    def requests(self, provider: str = "*", route: str = "*") -> Iterator[Arrival]:
        """Give the kept requests in the order of their arrival: all submissions, the newest others."""
        found = [
            arrival
            for arrival in (*self._submissions, *self._others)
            if provider in {"*", arrival.provider} and route in {"*", arrival.route}
        ]
        return iter(sorted(found, key=lambda arrival: arrival.number))

    def deliveries(self, task_id: str | None = None) -> list[Delivery]:
        """Return the newest callbacks, oldest first."""
        return [d for d in self._deliveries if task_id is None or d.task_id == task_id]

    def clear(self) -> None:
        self._counts.clear()
        self._submissions.clear()
        self._others.clear()
        self._deliveries.clear()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, kind: str, record: dict[str, object]) -> None:
        if self._file is not None:
            self._file.write(json.dumps({"kind": kind, **record}, default=str) + "\n")
