"""Looks at tasks that providers have accepted, and wakes the jobs of those that have moved.

A job that waits for a provider sleeps; here its task is polled, account by account. What is due is taken
in batches that all workers share: within the account's rate, users in turn, each task's next poll set
as it is taken. So an unchanged answer writes nothing, and what a lost worker took is simply due again.

A look decides nothing: the job that it wakes reads the provider itself, under its lease.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from photoplay.db.pool import WORKER, Database
from photoplay.domain.errors import PhotoplayError
from photoplay.domain.outcomes import PollOutcome, Unchanged, Waiting
from photoplay.operations.follow_task import DueTask, Pace, slow_polls, take_polls
from photoplay.providers.protocol import More, Task
from photoplay.telemetry import get_logger
from photoplay.worker.drivers import Driver
from photoplay.worker.drivers.remote import RemoteDriver

_AT_ONCE: Final = 128
"""Polls of one account under way in one worker."""
_ROUND: Final = timedelta(milliseconds=100)
"""Least time between two batches: what falls due meanwhile is taken together."""
_AFTER_ERROR: Final = timedelta(seconds=1)
_LONGEST_HOLD: Final = timedelta(minutes=2)
_PROGRESS_STEP: Final = 0.05
"""How much further a task must be before its job is woken to say so."""
_log = get_logger(__name__)


class Follower:
    """Polls the tasks of one account; `run` it for the life of a worker.

    Args:
        drivers: of the account's models, by the name that attempts carry.
        lifetime: the longest that a task is followed; then its job is woken to end it.
    """

    def __init__(
        self,
        database: Database,
        pace: Pace,
        drivers: Mapping[str, RemoteDriver],
        lifetime: timedelta,
    ) -> None:
        self._database = database
        self._pace = pace
        self._drivers = drivers
        self._lifetime = lifetime
        self._looks: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow until told to stop; a round that fails is logged and repeated."""
        while not stopping.is_set():
            try:
                pause = await self.begin_looks()
            except Exception as error:  # noqa: BLE001 -- the edge of the loop: logged, tried again
                self._log_failure(error)
                pause = _AFTER_ERROR
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await stopping.wait()
        for look in self._looks:
            look.cancel()
        await self.finish_looks()

    async def begin_looks(self) -> timedelta:
        """Begin to look at what is due, and return how long nothing more will be."""
        shortest = self._pace.shortest
        round_time = min(_ROUND, shortest / 2)
        free = _AT_ONCE - len(self._looks)
        if free <= 0:
            return round_time
        due, upcoming = await take_polls(self._database, self._pace, most=free)
        for task in due:
            look = asyncio.create_task(self._look(task))
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)
        # A task that is accepted meanwhile is not due before nine tenths of the shortest pause.
        return max(min(upcoming or shortest, shortest * 0.9), round_time)

    async def finish_looks(self) -> None:
        """Return when every look that was begun is over."""
        if self._looks:
            await asyncio.wait(set(self._looks))

    async def _look(self, due: DueTask) -> None:
        driver = self._drivers.get(due.provider)
        if driver is None:
            return
        try:
            if due.taken_at - due.accepted_at > self._lifetime:
                await self._wake(due, driver)
                return
            task = Task(due.task_id, due.model, due.accepted_at)
            outcome = await driver.look(task, due.taken_at)
            _log.debug(
                "task.looked_at",
                job_id=str(due.job_id),
                provider=due.provider,
                outcome=type(outcome).__name__.lower(),
                late_s=round((due.taken_at - due.due_at).total_seconds(), 3),
            )
            if isinstance(outcome, Unchanged) and outcome.retry_after is not None:
                await self._slow_down(outcome.retry_after)
            elif has_moved(due, outcome):
                await self._wake(due, driver)
        except Exception as error:  # noqa: BLE001 -- the edge of a look: the task is due again anyway
            self._log_failure(error)

    async def _wake(self, due: DueTask, driver: RemoteDriver) -> None:
        values = {"job_id": due.job_id, "delay": None, "lane": driver.lane}
        await self._database.once(WORKER, "wake_job", values)

    def _log_failure(self, error: Exception) -> None:
        known = isinstance(error, PhotoplayError) and error.retryable
        _log.warning(
            "follow.failed",
            account=self._pace.account,
            error=type(error).__name__,
            exc_info=None if known else error,
        )

    async def _slow_down(self, asked: timedelta) -> None:
        _log.warning("follow.slowed", account=self._pace.account, pause_s=asked.total_seconds())
        await slow_polls(self._database, self._pace, min(asked, _LONGEST_HOLD))


def has_moved(due: DueTask, outcome: PollOutcome | More) -> bool:
    """Return whether the job has something to write down."""
    match outcome:
        case Unchanged():
            return False
        case Waiting(progress):
            return progress is not None and progress >= (due.progress or 0) + _PROGRESS_STEP
        case _:
            return True


async def follow(
    database: Database,
    drivers: Mapping[str, Driver],
    lifetime: timedelta,
    stopping: asyncio.Event,
) -> None:
    """Follow the tasks of every account that the drivers belong to, until told to stop."""
    accounts: dict[Pace, dict[str, RemoteDriver]] = {}
    for name, driver in drivers.items():
        if isinstance(driver, RemoteDriver):
            accounts.setdefault(driver.pace, {})[name] = driver
    followers = [Follower(database, pace, group, lifetime) for pace, group in accounts.items()]
    await asyncio.gather(*(follower.run(stopping) for follower in followers))
