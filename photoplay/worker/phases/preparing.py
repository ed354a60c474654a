"""accepted and preparing: the picture in our store, a provider chosen, the attempt written down."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import uuid4

from photoplay.domain.capability import fit
from photoplay.domain.errors import InvalidRequestError
from photoplay.domain.job import Attempt, Job
from photoplay.domain.options import EffectiveOptions
from photoplay.domain.outcomes import FailureCode
from photoplay.domain.routing import Entry, candidates
from photoplay.domain.states import AttemptStatus, Phase
from photoplay.network.errors import DownloadError, UrlNotAllowedError
from photoplay.operations.begin_attempt import NewAttempt, begin_attempt, begin_preparing
from photoplay.operations.record_picture import record_picture
from photoplay.storage.errors import PictureError
from photoplay.worker.drivers import Driver
from photoplay.worker.phases.ending import fail
from photoplay.worker.phases.submitting import send
from photoplay.worker.tools import GoOn, Sleep, Tools, Verdict

_PICTURE_TRIES: Final = 3
_FULL_PAUSE: Final = timedelta(seconds=3)
_SHUT_PAUSE: Final = timedelta(seconds=10)


async def accepted(tools: Tools, job: Job) -> Verdict:
    """Take the job up."""
    await begin_preparing(tools.database, job)
    await tools.reach("accepted")
    return GoOn()


async def preparing(tools: Tools, job: Job) -> Verdict:
    """Begin the next attempt, at the first provider that may still be tried."""
    if job.image_id is None:
        return await _fetch_picture(tools, job)
    order = [job.options.provider] if job.options.provider else list(tools.order)
    left = [name for name in candidates(order, job.tries) if name in tools.drivers]
    if not left or len(job.tries) >= tools.settings.max_attempts:
        return await fail(tools, job, FailureCode.PROVIDERS_UNAVAILABLE, charged=False)
    problems: list[str] = []
    entries: set[Entry] = set()
    for name in left:
        driver = tools.drivers[name]
        chosen = _fitted(tools, job, driver)
        if isinstance(chosen, str):
            problems.append(chosen)
            continue
        begun = await _begin(tools, job, driver, chosen)
        if isinstance(begun, Job):
            # The lease that wrote the attempt sends it, in this same run; a later one only resolves.
            return await send(tools, begun)
        entries.add(begun)
        if begun is Entry.FULL:
            # Its turn comes; another provider would cost more or look different for no reason.
            break
    if not entries:
        return await fail(
            tools, job, FailureCode.IMAGE_REJECTED, charged=False, message=problems[0]
        )
    if entries == {Entry.CAPPED}:
        return await fail(tools, job, FailureCode.SPEND_CAP_REACHED, charged=False)
    return await _wait_for_entry(tools, job, entries)


def _fitted(tools: Tools, job: Job, driver: Driver) -> EffectiveOptions | str:
    """Return what the model would be given, or why it cannot be used for this job."""
    problem = driver.problem(job)
    if problem is not None:
        return problem
    try:
        return fit(job.options, driver.capability, tools.settings.option_defaults)
    except InvalidRequestError as error:
        return error.message


async def _begin(tools: Tools, job: Job, driver: Driver, options: EffectiveOptions) -> Job | Entry:
    capability = driver.capability
    patience = driver.patience
    new = NewAttempt(
        uuid4(),
        capability,
        options,
        patience.concurrency,
        patience.siblings,
        driver.estimate_usd(replace(job, effective_options=options)),
    )
    await tools.reach("preparing:before")
    entry = await begin_attempt(tools.database, job, new)
    if entry is not Entry.YES:
        return entry
    await tools.reach("preparing")
    attempt = Attempt(
        id=new.id,
        n=len(job.tries) + 1,
        provider=capability.provider,
        model=capability.model,
        status=AttemptStatus.SUBMITTING,
        fence=job.fence,
        provider_task_id=None,
        outcome={},
        callback_token=new.callback_token,
        created_at=job.now,
    )
    return replace(job, attempt=attempt, effective_options=options, phase=Phase.SUBMITTING)


async def _wait_for_entry(tools: Tools, job: Job, entries: set[Entry]) -> Verdict:
    """No provider takes an attempt now: wait, unless all have been away for as long as users wait."""
    is_overdue = job.now - job.ours_since > tools.settings.overdue_after
    if is_overdue and entries <= {Entry.OPEN, Entry.CAPPED}:
        return await fail(tools, job, FailureCode.PROVIDERS_UNAVAILABLE, charged=False)
    pause = _FULL_PAUSE if Entry.FULL in entries else _SHUT_PAUSE
    return Sleep(pause * (0.5 + random.random()))  # noqa: S311 -- spreads wake-ups, hides nothing


async def _fetch_picture(tools: Tools, job: Job) -> Verdict:
    """Bring the picture of an address into the store; nothing is sent to a provider before."""
    try:
        image_id = await tools.fetch_picture(job)
    except (PictureError, UrlNotAllowedError, DownloadError) as error:
        if error.retryable and job.failures < _PICTURE_TRIES:
            raise
        return await fail(
            tools, job, FailureCode.IMAGE_REJECTED, charged=False, message=error.message
        )
    await record_picture(tools.database, job, image_id)
    await tools.reach("picture")
    return GoOn()
