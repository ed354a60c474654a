"""submitting: the one submission of an attempt, and finding out what became of one whose answer was lost."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Final

from photoplay.domain.errors import IllegalTransitionError
from photoplay.domain.job import Attempt, Job
from photoplay.domain.outcomes import (
    Absent,
    Accepted,
    FailureCode,
    Found,
    Refusal,
    Refused,
    SubmitOutcome,
    Undecided,
    Unknown,
)
from photoplay.domain.routing import INTERRUPTED
from photoplay.domain.states import AttemptStatus
from photoplay.operations.record_submission import (
    mark_sent,
    record_acceptance,
    record_late_acceptance,
    record_unknown,
)
from photoplay.operations.settle_attempt import prepare_again, record_late_end
from photoplay.telemetry import get_logger
from photoplay.worker.drivers import NotPlacedError
from photoplay.worker.phases.ending import after_verdict, fail
from photoplay.worker.phases.following import confirmed_hint
from photoplay.worker.tools import GoOn, Sleep, Tools, Verdict, attempt_of

_log = get_logger(__name__)
_FIRST_LOOK: Final = timedelta(seconds=2)
_LONGEST_LOOK: Final = timedelta(seconds=60)


async def send(tools: Tools, job: Job) -> Verdict:
    """Place the picture, then send the submission: once, under the lease that wrote the attempt."""
    attempt = attempt_of(job)
    driver = tools.drivers[attempt.provider]
    try:
        picture = await driver.place(job, attempt.id)
    except NotPlacedError:
        return await after_verdict(tools, job, Refusal.UNAVAILABLE, billed=False)
    placed = _all_it_is_found_by(picture, attempt)
    leaves_at = _clock_s()
    await mark_sent(tools.database, job, attempt.id, placed_picture=placed)
    await tools.reach("submitting:sent")
    if _clock_s() - leaves_at > tools.settings.lease_s:
        # The process was paused. Somebody else may have looked for it in vain and begun another attempt;
        # if not, this one is begun anew. It is the last moment: from here on it leaves at once.
        await prepare_again(tools.database, job, attempt.id, refusal=INTERRUPTED, charged=False)
        return GoOn()
    outcome = await driver.submit(job, picture)
    await tools.reach("submitting:before")
    try:
        return await _write_down(tools, job, outcome)
    except IllegalTransitionError:
        return await _write_down_late(tools, job, outcome)


async def _write_down(tools: Tools, job: Job, outcome: SubmitOutcome) -> Verdict:
    attempt = attempt_of(job)
    match outcome:
        case Accepted(task_id):
            cost = tools.drivers[attempt.provider].estimate_usd(job)
            await record_acceptance(tools.database, job, attempt.id, task_id, cost_usd=cost)
            _log.info("attempt.accepted", provider=attempt.provider, task_id=task_id)
            await tools.reach("submitting")
            return GoOn()
        case Unknown(reason):
            await record_unknown(tools.database, job, attempt.id)
            _log.warning("attempt.unknown", provider=attempt.provider, reason=reason)
            return Sleep(_FIRST_LOOK)
        case Refused(refusal, detail, retry_after):
            return await after_verdict(
                tools, job, refusal, billed=False, pause=retry_after, message=detail
            )


async def _write_down_late(tools: Tools, job: Job, outcome: SubmitOutcome) -> Verdict:
    """The job was ended while the answer was on its way: what was accepted is stopped, not lost."""
    attempt = attempt_of(job)
    match outcome:
        case Accepted(task_id):
            cost = tools.drivers[attempt.provider].estimate_usd(job)
            await record_late_acceptance(tools.database, job, attempt.id, task_id, cost_usd=cost)
            _log.info("attempt.accepted", provider=attempt.provider, task_id=task_id)
        case Refused():
            await record_late_end(
                tools.database, job, attempt.id, AttemptStatus.FAILED, None, charged=False
            )
        case Unknown():
            await record_unknown(tools.database, job, attempt.id)
    return GoOn()


def _clock_s() -> float:
    """Return seconds of a clock that also counts while this machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _all_it_is_found_by(picture: str, attempt: Attempt) -> str | None:
    """Return the picture's address where a provider gave it and it names nothing of ours."""
    is_address = picture.startswith(("https://", "http://"))
    return picture if is_address and attempt.id.hex not in picture else None


async def submitting(tools: Tools, job: Job) -> Verdict:
    """A submission found here was begun under another lease: resolve it, never send it again."""
    attempt = attempt_of(job)
    if attempt.status is AttemptStatus.SUBMITTING:
        if attempt.sent_at is None:
            # Only the lease that wrote it could have sent it, after saying so: nothing has left.
            await prepare_again(tools.database, job, attempt.id, refusal=INTERRUPTED, charged=False)
            return GoOn()
        await record_unknown(tools.database, job, attempt.id)
        job = replace(job, attempt=replace(attempt, status=AttemptStatus.UNKNOWN))
    return await resolve(tools, job)


async def resolve(tools: Tools, job: Job) -> Verdict:
    """Look for an unknown submission: a callback's hint, the provider's history, an id of ours."""
    attempt = attempt_of(job)
    driver = tools.drivers[attempt.provider]
    match await confirmed_hint(driver, job) or await driver.resolve(job):
        case Found(task_id):
            cost = driver.estimate_usd(job)
            await record_acceptance(tools.database, job, attempt.id, task_id, cost_usd=cost)
            _log.info("attempt.found", provider=attempt.provider, task_id=task_id)
            await tools.reach("resolved")
            return GoOn()
        case Absent():
            # It definitely never arrived: nothing is billed, and the job may be tried again.
            return await after_verdict(
                tools, job, Refusal.UNAVAILABLE, billed=False, ending=AttemptStatus.LOST
            )
        case Undecided():
            return await _wait_or_lose(tools, job)


async def _wait_or_lose(tools: Tools, job: Job) -> Verdict:
    attempt = attempt_of(job)
    since = job.now - (attempt.sent_at or attempt.created_at or job.created_at)
    window = tools.drivers[attempt.provider].patience.recovery_window
    if since < window:
        return Sleep(min(max(since / 4, _FIRST_LOOK), _LONGEST_LOOK))
    _log.error("attempt.lost", provider=attempt.provider)
    if tools.settings.lost_policy == "retry":
        # The operator accepts that both may be billed; the log and the attempts show it.
        return await after_verdict(
            tools, job, Refusal.UNAVAILABLE, billed=None, ending=AttemptStatus.LOST, again=True
        )
    return await fail(
        tools, job, FailureCode.OUTCOME_UNKNOWN, charged=None, ending=AttemptStatus.LOST
    )
