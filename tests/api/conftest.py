"""Real servers: uvicorn on the loopback, embedded Postgres, local store, decoder children.

The servers live as long as the test process. Tests keep apart by being different users; what would
touch others (limits of everybody, a database that goes away) has a server of its own.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from aiohttp import web

from photoplay import embedded
from photoplay.domain.outcomes import PollOutcome
from photoplay.stack import Stack
from photoplay.storage.decoders import DecoderPool
from photoplay.telemetry import configure_logs
from photoplay.worker.run import run_worker
from tests.api.room import Room, operators_key
from tests.api.serving import Person, Server, installed, served, with_identity
from tests.support.clips import ClipDriver, make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The MP4 that the worker delivers: a second of 320 x 240."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=24)


@pytest.fixture
def open_installation(
    postgres: embedded.EmbeddedPostgres, template: str, decoders: DecoderPool, tmp_path: Path
) -> Callable[..., Any]:
    """Serve an installation for one test alone, with settings of its own."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Server]:
        with installed(postgres, template, decoders, tmp_path, **settings) as stack:
            async with served(stack) as server:
                yield server

    return opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(
    postgres: embedded.EmbeddedPostgres,
    template: str,
    decoders: DecoderPool,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Server]:
    """Local mode: no identity is configured, one fixed user."""
    folder = tmp_path_factory.mktemp("local")
    with installed(postgres, template, decoders, folder, jwt_secret=None) as stack:
        async with served(stack) as running:
            yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def jwt_server(
    postgres: embedded.EmbeddedPostgres,
    template: str,
    decoders: DecoderPool,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Server]:
    """Users with tokens; no worker, so a job stays queued."""
    folder = tmp_path_factory.mktemp("jwt")
    with installed(postgres, template, decoders, folder, **with_identity()) as stack:
        async with served(stack) as running:
            yield running


@pytest.fixture
def alice(jwt_server: Server) -> Person:
    """A new user of the server without a worker."""
    return jwt_server.person()


@pytest.fixture
def bob(jwt_server: Server) -> Person:
    """Another one."""
    return jwt_server.person()


class Worker:
    """The product's worker with a provider that delivers one clip.

    Attributes:
        gate: while it is not set, the provider is still at work.
    """

    def __init__(self, server: Server, clip: Path) -> None:
        self.server = server
        self.clip = clip
        self.gate = asyncio.Event()
        self.gate.set()
        self.driver = ClipDriver(clip, server.stack.settings.scratch_dir, self.gate)
        self._success: PollOutcome = self.driver.verdict

    @asynccontextmanager
    async def drivers(self, _: Stack) -> AsyncIterator[dict[str, Any]]:
        yield {"local": self.driver}

    def person(self) -> Person:
        return self.server.person()

    def hold(self) -> None:
        """Let the provider take its time until `release`."""
        self.gate.clear()

    def release(self) -> None:
        self.gate.set()

    def answers(self, verdict: PollOutcome) -> None:
        """Let the provider end with this instead of the clip."""
        self.driver.verdict = verdict

    def restore(self) -> None:
        self.driver.verdict = self._success
        self.gate.set()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_worker(
    postgres: embedded.EmbeddedPostgres,
    template: str,
    decoders: DecoderPool,
    tmp_path_factory: pytest.TempPathFactory,
    clip: Path,
) -> AsyncIterator[Worker]:
    folder = tmp_path_factory.mktemp("worked")
    settings = with_identity(allowed_networks=(ip_network("127.0.0.0/8"),))
    with installed(postgres, template, decoders, folder, **settings) as stack:
        async with served(stack) as running:
            worker = Worker(running, clip)
            stopping = asyncio.Event()
            working = asyncio.create_task(run_worker(stack, stopping, drivers=worker.drivers))
            try:
                yield worker
            finally:
                worker.restore()
                stopping.set()
                await working


@pytest.fixture
def worker(running_worker: Worker) -> Iterator[Worker]:
    """A server of its own whose jobs are worked on."""
    yield running_worker
    running_worker.restore()


@pytest_asyncio.fixture(loop_scope="session")
async def serve_bytes() -> AsyncIterator[Callable[[bytes, str], Awaitable[str]]]:
    """Serve bytes somewhere else on the loopback and give their address."""
    runners: list[web.AppRunner] = []

    async def serve(content: bytes, content_type: str) -> str:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=content, content_type=content_type)

        app = web.Application()
        app.router.add_get("/{name}", answer)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/picture.jpg"

    yield serve
    for runner in runners:
        await runner.cleanup()


@dataclass
class Lines:
    """Log lines as an operator's collector gets them."""

    _out: io.StringIO

    def __call__(self, text: str = "") -> list[str]:
        lines = [json.loads(line) for line in self._out.getvalue().splitlines()]
        messages = [str(line.get("message", line["event"])) for line in lines]
        return [message for message in messages if text in message]

    @property
    def raw(self) -> str:
        return self._out.getvalue()


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What the process writes to stderr as JSON while the test runs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    configure_logs("json", "info")
    monkeypatch.undo()
    yield Lines(out)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest_asyncio.fixture(loop_scope="session")
async def room(jwt_server: Server) -> Room:
    """With a session open."""
    room = Room(jwt_server)
    assert (await room.enter(await operators_key(jwt_server))).status_code == 303
    return room
