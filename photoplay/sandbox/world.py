"""What all providers of one sandbox share: time, chance, faults, journal, clips and connections."""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from photoplay.sandbox.answers import Connections, Misbehaviour
from photoplay.sandbox.clips import ClipMaker
from photoplay.sandbox.clock import Clock
from photoplay.sandbox.faults import FaultBook, Target
from photoplay.sandbox.journal import Journal
from photoplay.sandbox.options import SandboxOptions
from photoplay.sandbox.pictures import PictureReader


class World:
    """The shared state.

    Args:
        folder: where the journal's file and filmed clips go; None keeps everything temporary.
    """

    def __init__(self, options: SandboxOptions, folder: Path | None) -> None:
        self.options = options
        self.clock = Clock(frozen=options.frozen)
        # Repeatable by design: the seed decides every id and every draw.
        self._ids = random.Random(options.seed)  # noqa: S311
        self.faults = FaultBook(random.Random(options.seed + 1))  # noqa: S311
        self.journal = Journal(folder / "journal.jsonl" if folder else None)
        self.connections: Connections = {}
        self.misbehaviour = Misbehaviour(self.connections, self.clock)
        self.clips = ClipMaker(
            folder / "clips" if folder else None, quick=lambda: self.options.quick
        )
        self.uploads: dict[str, Path] = {}
        """Uploaded files by the address that requests name them with."""
        self._upload_numbers = itertools.count()
        self.pictures = PictureReader(lambda: self.session, self.uploads.get)
        self.base_url = ""
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session for everything that the providers call."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=128, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session

    async def keep_upload(self, address: str, content: bytes) -> None:
        """Keep an uploaded file on the disk."""
        # A number of its own: others are uploaded while this one is written.
        path = self.clips.folder / f"upload-{next(self._upload_numbers)}"
        await asyncio.to_thread(path.write_bytes, content)
        self.uploads[address] = path

    def now(self) -> datetime:
        return self.clock.now()

    def after(self, seconds: float) -> datetime:
        return self.now() + timedelta(seconds=seconds)

    def new_uuid(self) -> str:
        """Return the next id in UUID form; the seed decides it."""
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    def new_number(self, digits: int) -> str:
        """Return the next id in decimal form."""
        return str(self._ids.randrange(10 ** (digits - 1), 10**digits))

    def new_token(self, characters: int = 22) -> str:
        """Return a name that nobody guesses by counting."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
        return "".join(self._ids.choice(letters) for _ in range(characters))

    def strikes(self, provider: str, route: str) -> bool:
        """Say whether an answer fault hits something that is no request, such as a new connection."""
        target = Target(provider, route, "", None, None)
        return self.faults.take(frozenset({"answer"}), target, self.now()) is not None

    def spawn(self, task: asyncio.Task[Any]) -> None:
        """Keep a task of the background until it is done or the sandbox closes."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop_tasks(self) -> None:
        """End everything that runs in the background."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Let go of files, children and connections."""
        if self._session is not None:
            await self._session.close()
        self.clips.close()
        self.journal.close()
