"""A job and its newest attempt, as the worker reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from photoplay.domain.options import EffectiveOptions, MotionOptions
from photoplay.domain.routing import Try
from photoplay.domain.states import OPEN_ATTEMPT, TERMINAL, AttemptStatus, Phase, Status


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
    """The name it is configured under, which also names the model."""
    model: str
    status: AttemptStatus
    fence: int
    """Lease that may send the submission."""
    provider_task_id: str | None
    outcome: Mapping[str, Any]
    callback_token: str
    charged: bool | None = None
    created_at: datetime | None = None
    sent_at: datetime | None = None
    accepted_at: datetime | None = None
    finished_at: datetime | None = None
    hinted_task_id: str | None = None
    cancel_asked_at: datetime | None = None
    placed_picture: str | None = field(default=None, repr=False)
    """Address of the picture in the submission, where it is all that the submission can be found by."""

    @property
    def is_open(self) -> bool:
        """Whether the provider may still be working on it."""
        return self.status in OPEN_ATTEMPT


@dataclass(frozen=True, slots=True)
class Job:
    """A job under a lease; `fence` is the right to write for it.

    Attributes:
        now: the database's clock when the row was read.
        source: storage path of the picture, or the address it was given by.
        picture_px: width and height, once the picture is in the store.
        tries: the attempts that have ended, oldest first.
        failures: handler runs in a row that ended in an unexpected error.
        erased_at: when it was erased; it is only followed until its providers have let go of it.
        adopted_at: when it was taken over from an older system, which had sent it already.
    """

    id: UUID
    user_id: UUID
    created_at: datetime
    now: datetime
    status: Status
    phase: Phase
    source: str
    image_id: UUID | None
    picture_px: tuple[int, int] | None
    picture_bytes: int | None
    prompt: str | None
    options: MotionOptions
    effective_options: EffectiveOptions | None
    provider: str | None
    attempt: Attempt | None
    tries: tuple[Try, ...]
    failures: int
    fence: int
    adopted_at: datetime | None = None
    erased_at: datetime | None = None

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def ours_since(self) -> datetime:
        """When its life with us began."""
        return self.adopted_at or self.created_at

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
                charged=row["attempt_charged"],
                created_at=row["attempt_created_at"],
                sent_at=row["sent_at"],
                accepted_at=row["accepted_at"],
                finished_at=row["attempt_finished_at"],
                hinted_task_id=row["hinted_task_id"],
                cancel_asked_at=row["cancel_asked_at"],
                placed_picture=row["placed_picture"],
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
            picture_px=(row["image_width"], row["image_height"]) if row["image_width"] else None,
            picture_bytes=row["image_bytes"],
            prompt=row["prompt"],
            options=MotionOptions.from_wire(row["options"]),
            effective_options=EffectiveOptions.from_wire(effective) if effective else None,
            provider=row["provider"],
            attempt=attempt,
            tries=tuple(
                Try(t["provider"], t["refusal"], t["charged"]) for t in row["ended_attempts"]
            ),
            failures=row["failures"],
            fence=fence,
            adopted_at=row["adopted_at"],
            erased_at=row["erased_at"],
        )
