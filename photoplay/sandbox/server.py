"""A running sandbox: start it, lead Photoplay to it, script it, and look at what happened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from photoplay.sandbox.catalogue import CATALOGUE
from photoplay.sandbox.clock import Clock
from photoplay.sandbox.control import control_routes
from photoplay.sandbox.courier import Courier
from photoplay.sandbox.fal import FalSandbox
from photoplay.sandbox.faults import ArmedFault, Fault
from photoplay.sandbox.journal import Journal
from photoplay.sandbox.kling import KlingSandbox
from photoplay.sandbox.listening import Listener
from photoplay.sandbox.options import SandboxOptions
from photoplay.sandbox.provider import Provider
from photoplay.sandbox.runway import RunwaySandbox
from photoplay.sandbox.tasks import Task
from photoplay.sandbox.world import World

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Sandbox:
    """All three look-alikes on one loopback port; `async with` it.

    Args:
        options: how it behaves; the defaults are those of `photoplay sandbox`.
        faults: scripted from the start.
        folder: for the journal's file and filmed clips; None keeps everything temporary.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        options: SandboxOptions | None = None,
        *,
        faults: Iterable[Fault] = (),
        folder: Path | None = None,
        port: int = 0,
    ) -> None:
        self._options = options or SandboxOptions()
        self._first_faults = tuple(faults)
        self._folder = folder
        self._port = port

    async def __aenter__(self) -> Self:
        world = self._world = World(self._options, self._folder)
        self._courier = Courier(world)
        self.fal = FalSandbox(world, self._courier)
        self.runway = RunwaySandbox(world, self._courier)
        self.kling = KlingSandbox(world, self._courier)
        self.providers: dict[str, Provider] = {
            p.name: p for p in (self.fal, self.runway, self.kling)
        }
        app = Starlette(
            routes=[
                Mount("/_sandbox", routes=control_routes(self)),
                *(Mount(f"/{name}", app=p.app) for name, p in self.providers.items()),
            ]
        )
        self._listener = Listener(
            _LoopbackOnly(app), world.connections, lambda: world.strikes("*", "connect")
        )
        try:
            await self._listener.open(self._port)
        except OSError:
            await world.stop_tasks()
            await world.close()
            raise
        world.base_url = f"http://127.0.0.1:{self._listener.port}"
        self.add(*self._first_faults)
        self._driver = asyncio.create_task(self._drive())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._driver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._driver
        self._world.clock.close()
        await self._world.stop_tasks()
        self._courier.clear()
        await self._listener.close()
        await self._listener.drain()
        await self._world.close()

    async def _drive(self) -> None:
        """Let time act on the tasks also while nobody asks for them."""
        while True:
            wakes = [provider.line.next_at() for provider in self.providers.values()]
            await self._world.clock.wait(min((at for at in wakes if at is not None), default=None))

    @property
    def base_url(self) -> str:
        return self._world.base_url

    @property
    def options(self) -> SandboxOptions:
        return self._world.options

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead Photoplay here instead of to the providers."""
        return {
            **self.fal.environment(),
            **self.runway.environment(),
            **self.kling.environment(),
            "PHOTOPLAY_ALLOWED_NETWORKS": "127.0.0.0/8",
        }

    @property
    def clock(self) -> Clock:
        return self._world.clock

    @property
    def journal(self) -> Journal:
        return self._world.journal

    @property
    def faults(self) -> list[ArmedFault]:
        """The faults in the book, with how often each was seen and struck."""
        return list(self._world.faults)

    def add(self, *faults: Fault | str) -> list[ArmedFault]:
        """Script faults, given as such or by a name in `CATALOGUE`.

        Raises:
            KeyError: the catalogue has no such name.
        """
        all_of_them: list[Fault] = []
        for fault in faults:
            all_of_them += CATALOGUE[fault] if isinstance(fault, str) else (fault,)
        return [self._world.faults.add(fault, self._world.now()) for fault in all_of_them]

    def remove(self, number: int) -> bool:
        """Take a fault out of the book by its number."""
        return self._world.faults.remove(number)

    def clear_faults(self) -> None:
        self._world.faults.clear()

    def count(self, route: str = "submit", provider: str = "*") -> int:
        """Return how many requests of a kind arrived, whatever became of them."""
        return self._world.journal.count(provider, route)

    def tasks(self, provider: str = "*") -> list[Task]:
        """Return the tasks that exist, as they are now."""
        chosen = [p for name, p in self.providers.items() if provider in {"*", name}]
        return [task for p in chosen for task in p.line.all()]

    @property
    def is_answering(self) -> bool:
        """Whether a request has arrived that is not answered yet."""
        return self._listener.is_answering

    def advance(self, seconds: float) -> None:
        """Move the clock, and everything that is due by then."""
        self._world.clock.advance(seconds)
        for provider in self.providers.values():
            provider.line.settle()

    def configure(self, **changes: Any) -> SandboxOptions:
        """Change options from now on; returns what holds then.

        Raises:
            pydantic.ValidationError: an unknown option or a value out of range; nothing changed.
        """
        merged = _merged(self._world.options.model_dump(), changes)
        self._world.options = SandboxOptions.model_validate(merged)
        self._world.clock.freeze(self._world.options.frozen)
        return self._world.options

    def rotate_keys(self, *, keep_old: bool = False) -> None:
        """Have fal sign with a new key; `keep_old` still shows the one before."""
        self.fal.keys.rotate(keep_old=keep_old)

    def send_callback(self, task_id: str, fault: Fault | None = None) -> bool:
        """Send one more callback about a task as it is now, honest or as a callback fault wants it.

        Returns:
            False when there is no such task, or it wants no callback in this state.
        """
        for provider in self.providers.values():
            task = provider.line.find(task_id)
            letter = provider.letter(task) if task is not None else None
            if letter is not None:
                self._courier.send(letter, fault)
                return True
        return False

    @asynccontextmanager
    async def unreachable(self) -> AsyncGenerator[None]:
        """Refuse every connection for a while, as a host that is down; tasks go on."""
        port = self._listener.port
        await self._listener.close()
        try:
            yield
        finally:
            await self._listener.open(port)

    def reset(self) -> None:
        """Forget tasks, faults and counts."""
        for provider in self.providers.values():
            provider.clear()
        self._courier.clear()
        self._world.faults.clear()
        self._world.journal.clear()
        self._world.uploads.clear()

    def now(self) -> datetime:
        return self._world.now()


class _LoopbackOnly:
    """Keeps web pages out: a page of elsewhere must not script or use the sandbox."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        name = host.rpartition(":")[0] or host
        origin = headers.get(b"origin", b"").decode("latin-1")
        if name not in _LOOPBACK or (origin and origin != f"http://{host}"):
            response = JSONResponse({"error": "the sandbox serves this machine only"}, 403)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _merged(known: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(known)
    for name, value in changes.items():
        old = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = _merged(old, value) if both else value  # pyright: ignore[reportArgumentType, reportUnknownArgumentType]
    return merged
