"""Tells who waits for a job that it has changed: one LISTEN connection a process, fanned out.

A notification only shortens the wait. Everybody who waits looks again after a while by itself, so a
lost connection costs time, never a change.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from photoplay.db.pool import Database
from photoplay.domain.errors import UnavailableError

CHANNEL = "photoplay_jobs"
_RECONNECT_S = 1.0


class JobChanges:
    """Notifications of changed jobs; `run` it as a task for the life of the process.

    Args:
        database: on a direct address; LISTEN does not pass a transaction-mode pooler.
        role: any of our roles; hearing a job's id needs no right on the job.
    """

    def __init__(self, database: Database, *, role: str) -> None:
        self._database = database
        self._role = role
        self._waiting: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def of(self, job_id: UUID) -> Generator[asyncio.Event]:
        """Give an event that is set whenever the job changes; the waiter clears it before it looks."""
        event = asyncio.Event()
        self._waiting[job_id].add(event)
        try:
            yield event
        finally:
            waiters = self._waiting[job_id]
            waiters.discard(event)
            if not waiters:
                del self._waiting[job_id]

    async def run(self) -> None:
        """Listen until cancelled; connects again whenever the connection is lost."""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, UnavailableError):
                await asyncio.sleep(_RECONNECT_S)

    async def _listen(self) -> None:
        connection = await self._database.connect(role=self._role)
        async with connection:
            await connection.execute("listen photoplay_jobs")
            # What changed while nobody listened is found by looking now.
            self._wake(set(self._waiting))
            async for note in connection.notifies():
                try:
                    self._wake({UUID(note.payload.partition(":")[0])})
                except ValueError:
                    continue

    def _wake(self, jobs: set[UUID]) -> None:
        for job_id in jobs:
            for event in self._waiting.get(job_id, ()):
                event.set()


async def changed(event: asyncio.Event, *, within_s: float) -> bool:
    """Wait for the event and clear it; False when the time ran out first."""
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    event.clear()
    return True
