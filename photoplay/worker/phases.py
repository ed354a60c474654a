"""The phases of a job, each a function of the job's row: at most one foreign effect, then one commit.

    accepted → preparing → submitting → waiting → storing → done

Every phase may be run again from its row by another worker. What a phase returns says what happens
next: `GoOn` reads the row again and runs the next phase, `Sleep` asks to be woken, `Done` ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from photoplay.config import Settings
from photoplay.db.pool import Database
from photoplay.domain.capability import Capability, fit
from photoplay.domain.errors import InvalidRequestError
from photoplay.domain.job import Attempt, Job
from photoplay.domain.outcomes import (
    FAILURE_TEXTS,
    Absent,
    Accepted,
    Blocked,
    Failed,
    FailureCode,
    Found,
    PollOutcome,
    Refusal,
    Refused,
    Succeeded,
    Undecided,
    Unknown,
    Waiting,
)
from photoplay.domain.states import AttemptStatus, Phase
from photoplay.network.errors import DownloadError, UrlNotAllowedError
from photoplay.operations.begin_attempt import begin_attempt, begin_preparing
from photoplay.operations.record_picture import record_picture
from photoplay.operations.record_progress import record_progress
from photoplay.operations.record_submission import record_acceptance, record_unknown
from photoplay.operations.settle_attempt import (
    prepare_again,
    record_result,
    settle_failure,
    settle_success,
)
from photoplay.storage.decoders import DecoderPool
from photoplay.storage.errors import PictureError
from photoplay.storage.objects import ObjectStore
from photoplay.telemetry import get_logger
from photoplay.worker.drivers import Driver
from photoplay.worker.transfer import StoringError, store_video

_log = get_logger(__name__)
_PROGRESS_EVERY_S: Final = 0.5
_PICTURE_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class GoOn:
    """The row has moved: read it and run its phase."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Nothing to do before `delay` is over or something wakes the job."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Done:
    """The job is terminal."""


Verdict = GoOn | Sleep | Done


@dataclass(frozen=True, slots=True)
class Tools:
    """What the phases work with."""

    database: Database
    store: ObjectStore
    settings: Settings
    drivers: Mapping[str, Driver]
    capabilities: Mapping[str, Capability]
    decoders: DecoderPool
    fetch_picture: Callable[[Job], Awaitable[UUID]]
    """Takes the picture of a job's address in and returns its id."""
    reach: Callable[[str], Awaitable[None]]
    """Called at every phase boundary with its name; tests and benchmarks kill the process there."""


async def run_phase(tools: Tools, job: Job) -> Verdict:
    """Run the phase that the job's row says."""
    return await _PHASES[job.phase](tools, job)


def lane_of(tools: Tools, job: Job) -> str | None:
    """Return the engine lane that the job's phase must run on; None when any will do."""
    if job.phase in {Phase.WAITING, Phase.STORING} and job.attempt is not None:
        driver = tools.drivers.get(job.attempt.provider)
        return driver.lane if driver else None
    return None


async def _accepted(tools: Tools, job: Job) -> Verdict:
    await begin_preparing(tools.database, job)
    await tools.reach("accepted")
    return GoOn()


async def _preparing(tools: Tools, job: Job) -> Verdict:
    if job.image_id is None:
        return await _fetch_picture(tools, job)
    tried = job.attempt.n if job.attempt else 0
    if tried >= tools.settings.max_attempts:
        return await _fail(tools, job, FailureCode.PROVIDERS_UNAVAILABLE, charged=False)
    name = job.options.provider or tools.settings.providers[0]
    capability = tools.capabilities.get(name)
    if capability is None or name not in tools.drivers:
        return await _fail(tools, job, FailureCode.PROVIDERS_UNAVAILABLE, charged=False)
    try:
        options = fit(job.options, capability, tools.settings.option_defaults)
    except InvalidRequestError as error:
        return await _fail(
            tools, job, FailureCode.IMAGE_REJECTED, charged=False, message=error.message
        )
    await tools.reach("preparing:before")
    attempt_id = await begin_attempt(tools.database, job, capability, options)
    await tools.reach("preparing")
    # The lease that wrote the attempt sends it, in this same run; any later one only resolves it.
    attempt = Attempt(
        attempt_id,
        tried + 1,
        name,
        capability.model,
        AttemptStatus.SUBMITTING,
        job.fence,
        None,
        {},
        "",
    )
    return await _send(
        tools, replace(job, attempt=attempt, effective_options=options, phase=Phase.SUBMITTING)
    )


