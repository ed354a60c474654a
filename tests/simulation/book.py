"""The providers' side: what arrived, what was begun, what was billed. It is the judge of submissions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from photoplay.domain.http import HttpRequest, HttpResponse
from tests.simulation.provider import Provider
from tests.simulation.world import World

ENDINGS: Final = {
    "video": 76,
    "failed fault no": 7,
    "failed fault yes": 2,
    "failed fault maybe": 2,
    "failed unavailable no": 2,
    "failed bad_input no": 1,
    "blocked input no": 3,
    "blocked output yes": 2,
    "stuck": 2,
}
"""How tasks end, and how often; `yes`, `no` and `maybe` say what is billed."""
_NAMES: Final = list(ENDINGS)
_WEIGHTS: Final = list(ENDINGS.values())
_ADDRESS_LIVES_S: Final = 120.0
RESULT_LIVES_S: Final = 600.0


@dataclass(slots=True)
class Made:
    """A task that a provider accepted.

    Attributes:
        handle: of its submission, which is the attempt's id.
        job_id: None where the attempt's row was gone already.
        ends_at: None for a task that never ends.
        is_costly: whether a `maybe` was billed.
    """

    id: str
    provider: str
    handle: str
    job_id: UUID | None
    made_at: float
    ends_at: float | None
    ending: str
    is_costly: bool
    cost: float | None = None
    """What the provider says it cost; None where it does not say."""
    stopped_at: float | None = None
    """When it was stopped before its end."""
    stop_asked_at: float | None = None
    seen_at: float = field(default=0.0)
    """From when on the history shows it."""

    def has_ended(self, now: float) -> bool:
        return self.stopped_at is not None or (self.ends_at is not None and now >= self.ends_at)

    def is_billed(self, now: float) -> bool:
        if self.stopped_at is not None or self.ends_at is None or now < self.ends_at:
            return False
        return (
            self.ending == "video"
            or self.ending.endswith("yes")
            or (self.ending.endswith("maybe") and self.is_costly)
        )

    def may_cost(self, now: float) -> bool:
        """Return whether it has been billed or may still be."""
        return self.is_billed(now) if self.has_ended(now) else True


class Book:
    """All providers' tasks.

    Attributes:
        rules: holds each arriving submission against the rows.
        call_back: called with address and task when a task has been accepted.
    """

    def __init__(
        self,
        world: World,
        providers: dict[str, Provider],
    ) -> None:
        self._world = world
        self._providers = providers
        self.rules: Callable[[str, Made | None], None] = lambda *_: None
        self.call_back: Callable[[str, Made], None] = lambda *_: None
        self.tasks: dict[str, Made] = {}
        self.of_handle: dict[str, Made] = {}
        self.arrived: dict[str, int] = {}
        """Submissions that arrived, by handle, refused ones too."""
        self.damaged: Counter[str] = Counter()
        """How often what was fetched of a clip was no clip, by its task."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Do what the request asks for, now."""
        host, _, path = request.url.removeprefix("https://").partition("/")
        provider = self._providers[host.removesuffix(".sim")]
        route, _, name = path.partition("/")
        match request.method, route:
            case "POST", "tasks":
                handle, address = (request.body or b"").decode().split()
                return self._accept(provider, handle, address)
            case "GET", "history":
                return self._history(name)
            case "GET", "tasks" | "results":
                return self._status(provider, name, is_result=route == "results")
            case "POST", "stops":
                return self._stop(name)
            case "POST", "places":
                return _say(f"place {self._world.dice.randrange(1 << 30)}")
        return _say("ok")

    def _accept(self, provider: Provider, handle: str, address: str) -> HttpResponse:
        world = self._world
        self.arrived[handle] = self.arrived.get(handle, 0) + 1
        if world.dice.random() < world.weather.wire * 3:
            self.rules(handle, None)
            status = world.dice.choice([400, 402, 401, 422, 429, 429, 503, 503])
            pause = {"retry-after": str(world.dice.randrange(1, 20))} if status == 429 else {}
            return HttpResponse(status, pause, b"refused")
        made = self._make(provider, handle)
        self.tasks[made.id] = made
        self.of_handle[handle] = made
        self.rules(handle, made)
        if address != "-":
            self.call_back(address, made)
        if world.dice.random() < world.weather.wire:
            return HttpResponse(world.dice.choice([200, 500, 502]), {}, b"<html>")
        return _say(f"task {made.id}")

    def _make(self, provider: Provider, handle: str) -> Made:
        world, dice = self._world, self._world.dice
        now = world.loop.time()
        attempt = world.tables.attempts.get(UUID(handle))
        is_calm = world.peace_at == 0
        ending = "video" if is_calm else dice.choices(_NAMES, _WEIGHTS)[0]
        takes = dice.choice([0.5, 5, 10, 30, 100]) * dice.uniform(0.5, 2)
        return Made(
            id=f"{provider.name}-{len(self.tasks) + 1}",
            provider=provider.name,
            handle=handle,
            job_id=attempt["job_id"] if attempt else None,
            made_at=now,
            ends_at=None if ending == "stuck" else now + takes,
            ending=ending,
            is_costly=dice.random() < 0.5,
            cost=dice.choice([None, 0.9, 1.0]),
            seen_at=now + dice.choice([0, 0, 5, 30]),
        )

    def _history(self, handle: str) -> HttpResponse:
        made = self.of_handle.get(handle)
        if made is None or self._world.loop.time() < made.seen_at:
            return _say("none")
        return _say(f"task {made.id}")

    def _status(self, provider: Provider, task_id: str, *, is_result: bool) -> HttpResponse:
        made, now = self.tasks.get(task_id), self._world.loop.time()
        dice = self._world.dice
        if made is None:
            return HttpResponse(404, {}, b"")
        if dice.random() < self._world.weather.wire:
            return _flap(dice.choice(["html", "500", "404", "429"]), now - made.made_at)
        if made.stopped_at is not None:
            return _say("failed fault no")
        if not made.has_ended(now):
            return _say(f"waiting {dice.choice(['-', '0.1', '0.5', '0.9'])}")
        if provider.asks_twice and not is_result:
            return _say("ended")
        if made.ending == "video":
            version = int((now - (made.ends_at or 0)) / _ADDRESS_LIVES_S)
            cost = "-" if made.cost is None else made.cost
            return _say(f"video https://{provider.name}.sim/clips/{task_id}/{version} {cost}")
        return _say(made.ending)

    def _stop(self, task_id: str) -> HttpResponse:
        made, now = self.tasks.get(task_id), self._world.loop.time()
        if made is None:
            return HttpResponse(404, {}, b"")
        made.stop_asked_at = made.stop_asked_at or now
        if not made.has_ended(now) and (made.ends_at is None or self._world.dice.random() < 0.7):
            made.stopped_at = now
        return _say("ok")

    def clip(self, address: str) -> bytes | None:
        """Return the bytes at an address, None where it has expired."""
        _, _, path = address.removeprefix("https://").partition("/")
        _, task_id, version = path.split("/")
        made = self.tasks[task_id]
        age = self._world.loop.time() - (made.ends_at or 0)
        if age > RESULT_LIVES_S or int(age / _ADDRESS_LIVES_S) > int(version):
            return None
        return f"clip:{task_id}".encode()


def _say(text: str) -> HttpResponse:
    return HttpResponse(200, {}, text.encode())


def _flap(how: str, age_s: float) -> HttpResponse:
    match how:
        case "429":
            return HttpResponse(429, {"retry-after": "7"}, b"")
        case "404" if age_s < 30:
            return HttpResponse(404, {}, b"")
        case "500":
            return HttpResponse(500, {}, b"")
    return HttpResponse(200, {}, b"<html>")
