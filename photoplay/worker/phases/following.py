"""How a job sleeps while its task is with a provider: woken by the follower, a callback, or its time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from photoplay.domain.job import Job
from photoplay.operations.follow_task import follow_task
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
