"""The network between a worker and the providers: requests that get lost, late, or answered to nobody."""

from __future__ import annotations

import asyncio
from typing import Final

from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.network.errors import (
    DownloadGoneError,
    DownloadInterruptedError,
    DownloadTypeError,
    NotSentError,
    UnansweredError,
)
from photoplay.network.transfer import Downloaded, DownloadLimits
from tests.simulation.book import Book
from tests.simulation.store import MemoryPath
from tests.simulation.world import Process

_LATEST_S: Final = 20.0
"""A request that is under way arrives after so long at the latest."""


class Wire:
    """Stands for both the sender and the downloader of one worker."""

    def __init__(self, process: Process, book: Book) -> None:
        self._process = process
        self._world = process.world
        self._book = book

    async def send(
        self, request: HttpRequest, *, deadline_s: float, max_body_bytes: int
    ) -> HttpResponse:
        is_submission = request.method == "POST" and request.url.endswith(".sim/tasks")
        what = f"{request.method} {request.url.removeprefix('https://')}"
        if is_submission:
            # Between its last look at the clock and the wire nothing can be put in anybody's way.
            await self._process.go_on()
            self._world.note(self._process.name, f"{what} {(request.body or b'')[:8].decode()}")
        else:
            await self._process.effect(what)
        dice, trouble = self._world.dice, self._world.weather.wire
        if dice.random() < trouble:
            raise NotSentError(dice.choice(["dns", "connect", "tls", "timeout"]))
        if dice.random() < trouble:
            await self._lose(request, deadline_s)
        response = await self._travel(request, dice.random() * 0.2)
        await self._process.effect(f"answer {response.status} to {what}", quiet=True)
        if dice.random() < trouble:
            self._world.note(self._process.name, f"answer lost: {what}")
            raise UnansweredError(dice.choice(["reset", "timeout", "malformed", "cut"]))
        return response

    async def _travel(self, request: HttpRequest, seconds: float) -> HttpResponse:
        """Return the answer; what has left arrives, whatever becomes of who sent it."""
        answered: asyncio.Future[HttpResponse] = self._world.loop.create_future()

        def arrive() -> None:
            response = self._book.answer(request)
            if not answered.done():
                answered.set_result(response)

        self._world.loop.call_later(seconds, arrive)
        return await answered

    async def _lose(self, request: HttpRequest, deadline_s: float) -> None:
        """Lose sight of a request: it may never arrive, or later than anybody waits."""
        dice = self._world.dice
        if dice.random() < 0.6:
            self._world.note("wire", "a request is late")
            self._world.loop.call_later(dice.uniform(0, _LATEST_S), self._book.answer, request)
        await asyncio.sleep(dice.choice([0.0, dice.uniform(0, deadline_s), deadline_s]))
        await self._process.effect("no answer", quiet=True)
        raise UnansweredError(dice.choice(["reset", "timeout"]))

    async def download(self, url: str, into: MemoryPath, limits: DownloadLimits) -> Downloaded:
        await self._process.effect(f"download {url.removeprefix('https://')}")
        dice, trouble = self._world.dice, self._world.weather.wire
        if dice.random() < trouble * 2:
            raise dice.choice([DownloadInterruptedError("cut"), DownloadTypeError()])
        content = self._book.clip(url)
        if content is None:
            raise DownloadGoneError(403)
        await self._world.sleep(0.1, 5)
        await self._process.effect("downloaded", quiet=True)
        if dice.random() < trouble:
            self._book.damaged[content.decode().removeprefix("clip:")] += 1
            content = b"cut"
        into.write_bytes(content)
        return Downloaded(len(content), "", "video/mp4", "sim")