async def _fetch_picture(tools: Tools, job: Job) -> Verdict:
    """Bring the picture of an address into the store; nothing is sent to a provider before."""
    try:
        image_id = await tools.fetch_picture(job)
    except (PictureError, UrlNotAllowedError, DownloadError) as error:
        if error.retryable and job.failures < _PICTURE_TRIES:
            raise
        return await _fail(
            tools, job, FailureCode.IMAGE_REJECTED, charged=False, message=error.message
        )
    await record_picture(tools.database, job, image_id)
    await tools.reach("picture")
    return GoOn()


async def _send(tools: Tools, job: Job) -> Verdict:
    attempt = _attempt_of(job)
    outcome = await tools.drivers[attempt.provider].submit(job)
    await tools.reach("submitting:before")
    match outcome:
        case Accepted(task_id):
            await record_acceptance(tools.database, job, attempt.id, task_id)
            _log.info("attempt.accepted", provider=attempt.provider, task_id=task_id)
            await tools.reach("submitting")
            return GoOn()
        case Unknown():
            await record_unknown(tools.database, job, attempt.id)
            return Sleep(timedelta(seconds=1))
        case Refused(refusal, _, retry_after):
            return await _after_verdict(tools, job, refusal, billed=False, pause=retry_after)


async def _submitting(tools: Tools, job: Job) -> Verdict:
    """A submission found here was begun under another lease: resolve it, never send it again."""
    attempt = _attempt_of(job)
    if attempt.status is AttemptStatus.SUBMITTING:
        await record_unknown(tools.database, job, attempt.id)
    match await tools.drivers[attempt.provider].resolve(job):
        case Found(task_id):
            await record_acceptance(tools.database, job, attempt.id, task_id)
            return GoOn()
        case Undecided():
            return Sleep(timedelta(seconds=5))
        case Absent():
            return await _fail(
                tools, job, FailureCode.OUTCOME_UNKNOWN, charged=None, ending=AttemptStatus.LOST
            )


async def _waiting(tools: Tools, job: Job) -> Verdict:
    attempt = _attempt_of(job)
    _log.info("attempt.polling", provider=attempt.provider, job_id=job.id)
    progress = _Progress(tools.database, job)
    outcome = await progress.during(
        lambda report: tools.drivers[attempt.provider].follow(job, report)
    )
    match outcome:
        case Succeeded():
            _log.info(
                "attempt.mapped", provider=attempt.provider, raw="finished", status="succeeded"
            )
            await tools.reach("waiting:before")
            await record_result(tools.database, job, attempt.id, outcome)
            await tools.reach("waiting")
            return GoOn()
        case Failed(refusal, detail, billed):
            _log.info("attempt.failed", provider=attempt.provider, refusal=refusal)
            return await _after_verdict(tools, job, refusal, billed=billed, message=detail)
        case Blocked(_, billed):
            return await _fail(
                tools,
                job,
                FailureCode.CONTENT_REFUSED,
                charged=billed,
                ending=AttemptStatus.BLOCKED,
            )
        case Waiting():
            return Sleep(timedelta(seconds=3))
        case _:
            return Sleep(timedelta(seconds=5))


async def _storing(tools: Tools, job: Job) -> Verdict:
    attempt = _attempt_of(job)
    driver = tools.drivers[attempt.provider]
    _log.info("video.uploading", job_id=job.id)
    file = await driver.fetch(job, str(attempt.outcome.get("location", "")))
    try:
        video = await store_video(tools.store, tools.decoders, job, file)
    except StoringError as error:
        _log.error("video.unusable", job_id=job.id, reason=str(error))
        return await _fail(tools, job, FailureCode.STORAGE_FAILED, charged=None)
    await tools.reach("storing:before")
    await settle_success(
        tools.database,
        job,
        video,
        cost_usd=0.0 if not tools.capabilities[attempt.provider].billed else None,
        keep_for=timedelta(days=tools.settings.retention_days)
        if tools.settings.retention_days
        else None,
    )
    _log.info("video.uploaded", job_id=job.id, path=video.path)
    await tools.reach("storing")
    await driver.discard(job)
    return Done()


