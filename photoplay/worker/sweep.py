"""What every worker puts right again and again: lost work items, objects and files that must go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from photoplay.db.pool import WORKER, Database
from photoplay.domain.errors import NotFoundError, PhotoplayError
from photoplay.operations.erase_job import erase_job
from photoplay.storage.objects import ObjectStore
from photoplay.telemetry import get_logger

_TIDY_EVERY_S: Final = 600.0
_UPLOAD_LIFE: Final = timedelta(days=1)
_log = get_logger(__name__)


class Sweeper:
    """Periodic repair; a round is harmless when several workers do it at once.

    Args:
        grace: how long an open job may be without a work item before it gets a new one; longer than
            a handler needs between two commits.
        scratch: folder whose files are dropped after `lifetime`, the longest that a job may take.
    """

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        worker_id: UUID,
        *,
        grace: timedelta,
        scratch: Path,
        lifetime: timedelta,
    ) -> None:
        self._database = database
        self._store = store
        self._worker_id = worker_id
        self._grace = grace
        self._scratch = scratch
        self._lifetime = lifetime
        self._tidy_at = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Sweep every half grace until told to stop; a failing round is logged and repeated."""
        while not stopping.is_set():
            try:
                await self.sweep()
                if time.monotonic() >= self._tidy_at:
                    await self.tidy()
                    self._tidy_at = time.monotonic() + _TIDY_EVERY_S
            except (PhotoplayError, OSError) as error:
                _log.warning("sweep.failed", error=getattr(error, "code", type(error).__name__))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._grace.total_seconds() / 2):
                    await stopping.wait()

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
        await self._remove_erased(again=False)
        return len(revived)

    async def tidy(self) -> int:
        """Erase what is past its retention, drop what killed workers left; number of erased jobs."""
        expired = await self._database.once(WORKER, "sweep_expired", {})
        for row in expired:
            # Erased by its user meanwhile: then it is gone, which is what was wanted.
            with contextlib.suppress(NotFoundError):
                await erase_job(self._database, WORKER, row["id"])
        if expired:
            _log.info("retention.erased", jobs=len(expired))
        await self._database.once(WORKER, "prune_engine_log", {})
        await self._database.once(WORKER, "prune_request_rates", {})
        await self._database.once(WORKER, "prune_log_lines", {})
        await self._remove_erased(again=True)
        await self._empty_folders_of_erased_users()
        await self._store.sweep_temporary(datetime.now(UTC) - _UPLOAD_LIFE)
        await asyncio.to_thread(self._drop_old_scratch)
        return len(expired)

    async def _remove_erased(self, *, again: bool) -> None:
        erased = await self._database.once(WORKER, "sweep_erased", {"again": again})
        if erased:
            paths = [row["path"] for row in erased]
            await self._store.delete(paths)
            await self._database.once(WORKER, "mark_objects_removed", {"paths": paths})

    async def _empty_folders_of_erased_users(self) -> None:
        for row in await self._database.once(WORKER, "sweep_erased_users", {}):
            folder = self._store.list_objects(str(row["user_id"]))
            await self._store.delete([info.key async for info in folder])
            await self._database.once(WORKER, "mark_folder_emptied", row)

    def _drop_old_scratch(self) -> None:
        if not self._scratch.is_dir():
            return
        oldest = time.time() - self._lifetime.total_seconds()
        for file in self._scratch.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if file.is_file() and file.stat().st_mtime < oldest:
                    file.unlink()

    async def leave(self) -> None:
        """Take this worker's row away."""
        await self._database.once(WORKER, "forget_worker", {"worker_id": self._worker_id})
