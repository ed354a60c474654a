"""The built-in renderer: the provider's task is a file that this machine can always make again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from photoplay.domain.job import Attempt, Job
from photoplay.domain.outcomes import (
    Accepted,
    Failed,
    Found,
    PollOutcome,
    Refusal,
    ResolveOutcome,
    SubmitOutcome,
    Succeeded,
)
from photoplay.providers.builtin import LOCAL
from photoplay.providers.protocol import Task
from photoplay.storage.objects import ObjectStore
from photoplay.telemetry import get_logger
from photoplay.worker import engine
from photoplay.worker.drivers import Patience
from photoplay.worker.render_pool import RenderFaultError, RenderPool, RenderRefusedError

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What holds for every clip of an installation."""

    depth_model: Path | None = None
    depth_preset: str = "auto"
    encoder: str = "auto"


class LocalDriver:
    """Renders on this machine.

    Args:
        scratch: folder for clips in the making; what is lost there is rendered again.
        look: what the settings say of every clip: depth network, its preset, encoder.
    """

    lane = engine.RENDER
    capability = LOCAL
    pace = None
    patience = Patience(recovery_window=timedelta(days=1), result_lifetime=timedelta(days=36500))

    def __init__(self, pool: RenderPool, store: ObjectStore, scratch: Path, look: Look) -> None:
        self._pool = pool
        self._store = store
        self._scratch = scratch
        self._look = look

    def problem(self, job: Job) -> str | None:
        """Find nothing: what passed intake can be rendered."""
        return None

    def estimate_usd(self, job: Job) -> float | None:
        """Cost nothing."""
        return 0.0

    async def place(self, job: Job, attempt_id: UUID) -> str:
        """Leave the picture where it is."""
        return job.source

    async def submit(self, job: Job, picture: str) -> SubmitOutcome:
        """Accept at once: nothing leaves this machine before `follow`."""
        return Accepted(task_id=str(_attempt(job).id))

    async def resolve(self, job: Job) -> ResolveOutcome:
        """A submission to oneself is never lost."""
        return Found(task_id=str(_attempt(job).id))

    async def follow(self, job: Job, on_progress: Callable[[float], None]) -> PollOutcome:
        """Render the clip, or find it rendered by an earlier run of this attempt."""
        try:
            provenance = await self._ensure_rendered(job, on_progress)
        except RenderRefusedError as error:
            return Failed(Refusal.BAD_INPUT, str(error), billed=False)
        except RenderFaultError as error:
            _log.error("render.failed", error=str(error))
            return Failed(Refusal.FAULT, str(error), billed=False)
        return Succeeded(location=self._video(job).name, cost_usd=0.0, provenance=provenance)

    async def fetch(self, job: Job, location: str) -> Path:
        """Return the rendered file, making it again when this machine does not have it."""
        await self._ensure_rendered(job, lambda _: None)
        return self._video(job)

    async def cancel(self, job: Job) -> bool:
        """Do nothing: whoever renders it has been told through the job."""
        return True

    async def erase(self, task: Task, now: datetime) -> bool:
        """Do nothing: what was made here is ours."""
        return True

    async def discard(self, job: Job) -> None:
        if job.attempt is not None:
            self._video(job).unlink(missing_ok=True)
            self._facts(job).unlink(missing_ok=True)

    async def _ensure_rendered(
        self, job: Job, on_progress: Callable[[float], None]
    ) -> dict[str, object]:
        from photoplay.providers.local.spec import RenderSpec

        video, facts = self._video(job), self._facts(job)
        if video.exists() and facts.exists():
            return json.loads(facts.read_text("utf-8"))
        options = job.effective_options
        if options is None:
            raise AssertionError("an attempt without options")
        self._scratch.mkdir(parents=True, exist_ok=True)
        picture = self._scratch / f"{_attempt(job).id}{Path(job.source).suffix}"
        try:
            await self._store.get_file(job.source, picture)
            clip = await self._pool.render(
                picture,
                video,
                RenderSpec(
                    duration_s=options.duration_s,
                    resolution=options.resolution,
                    motion_strength=options.motion_strength,
                    aspect=options.aspect_ratio,
                    fps=options.fps,
                    move=options.move,
                    loop=options.loop,
                    prompt=job.prompt,
                    seed=options.seed,
                    depth_model=str(self._look.depth_model) if self._look.depth_model else None,
                    depth_preset=self._look.depth_preset,
                    encoder=self._look.encoder,
                ),
                on_progress,
            )
        finally:
            picture.unlink(missing_ok=True)
        facts.write_text(json.dumps(clip.provenance), "utf-8")
        return clip.provenance

    def _video(self, job: Job) -> Path:
        return self._scratch / f"{_attempt(job).id}.mp4"

    def _facts(self, job: Job) -> Path:
        return self._scratch / f"{_attempt(job).id}.json"


def _attempt(job: Job) -> Attempt:
    if job.attempt is None:
        raise AssertionError("a driver is only asked about an attempt")
    return job.attempt
