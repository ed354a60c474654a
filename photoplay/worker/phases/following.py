"""How a task is followed that is with a provider: while its job sleeps, or after a callback has named it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from photoplay.domain.job import Job
from photoplay.domain.outcomes import Blocked, Failed, Found, Succeeded, Waiting
from photoplay.operations.follow_task import follow_task
from photoplay.providers.verdicts import GONE
from photoplay.worker.drivers import Driver
from photoplay.worker.tools import Sleep, Tools, attempt_of

# Nothing is expected of it: whoever polls wakes the job as soon as there is something to see.
_SAFETY: Final = timedelta(minutes=15)
_AGAIN: Final = timedelta(seconds=1)


async def keep_following(tools: Tools, job: Job) -> Sleep:
    """Leave the task to the follower, and sleep until it wakes the job or the job's time is over."""
    attempt = attempt_of(job)
    pace = tools.drivers[attempt.provider].pace
    if pace is None:
        return Sleep(_AGAIN)
    await follow_task(tools.database, job, attempt.id, pace)
    begun_at = attempt.accepted_at if job.is_terminal else None
    left = (begun_at or job.ours_since) + timedelta(seconds=tools.settings.lifetime_s) - job.now
    return Sleep(min(max(left, _AGAIN), _SAFETY))


async def confirmed_hint(driver: Driver, job: Job) -> Found | None:
    """Return the task that a callback named, once the provider itself knows it as ours."""
    attempt = attempt_of(job)
    if attempt.hinted_task_id is None:
        return None
    hinted = replace(job, attempt=replace(attempt, provider_task_id=attempt.hinted_task_id))
    match await driver.follow(hinted, lambda _: None):
        case Waiting() | Succeeded() | Blocked():
            return Found(attempt.hinted_task_id)
        case Failed(_, detail) if detail != GONE.detail:
            return Found(attempt.hinted_task_id)
        case _:
            return None
