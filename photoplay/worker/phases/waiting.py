"""waiting: the provider has the task; look at it whenever there may be something to see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from photoplay.db.pool import Database
from photoplay.domain.job import Job
from photoplay.domain.outcomes import (
    Blocked,
    Failed,
    FailureCode,
    PollOutcome,
    Succeeded,
    Unchanged,
    Waiting,
)
from photoplay.domain.states import AttemptStatus
from photoplay.operations.record_progress import record_progress
from photoplay.operations.settle_attempt import record_result, record_verdict
from photoplay.telemetry import get_logger
from photoplay.worker.drivers import Driver
from photoplay.worker.phases.ending import after_verdict, fail
from photoplay.worker.phases.following import keep_following
from photoplay.worker.tools import GoOn, Tools, Verdict, attempt_of

_log = get_logger(__name__)
_PROGRESS_EVERY_S: Final = 0.5


async def waiting(tools: Tools, job: Job) -> Verdict:
    """Take one look, and go on when the task has ended."""
    attempt = attempt_of(job)
    driver = tools.drivers[attempt.provider]
    _log.info("attempt.polling", provider=attempt.provider, job_id=str(job.id))
    outcome = await _follow(tools.database, job, driver)
    status = type(outcome).__name__.lower()
    _log.info("attempt.mapped", provider=attempt.provider, raw=_raw(outcome), status=status)
    match outcome:
        case Succeeded():
            await tools.reach("waiting:before")
            await record_result(
                tools.database, job, attempt.id, outcome, charged=driver.capability.billed
            )
            await record_verdict(tools.database, attempt.provider, failed=False)
            await tools.reach("waiting")
            return GoOn()
        case Failed(refusal, detail, billed):
            return await after_verdict(tools, job, refusal, billed=billed, message=detail)
        case Blocked(_, billed):
            return await fail(
                tools,
                job,
                FailureCode.CONTENT_REFUSED,
                charged=billed,
                ending=AttemptStatus.BLOCKED,
            )
        case Waiting(progress):
            if progress is not None:
                await record_progress(tools.database, job, progress)
            return await keep_following(tools, job)
        case Unchanged():
            return await keep_following(tools, job)


def _raw(outcome: PollOutcome) -> str:
    match outcome:
        case Waiting(_, started):
            return "running" if started else "queued"
        case Failed(refusal):
            return refusal
        case Blocked(side):
            return f"blocked_{side}"
        case Unchanged(reason):
            return reason
        case Succeeded():
            return "finished"


async def _follow(database: Database, job: Job, driver: Driver) -> PollOutcome:
    """Look at the task; while that takes long, write its newest progress now and then."""
    newest: list[float] = []
    report: Callable[[float], None] = newest.append

    async def write() -> None:
        while True:
            await asyncio.sleep(_PROGRESS_EVERY_S)
            if newest:
                fraction = newest[-1]
                newest.clear()
                await record_progress(database, job, fraction)

    writer = asyncio.create_task(write())
    try:
        return await driver.follow(job, report)
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
