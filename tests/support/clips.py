"""A provider for tests that are not about rendering: it delivers a small real MP4 at once.

Everything around it is the product's own: engine, phases, store, database.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import av
import numpy as np

from photoplay.domain.job import Job
from photoplay.domain.outcomes import (
    Accepted,
    Found,
    PollOutcome,
    ResolveOutcome,
    SubmitOutcome,
    Succeeded,
)
from photoplay.providers.builtin import LOCAL
from photoplay.providers.protocol import Task
from photoplay.stack import Stack
from photoplay.worker import engine
from photoplay.worker.drivers import Driver, Patience

PROVENANCE: dict[str, object] = {"engine": "test", "generative": False}


def make_clip(path: Path, *, frames: int = 12) -> Path:
    """Write an H.264 MP4 of 320 x 240 with its index in front."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.time_base = Fraction(1, 24)
        for n in range(frames):
            picture = np.full((240, 320, 3), (n * 16) % 256, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return path


class ClipDriver:
    """Delivers the same clip for every job.

    Args:
        gate: when given, every job waits in `follow` until it is set.
        lane: engine lane for following and storing.
    """

    def __init__(
        self, clip: Path, scratch: Path, gate: asyncio.Event | None = None, lane: str = engine.STEPS
    ) -> None:
        self.lane = lane
        self._clip = clip
        self._scratch = scratch
        self._gate = gate
        self.verdict: PollOutcome = Succeeded("clip", 0.0, PROVENANCE)
        """What `follow` answers; a test may put another one in its place."""
        self.submitted: list[str] = []
        self.followed: list[str] = []

    capability = LOCAL
    pace = None
    patience = Patience(recovery_window=timedelta(days=1))

    def problem(self, job: Job) -> str | None:
        return None

    def estimate_usd(self, job: Job) -> float | None:
        return 0.0

    async def place(self, job: Job, attempt_id: UUID) -> str:
        return job.source

    async def cancel(self, job: Job) -> bool:
        return True

    async def erase(self, task: Task, now: datetime) -> bool:
        return True

    async def submit(self, job: Job, picture: str) -> SubmitOutcome:
        assert job.attempt is not None
        self.submitted.append(str(job.attempt.id))
        return Accepted(str(job.attempt.id))

    async def resolve(self, job: Job) -> ResolveOutcome:
        assert job.attempt is not None
        return Found(str(job.attempt.id))

    async def follow(self, job: Job, on_progress: Callable[[float], None]) -> PollOutcome:
        self.followed.append(str(job.id))
        on_progress(0.5)
        if self._gate is not None:
            await self._gate.wait()
        return self.verdict

    async def fetch(self, job: Job, location: str) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return Path(
            await asyncio.to_thread(shutil.copy, self._clip, self._scratch / f"{job.id}.mp4")
        )

    async def discard(self, job: Job) -> None:
        (self._scratch / f"{job.id}.mp4").unlink(missing_ok=True)


def clip_drivers(clip: Path, gate: asyncio.Event | None = None, lane: str = engine.STEPS):
    """Return what `run_worker` takes as `drivers`, for one clip."""

    @asynccontextmanager
    async def drivers(stack: Stack) -> AsyncGenerator[dict[str, Driver]]:
        yield {"local": ClipDriver(clip, stack.settings.scratch_dir, gate, lane)}

    return drivers