async def _done(tools: Tools, job: Job) -> Verdict:
    if job.attempt is not None and job.attempt.provider in tools.drivers:
        await tools.drivers[job.attempt.provider].discard(job)
    return Done()


_PHASES: Final[dict[Phase, Callable[[Tools, Job], Awaitable[Verdict]]]] = {
    Phase.ACCEPTED: _accepted,
    Phase.PREPARING: _preparing,
    Phase.SUBMITTING: _submitting,
    Phase.WAITING: _waiting,
    Phase.STORING: _storing,
    Phase.DONE: _done,
}


async def _after_verdict(
    tools: Tools,
    job: Job,
    refusal: Refusal,
    *,
    billed: bool | None,
    pause: timedelta | None = None,
    message: str = "",
) -> Verdict:
    """Decide after a definite verdict: final for the job, or another attempt within its budget."""
    attempt = _attempt_of(job)
    if refusal is Refusal.CONTENT:
        return await _fail(
            tools, job, FailureCode.CONTENT_REFUSED, charged=billed, ending=AttemptStatus.BLOCKED
        )
    if refusal is Refusal.BAD_INPUT:
        return await _fail(
            tools,
            job,
            FailureCode.IMAGE_REJECTED,
            charged=billed,
            ending=AttemptStatus.FAILED,
            message=message or None,
        )
    if attempt.n >= tools.settings.max_attempts:
        return await _fail(
            tools,
            job,
            FailureCode.PROVIDERS_UNAVAILABLE,
            charged=billed,
            ending=AttemptStatus.FAILED,
        )
    await prepare_again(tools.database, job, attempt.id, refusal, charged=billed)
    return Sleep(pause or timedelta(seconds=attempt.n))


async def _fail(
    tools: Tools,
    job: Job,
    code: FailureCode,
    *,
    charged: bool | None,
    ending: AttemptStatus | None = None,
    message: str | None = None,
) -> Verdict:
    text = message or FAILURE_TEXTS[code]
    await settle_failure(
        tools.database,
        job,
        code,
        text,
        charged=charged,
        retryable=code in {FailureCode.PROVIDERS_UNAVAILABLE, FailureCode.EXPIRED},
        attempt_status=ending,
    )
    _log.warning("job.failed", job_id=job.id, error=text, code=code)
    return Done()


async def expire(tools: Tools, job: Job) -> Verdict:
    """End a job whose lifetime is over without a verdict."""
    ending = None
    charged: bool | None = False
    if job.attempt is not None:
        charged = None if tools.capabilities[job.attempt.provider].billed else False
        ending = {
            AttemptStatus.ACCEPTED: AttemptStatus.EXPIRED,
            AttemptStatus.RUNNING: AttemptStatus.EXPIRED,
            AttemptStatus.UNKNOWN: AttemptStatus.LOST,
        }.get(job.attempt.status)
    return await _fail(tools, job, FailureCode.EXPIRED, charged=charged, ending=ending)


class _Progress:
    """Writes the newest progress now and then while a step runs."""

    def __init__(self, database: Database, job: Job) -> None:
        self._database = database
        self._job = job
        self._newest: float | None = None

    async def during(
        self, step: Callable[[Callable[[float], None]], Awaitable[PollOutcome]]
    ) -> PollOutcome:
        writer = asyncio.create_task(self._write())
        try:
            return await step(self._report)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def _report(self, fraction: float) -> None:
        self._newest = fraction

    async def _write(self) -> None:
        written: float | None = None
        while True:
            await asyncio.sleep(_PROGRESS_EVERY_S)
            if self._newest is not None and self._newest != written:
                written = self._newest
                await record_progress(self._database, self._job, written)


def _attempt_of(job: Job) -> Attempt:
    if job.attempt is None:
        raise AssertionError(f"phase {job.phase} without an attempt")
    return job.attempt
