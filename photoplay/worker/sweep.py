"""What is put right again and again, by every worker: lost work items, objects that came back, old logs."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import timedelta
from uuid import UUID

from photoplay.db.pool import WORKER, Database
from photoplay.domain.errors import PhotoplayError
from photoplay.storage.objects import ObjectStore
from photoplay.telemetry import get_logger

_log = get_logger(__name__)


class Sweeper:
    """Periodic repair; each round is harmless when several workers do it at once.

    Args:
        grace: how long an open job may be without a work item before it gets a new one; longer than
            a handler needs between two commits.
    """

    def __init__(
        self, database: Database, store: ObjectStore, worker_id: UUID, grace: timedelta
    ) -> None:
        self._database = database
        self._store = store
        self._worker_id = worker_id
        self._grace = grace

    async def run(self, stopping: asyncio.Event) -> None:
        """Sweep every half grace until told to stop; a failing round is logged and repeated."""
        while not stopping.is_set():
            try:
                await self.sweep()
            except PhotoplayError as error:
                _log.warning("sweep.failed", error=error.code)
            try:
                async with asyncio.timeout(self._grace.total_seconds() / 2):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def sweep(self) -> int:
        """Do one round and return the number of jobs that had lost their work item."""
        await self._database.once(
            WORKER,
            "seen_worker",
            {"worker_id": self._worker_id, "host": socket.gethostname(), "pid": os.getpid()},
        )
        revived = await self._database.once(WORKER, "sweep_jobs", {"grace": self._grace})
        if revived:
            _log.warning("sweep.revived", jobs=len(revived))
        erased = await self._database.once(WORKER, "sweep_erased", {})
        if erased:
            paths = [row["path"] for row in erased]
            await self._store.delete(paths)
            await self._database.once(WORKER, "mark_objects_removed", {"paths": paths})
        await self._database.once(WORKER, "prune_engine_log", {})
        return len(revived)

    async def leave(self) -> None:
        """Take this worker's row away."""
        await self._database.once(WORKER, "forget_worker", {"worker_id": self._worker_id})
