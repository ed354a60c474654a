"""A provider behind HTTP: its translation, carried out. One submission is one request on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.domain.job import Attempt, Job
from photoplay.domain.options import EffectiveOptions
from photoplay.domain.outcomes import (
    Absent,
    Found,
    PollOutcome,
    Refusal,
    Refused,
    ResolveOutcome,
    SubmitOutcome,
    Unchanged,
    Undecided,
    Unknown,
)
from photoplay.network.download import Downloader
from photoplay.network.errors import NotSentError, UnansweredError
from photoplay.network.sender import Sender
from photoplay.network.transfer import DownloadLimits
from photoplay.operations.follow_task import Pace
from photoplay.providers.prices import estimate
from photoplay.providers.protocol import (
    CancelAnswer,
    ErasingProvider,
    Lost,
    More,
    Order,
    PictureFile,
    RemoteModel,
    RemoteProvider,
    Task,
    Way,
)
from photoplay.storage.objects import ObjectStore
from photoplay.telemetry import get_logger
from photoplay.worker import engine
from photoplay.worker.drivers import NotPlacedError, Patience

_SUBMIT_S: Final = 90.0
_CALL_S: Final = 30.0
_POLL_S: Final = 15.0
_BUSY_PAUSE: Final = timedelta(seconds=5)
_UPLOAD_S: Final = 120.0
_MAX_ANSWER: Final = 4 << 20
_PAGES: Final = 40
_CLIP: Final = DownloadLimits(max_bytes=2 << 30, deadline_s=1800)
_log = get_logger(__name__)


class RemoteDriver:
    """Carries attempts out at one model of one provider.

    Args:
        public_url: how the provider reaches us; None: no callbacks, no addresses of ours.
        sign: returns an address of a picture of ours for the provider.
        patience: how long things take there, with the operator's settings applied.
        pace: how often the account's tasks are polled, with the same.
    """

    lane = engine.STEPS

    def __init__(
        self,
        provider: RemoteProvider,
        model: RemoteModel,
        *,
        sender: Sender,
        downloader: Downloader,
        store: ObjectStore,
        scratch: Path,
        patience: Patience,
        pace: Pace,
        public_url: str | None,
        sign: Callable[[str], Awaitable[str]],
    ) -> None:
        self._provider = provider
        self._model = model
        self._sender = sender
        self._downloader = downloader
        self._store = store
        self._scratch = scratch
        self._public_url = public_url
        self._sign = sign
        self.capability = model.capability
        self.patience = patience
        self.pace = pace

    def problem(self, job: Job) -> str | None:
        """Return what a person must change about the picture for this model, or None."""
        if job.picture_px is None or job.picture_bytes is None:
            return None
        return self._model.picture.problem(job.picture_px, job.picture_bytes, "image/jpeg")

    def estimate_usd(self, job: Job) -> float | None:
        """Return the list price of what the attempt asks for."""
        return estimate(self._model.price, job.effective_options) if job.effective_options else None

    async def place(self, job: Job, attempt_id: UUID) -> str:
        """Hand the picture over by the first way that works.

        Raises:
            NotPlacedError: none did.
        """
        picture = await self._read_picture(job, attempt_id)
        has_address = self._public_url is not None and self._public_url.startswith("https://")
        for way in self._model.picture.ways_for(len(picture.body), has_public_address=has_address):
            match way:
                case Way.DATA_URI:
                    return picture.as_data_uri()
                case Way.URL:
                    address = await self._sign(job.source)
                    # Found again by it, should the answer to the submission be lost.
                    return f"{address}&attempt={picture.handle}"
                case Way.UPLOAD:
                    reference = await self._upload(picture, job.now)
                    if reference is not None:
                        return reference
        raise NotPlacedError

    async def submit(self, job: Job, picture: str) -> SubmitOutcome:
        """Send the one request; whatever is not a clear answer is `Unknown`."""
        attempt = _attempt(job)
        order = Order(
            handle=attempt.id.hex,
            capability=self.capability,
            options=_options(job),
            prompt=job.prompt,
            picture=picture,
            picture_size=job.picture_px or (0, 0),
            callback_url=self._callback_url(attempt),
        )
        request = self._provider.submit(order, job.now)
        try:
            response = await self._send(request, _SUBMIT_S)
        except NotSentError as error:
            return Refused(Refusal.UNAVAILABLE, error.reason)
        except UnansweredError as error:
            return Unknown(error.reason)
        return self._provider.read_submit(response, job.now)

    async def resolve(self, job: Job) -> ResolveOutcome:
        """Ask the provider's history for the submission."""
        attempt = _attempt(job)
        lost = Lost(
            handle=attempt.id.hex,
            model=attempt.model,
            sent_at=attempt.sent_at or attempt.created_at or job.created_at,
            picture=attempt.placed_picture,
        )
        answers: list[ResolveOutcome] = []
        for request in self._provider.resolve(lost, job.now):
            answer = await self._resolve_one(lost, request, job.now)
            if isinstance(answer, Found):
                return answer
            answers.append(answer)
        if answers and all(isinstance(a, Absent) for a in answers):
            return Absent()
        return Undecided()

    async def follow(self, job: Job, on_progress: Callable[[float], None]) -> PollOutcome:
        """Poll once, with the further requests that the answer asks for."""
        task = _task(job)
        outcome = await self.look(task, job.now)
        while isinstance(outcome, More):
            more = outcome
            try:
                response = await self._send(more.request, _CALL_S)
            except (NotSentError, UnansweredError) as error:
                return more.otherwise or Unchanged(error.reason)
            outcome = self._provider.read_result(task, more, response, job.now)
        return outcome

    async def look(self, task: Task, now: datetime) -> PollOutcome | More:
        """Send one poll; `More` when only a further request tells how the task ended."""
        try:
            response = await self._send(self._provider.poll(task, now), _POLL_S)
        except (NotSentError, UnansweredError) as error:
            return Unchanged(error.reason)
        outcome = self._provider.read_poll(task, response, now)
        asked = response.retry_after(now) or (_BUSY_PAUSE if response.status == 429 else None)
        if isinstance(outcome, Unchanged) and response.status in {429, 503} and asked is not None:
            return replace(outcome, retry_after=asked)
        return outcome

    async def fetch(self, job: Job, location: str) -> Path:
        """Download the clip, or find it downloaded by an earlier run.

        Raises:
            DownloadError: its class says whether trying again, or a new address, may help.
            UrlNotAllowedError: the address leads to where we do not go.
        """
        file = self._file(job)
        if not file.exists():
            await asyncio.to_thread(self._scratch.mkdir, parents=True, exist_ok=True)
            # A worker that lost the job may still be writing.
            part = file.with_suffix(f".{job.fence}.part")
            await self._downloader.download(location, part, _CLIP)
            await asyncio.to_thread(part.replace, file)
        return file

    async def cancel(self, job: Job) -> bool:
        """Ask the provider to stop, where it can be asked; the answer is seen by `follow`."""
        request = self._provider.cancel(_task(job), job.now)
        if request is None:
            return True
        try:
            answer = self._provider.read_cancel(await self._send(request, _CALL_S))
        except (NotSentError, UnansweredError) as error:
            _log.warning(
                "attempt.cancel_unheard", provider=self.capability.provider, reason=error.reason
            )
            return False
        _log.info("attempt.cancel_asked", provider=self.capability.provider, answer=str(answer))
        return answer is not CancelAnswer.UNCLEAR

    async def erase(self, task: Task, now: datetime) -> bool:
        """Ask the provider to delete what it holds of the task, where it can be asked."""
        if not isinstance(self._provider, ErasingProvider):
            return True
        try:
            response = await self._send(self._provider.erase(task, now), _CALL_S)
        except (NotSentError, UnansweredError):
            return False
        is_done = self._provider.read_erase(response)
        _log.info(
            "attempt.erasure_asked", provider=self.capability.provider, status=response.status
        )
        return is_done

    async def discard(self, job: Job) -> None:
        """Remove the downloaded clip."""
        if job.attempt is not None:
            self._file(job).unlink(missing_ok=True)

    async def _send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        return await self._sender.send(request, deadline_s=deadline_s, max_body_bytes=_MAX_ANSWER)

    async def _read_picture(self, job: Job, attempt_id: UUID) -> PictureFile:
        info = await self._store.head(job.source)
        body = b"".join([c async for c in self._store.read_range(job.source, 0, info.bytes)])
        return PictureFile(handle=attempt_id.hex, body=body, media_type="image/jpeg")

    async def _upload(self, picture: PictureFile, now: datetime) -> str | None:
        request = self._provider.upload(picture, now)
        if request is None:
            return None
        try:
            placed = self._provider.read_upload(picture, await self._send(request, _CALL_S))
            if placed is None:
                return None
            response = await self._send(placed.request, _UPLOAD_S)
        except (NotSentError, UnansweredError):
            return None
        return placed.reference if 200 <= response.status < 300 else None

    async def _resolve_one(self, lost: Lost, request: HttpRequest, now: datetime) -> ResolveOutcome:
        for _ in range(_PAGES):
            try:
                response = await self._send(request, _CALL_S)
            except (NotSentError, UnansweredError):
                return Undecided()
            outcome = self._provider.read_resolve(lost, response, now)
            if not isinstance(outcome, More):
                return outcome
            request = outcome.request
        return Undecided()

    def _callback_url(self, attempt: Attempt) -> str | None:
        if self._public_url is None or not self._provider.limits.has_callbacks:
            return None
        provider = self.capability.provider
        return f"{self._public_url}/api/video/callbacks/{provider}/{attempt.callback_token}"

    def _file(self, job: Job) -> Path:
        return self._scratch / f"{_attempt(job).id}.mp4"


def _attempt(job: Job) -> Attempt:
    if job.attempt is None:
        raise AssertionError("a driver is only asked about an attempt")
    return job.attempt


def _task(job: Job) -> Task:
    attempt = _attempt(job)
    if attempt.provider_task_id is None:
        raise AssertionError("only an accepted attempt has a task")
    return Task(attempt.provider_task_id, attempt.model, attempt.accepted_at)


def _options(job: Job) -> EffectiveOptions:
    if job.effective_options is None:
        raise AssertionError("an attempt without options")
    return job.effective_options
