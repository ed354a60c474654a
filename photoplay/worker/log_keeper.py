"""Log lines of jobs, from this process into the database, for whoever looks at a job."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Final, Self

from photoplay.db.pool import WORKER, Database
from photoplay.domain.errors import PhotoplayError
from photoplay.telemetry import JobLine, keep_job_lines

_EVERY_S: Final = 1.0
_MOST: Final = 5000


class LogKeeper:
    """Gathers the log lines that name a job and writes them once a second, in one statement.

    While the database is away lines are lost here; they are in the log all the same.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines: deque[JobLine] = deque(maxlen=_MOST)
        self._stopping = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        keep_job_lines(self._lines.append)
        self._writing = asyncio.create_task(self._write_now_and_then(), name="log-keeper")
        return self

    async def __aexit__(self, *_: object) -> None:
        keep_job_lines(None)
        self._stopping.set()
        if self._writing is not None:
            await self._writing
        await self.write()

    async def _write_now_and_then(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await self._stopping.wait()
            await self.write()

    async def write(self) -> None:
        """Write what was gathered."""
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if not lines:
            return
        values = {
            "job_ids": [line.job_id for line in lines],
            "ats": [line.at for line in lines],
            "levels": [line.level for line in lines],
            "lines": [line.text for line in lines],
        }
        # Not said in the log when it fails: that would be one more line to write.
        with contextlib.suppress(PhotoplayError):
            await self._database.once(WORKER, "add_log_lines", values)
