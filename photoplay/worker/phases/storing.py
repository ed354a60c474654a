"""storing: the finished clip from the provider into our store, and then the job says so."""

from __future__ import annotations

import random
import time
from datetime import timedelta

from photoplay.domain.job import Job
from photoplay.domain.outcomes import FailureCode, Succeeded
from photoplay.domain.retry import backoff
from photoplay.network.errors import (
    DownloadGoneError,
    DownloadTooLargeError,
    UrlNotAllowedError,
)
from photoplay.operations.settle_attempt import keep_result, settle_success
from photoplay.telemetry import get_logger
from photoplay.worker.phases.ending import fail
from photoplay.worker.tools import Done, Sleep, Tools, Verdict, attempt_of
from photoplay.worker.transfer import StoringError, store_video

_log = get_logger(__name__)
_GONE_PAUSE = timedelta(seconds=30)
_DAMAGED_PAUSE = timedelta(seconds=1)
FETCHES = 4
"""So often is a clip fetched that turns out to be unusable; fetches that were cut off do not count."""


async def storing(tools: Tools, job: Job) -> Verdict:
    """Store the clip once; while the store or the provider's files are away, keep trying.

    The result was paid for: only the end of its life at the provider ends the trying.
    """
    attempt = attempt_of(job)
    driver = tools.drivers[attempt.provider]
    age = job.now - (attempt.finished_at or job.now)
    lifetime = driver.patience.result_lifetime
    if age > lifetime:
        return await _give_up(tools, job, "the provider keeps it no longer")
    if job.failures and age > 0.8 * lifetime:
        _log.error("video.about_to_be_lost", job_id=str(job.id), hours_left=_hours(lifetime - age))
    _log.info("video.uploading", job_id=str(job.id))
    began = time.monotonic()
    try:
        file = await driver.fetch(job, str(attempt.outcome.get("location", "")))
        video = await store_video(tools.store, tools.decoders, job, file)
    except DownloadGoneError:
        return await _renew(tools, job)
    except UrlNotAllowedError as error:
        _log.error("video.address_refused", provider=attempt.provider, reason=error.reason)
        return await _renew(tools, job, pause=_GONE_PAUSE)
    except (StoringError, DownloadTooLargeError) as error:
        await driver.discard(job)
        return await _fetch_anew(tools, job, str(error))
    transfer_s = round(time.monotonic() - began, 3)
    await tools.reach("storing:before")
    days = tools.settings.retention_days
    await settle_success(
        tools.database, job, video, keep_for=timedelta(days=days) if days else None
    )
    _log.info("video.uploaded", job_id=str(job.id), path=video.path, transfer_s=transfer_s)
    await tools.reach("storing")
    await driver.discard(job)
    return Done()


async def _renew(tools: Tools, job: Job, *, pause: timedelta = timedelta(0)) -> Verdict:
    """The address of the clip has expired or is none of a provider: the task itself may give a new one."""
    attempt = attempt_of(job)
    outcome = await tools.drivers[attempt.provider].follow(job, lambda _: None)
    if isinstance(outcome, Succeeded) and outcome.location != attempt.outcome.get("location"):
        await keep_result(tools.database, job, attempt.id, outcome.location)
        return Sleep(pause)
    return Sleep(_GONE_PAUSE)


async def _fetch_anew(tools: Tools, job: Job, reason: str) -> Verdict:
    """What arrived may be damaged where what was made is not: it is given up only after some fetches."""
    attempt = attempt_of(job)
    fetches = int(attempt.outcome.get("unusable", 0)) + 1
    if fetches == FETCHES:
        return await _give_up(tools, job, reason)
    _log.warning("video.damaged", provider=attempt.provider, reason=reason, fetches=fetches)
    location = str(attempt.outcome.get("location", ""))
    await keep_result(tools.database, job, attempt.id, location, unusable=fetches)
    jitter = random.random()  # noqa: S311 -- spreads retries, hides nothing
    return Sleep(backoff(fetches, first=_DAMAGED_PAUSE, ceiling=_GONE_PAUSE, jitter=jitter))


async def _give_up(tools: Tools, job: Job, reason: str) -> Verdict:
    _log.error("video.unusable", job_id=str(job.id), reason=reason)
    charged = None if tools.drivers[attempt_of(job).provider].capability.billed else False
    return await fail(tools, job, FailureCode.STORAGE_FAILED, charged=charged)


def _hours(left: timedelta) -> float:
    return round(left.total_seconds() / 3600, 1)
