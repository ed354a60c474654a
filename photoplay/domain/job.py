"""A job and its newest attempt, as the worker reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from photoplay.domain.options import EffectiveOptions, MotionOptions
from photoplay.domain.states import TERMINAL, AttemptStatus, Phase, Status


def video_path(user_id: UUID, job_id: UUID) -> str:
    """Return the one key under which a job's video is stored."""
    return f"{user_id}/generated-videos/{job_id}.mp4"


def poster_path(user_id: UUID, job_id: UUID) -> str:
    """Return the key of the video's poster frame."""
    return f"{user_id}/generated-videos/{job_id}.jpg"


def image_path(user_id: UUID, image_id: UUID, extension: str) -> str:
    """Return the key of an uploaded picture; `extension` is without the dot."""
    return f"{user_id}/source-images/{image_id}.{extension}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one provider model."""

    id: UUID
    n: int
    provider: str
    model: str
    status: AttemptStatus
    fence: int
    provider_task_id: str | None
    outcome: Mapping[str, Any]
    callback_token: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job under a lease; `fence` is the right to write for it.

    Attributes:
        now: the database's clock when the row was read.
        failures: handler runs in a row that ended in an unexpected error.
    """

    id: UUID
    user_id: UUID
    created_at: datetime
    now: datetime
    status: Status
    phase: Phase
    source: str
    image_id: UUID | None
    prompt: str | None
    options: MotionOptions
    effective_options: EffectiveOptions | None
    provider: str | None
    attempt: Attempt | None
    failures: int
    fence: int

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @classmethod
    def from_row(cls, row: Mapping[str, Any], fence: int) -> Job:
        """Read a row of `get_claimed_job`."""
        attempt = None
        if row["attempt_id"] is not None:
            attempt = Attempt(
                id=row["attempt_id"],
                n=row["attempt_n"],
                provider=row["attempt_provider"],
                model=row["attempt_model"],
                status=AttemptStatus(row["attempt_status"]),
                fence=row["attempt_fence"],
                provider_task_id=row["provider_task_id"],
                outcome=row["attempt_outcome"] or {},
                callback_token=row["callback_token"],
            )
        effective = row["effective_options"]
        return cls(
            id=row["id"],
            user_id=row["user_id"],
            created_at=row["created_at"],
            now=row["now"],
            status=Status(row["status"]),
            phase=Phase(row["phase"]),
            source=row["source_image_url"],
            image_id=row["image_id"],
            prompt=row["prompt"],
            options=MotionOptions.from_wire(row["options"]),
            effective_options=EffectiveOptions.from_wire(effective) if effective else None,
            provider=row["provider"],
            attempt=attempt,
            failures=row["failures"],
            fence=fence,
        )
