"""How a try or a job ends without a video, and what is looked after once a job is terminal."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final
from uuid import UUID

from photoplay.domain.job import Job
from photoplay.domain.outcomes import (
    FAILURE_TEXTS,
    Absent,
    Blocked,
    Failed,
    FailureCode,
    Found,
    Refusal,
    ResolveOutcome,
    Succeeded,
    Unchanged,
    Undecided,
    Waiting,
)
from photoplay.domain.routing import RETRIED_BY_POLICY, Try, pause_before_next
from photoplay.domain.states import AttemptStatus
from photoplay.operations.erase_elsewhere import held_tasks, mark_erased_there
from photoplay.operations.record_submission import record_late_acceptance, record_unknown
from photoplay.operations.settle_attempt import (
    mark_cancel_asked,
    prepare_again,
    record_late_end,
    record_verdict,
    settle_failure,
)
from photoplay.providers.protocol import Task
from photoplay.telemetry import get_logger
from photoplay.worker.drivers import Driver
from photoplay.worker.phases.following import confirmed_hint, keep_following
from photoplay.worker.tools import Done, Sleep, Tools, Verdict, attempt_of

_log = get_logger(__name__)
_ASK_AGAIN: Final = timedelta(seconds=15)
_LONGEST_SLEEP: Final = timedelta(minutes=15)
_ATTENTION: Final = frozenset({Refusal.NO_CREDIT, Refusal.UNAUTHENTICATED})
_UNRESOLVED: Final = frozenset(
    {AttemptStatus.SUBMITTING, AttemptStatus.UNKNOWN, AttemptStatus.LOST}
)
_RETRYABLE: Final = frozenset(
    {FailureCode.PROVIDERS_UNAVAILABLE, FailureCode.SPEND_CAP_REACHED, FailureCode.EXPIRED}
)


async def after_verdict(
    tools: Tools,
    job: Job,
    refusal: Refusal,
    *,
    billed: bool | None,
    pause: timedelta | None = None,
    message: str = "",
    ending: AttemptStatus = AttemptStatus.FAILED,
    again: bool = False,
) -> Verdict:
    """Decide after a definite verdict against the attempt: final for the job, or another try.

    Args:
        billed: whether this try cost or may cost money; then there is no other one.
        pause: the provider's own wish (Retry-After).
        message: what the user may be shown, for bad input.
        again: try again although this one may be billed: the operator's policy for lost attempts.
    """
    attempt = attempt_of(job)
    is_outage = refusal in {Refusal.UNAVAILABLE, Refusal.FAULT} or refusal in _ATTENTION
    if is_outage and ending is AttemptStatus.FAILED:
        attention = str(refusal) if refusal in _ATTENTION else None
        await record_verdict(tools.database, attempt.provider, failed=True, attention=attention)
        if attention:
            _log.error("provider.needs_operator", provider=attempt.provider, reason=attention)
    if refusal is Refusal.CONTENT:
        return await fail(
            tools, job, FailureCode.CONTENT_REFUSED, charged=billed, ending=AttemptStatus.BLOCKED
        )
    if refusal is Refusal.BAD_INPUT:
        return await fail(
            tools,
            job,
            FailureCode.IMAGE_REJECTED,
            charged=billed,
            ending=ending,
            message=message or None,
        )
    if job.adopted_at is not None or (billed is not False and not again):
        # The older system's one submission is the last one of a job that was taken over.
        return await fail(tools, job, FailureCode.PROVIDER_FAILED, charged=billed, ending=ending)
    await prepare_again(
        tools.database,
        job,
        attempt.id,
        refusal=refusal,
        charged=billed,
        ending=ending,
        error=RETRIED_BY_POLICY if again else None,
    )
    _log.info("attempt.failed", provider=attempt.provider, refusal=refusal)
    tries = (*job.tries, Try(attempt.provider, refusal, billed))
    own = pause_before_next(tries, attempt.provider, random.random())  # noqa: S311 -- spreads retries
    return Sleep(max(own, pause or timedelta(0)))


async def fail(
    tools: Tools,
    job: Job,
    code: FailureCode,
    *,
    charged: bool | None,
    ending: AttemptStatus | None = None,
    message: str | None = None,
) -> Verdict:
    """End the job without a video.

    Args:
        charged: whether the newest attempt was; those before it count by themselves.
        ending: of the newest attempt, where it is still open.
    """
    text = message or FAILURE_TEXTS[code]
    await settle_failure(
        tools.database,
        job,
        code,
        text,
        charged=charged,
        retryable=code in _RETRYABLE,
        attempt_status=ending,
    )
    # A refused submission was never a video job to the operators of the older system.
    event = "job.submission_failed" if _was_never_accepted(job) else "job.failed"
    _log.warning(event, job_id=str(job.id), error=text, code=str(code))
    if job.attempt is not None and job.attempt.provider in tools.drivers:
        await tools.drivers[job.attempt.provider].discard(job)
    return Done()


def _was_never_accepted(job: Job) -> bool:
    return job.attempt is None or job.attempt.provider_task_id is None


async def expire(tools: Tools, job: Job) -> Verdict:
    """End a job whose lifetime is over without a verdict."""
    attempt = job.attempt
    if attempt is None or not attempt.is_open:
        return await fail(tools, job, FailureCode.EXPIRED, charged=False)
    driver = tools.drivers.get(attempt.provider)
    is_free = driver is not None and not driver.capability.billed
    if attempt.status is AttemptStatus.SUBMITTING and attempt.sent_at is not None:
        await record_unknown(tools.database, job, attempt.id)
        return Sleep(timedelta(0))
    endings = {
        AttemptStatus.SUBMITTING: AttemptStatus.FAILED,
        AttemptStatus.UNKNOWN: AttemptStatus.LOST,
        AttemptStatus.ACCEPTED: AttemptStatus.EXPIRED,
        AttemptStatus.RUNNING: AttemptStatus.EXPIRED,
    }
    was_sent = attempt.sent_at is not None
    return await fail(
        tools,
        job,
        FailureCode.EXPIRED,
        charged=False if is_free or not was_sent else None,
        ending=endings[attempt.status],
    )


async def done(tools: Tools, job: Job) -> Verdict:
    """Look after what a terminal job left at a provider: stop it, and learn what it cost.

    Of an erased job the provider is also asked to delete what it holds.
    """
    verdict = await _look_after(tools, job)
    if job.erased_at is not None and isinstance(verdict, Done):
        return await _erase_elsewhere(tools, job)
    return verdict


async def _erase_elsewhere(tools: Tools, job: Job) -> Verdict:
    asked: list[UUID] = []
    held = await held_tasks(tools.database, job.id)
    for task in held:
        driver = tools.drivers.get(task.provider)
        there = Task(task.provider_task_id, task.model, task.accepted_at)
        if driver is None or await driver.erase(there, job.now):
            asked.append(task.id)
    is_over = await mark_erased_there(tools.database, job.id, asked)
    return Done() if is_over or len(asked) == len(held) else Sleep(_LONGEST_SLEEP)


async def _look_after(tools: Tools, job: Job) -> Verdict:
    attempt = job.attempt
    driver = tools.drivers.get(attempt.provider) if attempt else None
    if attempt is None:
        return Done()
    if driver is None:
        return await _outlive(tools, job)
    if attempt.status in _UNRESOLVED:
        return await _resolve_late(tools, job)
    if attempt.is_open and _left_s(tools, job) <= 0:
        await _never_heard_of_again(tools, job)
    elif attempt.is_open:
        return await _follow_late(tools, job, driver)
    await driver.discard(job)
    return Done()


async def _outlive(tools: Tools, job: Job) -> Verdict:
    """The provider is configured no longer, so nobody can ask it: its task ends with its lifetime."""
    attempt = attempt_of(job)
    if not attempt.is_open:
        return Done()
    if (left_s := _left_s(tools, job)) > 0:
        return Sleep(min(timedelta(seconds=left_s), _LONGEST_SLEEP))
    await _never_heard_of_again(tools, job)
    return Done()


def _left_s(tools: Tools, job: Job) -> float:
    """Return how long the attempt of an ended job may still take."""
    attempt = attempt_of(job)
    begun_at = attempt.accepted_at or attempt.sent_at or attempt.created_at or job.ours_since
    return tools.settings.lifetime_s - (job.now - begun_at).total_seconds()


async def _never_heard_of_again(tools: Tools, job: Job) -> None:
    """End an attempt, which must not count as under way at its provider for ever."""
    attempt = attempt_of(job)
    is_known = attempt.status in {AttemptStatus.ACCEPTED, AttemptStatus.RUNNING}
    was_sent = attempt.sent_at is not None or is_known
    if attempt.status is AttemptStatus.SUBMITTING and was_sent:
        await record_unknown(tools.database, job, attempt.id)
    if is_known:
        ending = AttemptStatus.EXPIRED
    else:
        ending = AttemptStatus.LOST if was_sent else AttemptStatus.CANCELLED
    await record_late_end(
        tools.database, job, attempt.id, ending, None, charged=None if was_sent else False
    )


async def _follow_late(tools: Tools, job: Job, driver: Driver) -> Verdict:
    """Stop a task that is not wanted any more, and learn how it ended."""
    attempt = attempt_of(job)
    is_told = attempt.cancel_asked_at is not None
    outcome = await driver.follow(job, lambda _: None)
    # Looked at first: stopping a task that has ended may delete what it came to.
    if not is_told and isinstance(outcome, Waiting | Unchanged):
        if is_told := await driver.cancel(job):
            await mark_cancel_asked(tools.database, job, attempt.id)
        outcome = await driver.follow(job, lambda _: None)
    match outcome:
        case Succeeded(_, cost_usd):
            # Paid for, where it costs, and not wanted any more: that is recorded, the job stays as it ended.
            is_billed = driver.capability.billed
            await record_late_end(
                tools.database,
                job,
                attempt.id,
                AttemptStatus.SUCCEEDED,
                cost_usd,
                charged=is_billed,
            )
        case Failed(_, _, billed):
            await record_late_end(
                tools.database, job, attempt.id, AttemptStatus.CANCELLED, None, charged=billed
            )
        case Blocked(_, billed):
            await record_late_end(
                tools.database, job, attempt.id, AttemptStatus.BLOCKED, None, charged=billed
            )
        case _:
            pause = await keep_following(tools, job)
            # A provider that is away is asked again: each second that its task runs may be paid for.
            return pause if is_told else Sleep(min(pause.delay, _ASK_AGAIN))
    await driver.discard(job)
    return Done()


async def _resolve_late(tools: Tools, job: Job) -> Verdict:
    """Find out what became of a submission although its job has ended: it may have to be paid."""
    attempt = attempt_of(job)
    driver = tools.drivers[attempt.provider]
    if attempt.status is AttemptStatus.SUBMITTING:
        if attempt.sent_at is None:
            await record_late_end(
                tools.database, job, attempt.id, AttemptStatus.CANCELLED, None, charged=False
            )
            return Done()
        await record_unknown(tools.database, job, attempt.id)
    outcome: ResolveOutcome | None = await confirmed_hint(driver, job)
    if outcome is None:
        is_given_up = attempt.status is AttemptStatus.LOST
        outcome = Undecided() if is_given_up else await driver.resolve(job)
    match outcome:
        case Found(task_id):
            cost = driver.estimate_usd(job)
            await record_late_acceptance(tools.database, job, attempt.id, task_id, cost_usd=cost)
            return Sleep(timedelta(0))
        case Absent():
            await record_late_end(
                tools.database, job, attempt.id, AttemptStatus.LOST, None, charged=False
            )
            return Done()
        case Undecided():
            since = job.now - (attempt.sent_at or job.created_at)
            if attempt.status is AttemptStatus.LOST:
                # The provider may just not answer now: what it called back about is not forgotten.
                is_hinted = attempt.hinted_task_id is not None and _left_s(tools, job) > 0
                return Sleep(_LONGEST_SLEEP) if is_hinted else Done()
            if since < driver.patience.recovery_window:
                return Sleep(timedelta(seconds=30))
            await record_late_end(
                tools.database, job, attempt.id, AttemptStatus.LOST, None, charged=None
            )
            return Done()
