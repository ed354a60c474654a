"""One wake-up of one job: claim it, run its phases while they go on, let it go.

While a phase runs, the lease is kept alive and the job is watched: a lost lease, a cancelled or an
erased job stops the phase within moments.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import UUID, uuid4

import structlog

from photoplay.db.changes import JobChanges
from photoplay.db.pool import WORKER, Database
from photoplay.domain.errors import (
    IllegalTransitionError,
    LeaseLostError,
    PhotoplayError,
    UnavailableError,
)
from photoplay.domain.job import Job, poster_path, video_path
from photoplay.domain.retry import backoff
from photoplay.domain.states import Phase, Status
from photoplay.operations.claim_job import Busy, claim_job, release_job, renew_lease
from photoplay.telemetry import get_logger
from photoplay.worker import engine
from photoplay.worker.phases import expire, lane_of, run_phase
from photoplay.worker.tools import Done, GoOn, Sleep, Tools, Verdict

_log = get_logger(__name__)
# A stopping worker finishes what is under way and hands back what is not.
_NOT_BEGUN = frozenset({Phase.ACCEPTED, Phase.PREPARING})


class JobHandler:
    """Handles work items; one a process.

    Args:
        worker_id: who holds the leases of this process.
    """

    def __init__(self, tools: Tools, changes: JobChanges, worker_id: UUID | None = None) -> None:
        self._tools = tools
        self._changes = changes
        self.worker_id = worker_id or uuid4()
        self.stopping = asyncio.Event()

    @property
    def _database(self) -> Database:
        return self._tools.database

    async def __call__(self, job_id: UUID, item_id: int, lane: str) -> None:
        """Bring the job as far as it goes now.

        Raises:
            PhotoplayError: the database does not answer; the engine's time-out brings the item back.
        """
        lease = self._tools.settings.lease
        claimed = await claim_job(
            self._database, job_id, item_id=item_id, worker_id=self.worker_id, lease=lease
        )
        match claimed:
            case None:
                return
            case Busy():
                # Look again when that lease is over; a live holder renews it and we come again.
                await self._wake(job_id, lease / 2, lane)
            case Job():
                with structlog.contextvars.bound_contextvars(
                    job_id=str(job_id),
                    attempt_id=str(claimed.attempt.id) if claimed.attempt else None,
                ):
                    await self._work(claimed, lane)

    async def _wake(self, job_id: UUID, delay: timedelta, lane: str) -> None:
        await self._database.once(
            WORKER, "wake_job", {"job_id": job_id, "delay": delay, "lane": lane}
        )

    async def _work(self, job: Job, lane: str) -> None:
        try:
            await self._advance(job, lane)
        except LeaseLostError:
            _log.info("lease.lost", job_id=str(job.id))
            await self._drop_if_erased(job)
        except asyncio.CancelledError:
            await asyncio.shield(
                release_job(self._database, job, wake_after=timedelta(0), lane=lane)
            )
            raise
        except IllegalTransitionError:
            # Ended by somebody else meanwhile: whoever comes next finds it terminal and tidies up.
            await release_job(self._database, job, wake_after=timedelta(seconds=1), lane=lane)
            await self._drop_if_erased(job)
        except Exception as error:  # noqa: BLE001 -- the edge of a handler: logged, tried again later
            pause = backoff(
                job.failures + 1,
                first=timedelta(seconds=1),
                ceiling=timedelta(minutes=1),
                jitter=random.random(),  # noqa: S311 -- spreads retries, hides nothing
            )
            known = isinstance(error, PhotoplayError) and error.retryable
            _log.warning(
                "job.interrupted",
                error=type(error).__name__,
                retry_in_s=round(pause.total_seconds(), 1),
                exc_info=not known,
            )
            await release_job(self._database, job, wake_after=pause, lane=lane, failed=True)

    async def _drop_if_erased(self, job: Job) -> None:
        """Drop what this worker holds and may just have stored of a job that is there no longer.

        What cannot be dropped now goes with a sweep.
        """
        driver = self._tools.drivers.get(job.attempt.provider) if job.attempt else None
        with contextlib.suppress(PhotoplayError):
            rows = await self._database.once(WORKER, "get_job_version", {"job_id": job.id})
            if not rows or rows[0]["erased_at"] is not None:
                if driver is not None:
                    await driver.discard(job)
                paths = [video_path(job.user_id, job.id), poster_path(job.user_id, job.id)]
                await self._tools.store.delete(paths)

    async def _advance(self, job: Job, lane: str) -> None:
        while True:
            wanted = lane_of(self._tools, job)
            if wanted is not None and wanted != lane:
                await release_job(self._database, job, wake_after=timedelta(0), lane=wanted)
                return
            async with self._kept(job):
                verdict = await self._run(job)
            match verdict:
                case Done():
                    await release_job(self._database, job, wake_after=None, lane=lane)
                    return
                case Sleep(delay):
                    await release_job(self._database, job, wake_after=delay, lane=lane)
                    return
                case GoOn():
                    if self.stopping.is_set() and job.phase in _NOT_BEGUN:
                        await release_job(self._database, job, wake_after=timedelta(0), lane=lane)
                        return
                    fresh = await self._read(job)
                    if fresh is None:
                        return
                    job = fresh

    async def _run(self, job: Job) -> Verdict:
        if self._is_over(job):
            return await expire(self._tools, job)
        return await run_phase(self._tools, job)

    def _is_over(self, job: Job) -> bool:
        is_paid_for = job.phase is Phase.STORING and job.attempt is not None
        if is_paid_for and job.attempt and job.attempt.provider in self._tools.drivers:
            # The clip is there: it is kept trying for as long as its provider keeps it.
            return False
        lifetime = timedelta(seconds=self._tools.settings.lifetime_s)
        return not job.is_terminal and job.now - job.ours_since > lifetime

    async def _read(self, job: Job) -> Job | None:
        rows = await self._database.once(WORKER, "get_claimed_job", {"job_id": job.id})
        return Job.from_row(rows[0], job.fence) if rows else None

    @contextlib.asynccontextmanager
    async def _kept(self, job: Job) -> AsyncGenerator[None]:
        """Keep the lease and watch the job; stop what runs inside when either says so."""
        step = asyncio.current_task()
        if step is None:
            raise AssertionError("a phase runs in a task")
        stopped_by: list[Exception] = []
        over = asyncio.Event()

        async def guard() -> None:
            try:
                await self._guard(job, over)
            except PhotoplayError as error:
                # What is over needs no stopping: its own next commit will tell.
                if not over.is_set():
                    stopped_by.append(error)
                    step.cancel()

        watcher = asyncio.create_task(guard())
        try:
            yield
        except asyncio.CancelledError:
            if not stopped_by:
                raise
            # The cancellation was ours: it ends here, as the error that caused it.
            step.uncancel()
            raise stopped_by[0] from None
        finally:
            # Told, not cancelled: it may be in the middle of a statement.
            over.set()
            await asyncio.wait({watcher})

    async def _guard(self, job: Job, over: asyncio.Event) -> None:
        """Renew the lease in time, and look at the job whenever it may have changed.

        A database that is away for a moment stops nothing: only when the lease would have run out is
        the job no longer ours to work on.
        """
        lease_s = self._tools.settings.lease_s
        loop = asyncio.get_running_loop()
        lost_at, due = loop.time() + lease_s, loop.time() + lease_s / 3
        with self._changes.of(job.id) as event:
            while True:
                await _any_of(event, over, within_s=max(due - loop.time(), 0.01))
                if over.is_set():
                    return
                event.clear()
                try:
                    if loop.time() >= due:
                        began = loop.time()
                        await renew_lease(self._database, job, self._tools.settings.lease)
                        lost_at, due = began + lease_s, began + lease_s / 3
                    await self._stop_if_ended(job)
                except UnavailableError:
                    if loop.time() >= lost_at:
                        raise
                    due = loop.time() + min(lease_s / 10, 1.0)

    async def _stop_if_ended(self, job: Job) -> None:
        if job.is_terminal:
            return
        # Also without a notification: one may have been missed.
        rows = await self._database.once(WORKER, "get_job_version", {"job_id": job.id})
        # The other endings are ours alone to write, as long as the lease holds.
        if not rows or (rows[0]["status"] == Status.CANCELLED and not rows[0]["is_sending"]):
            raise IllegalTransitionError("the job was ended meanwhile")


async def _any_of(*events: asyncio.Event, within_s: float) -> None:
    """Wait until one of the events is set, or the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def lanes(render_processes: int) -> list[engine.Lane]:
    """Return the lanes of a worker: many short steps, and as many clips as it has children."""
    return [
        engine.Lane(engine.STEPS, capacity=64, batch=10),
        engine.Lane(engine.RENDER, capacity=2 * render_processes, batch=render_processes),
    ]
