"""What clients send and get, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from photoplay.domain.options import (
    MAX_KEY_CHARACTERS,
    MAX_PROMPT_CHARACTERS,
    AspectRatio,
    MotionOptions,
    MotionStrength,
    Resolution,
)

Key = Annotated[str, Field(min_length=1, max_length=MAX_KEY_CHARACTERS, pattern=r"^[\x21-\x7e]+$")]
# Postgres keeps no text with a NUL.
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]


def _only_text(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("not_a_text", "must be a text such as 2026-01-31T12:00:00Z")
    return value


# A bare number would be taken for seconds since 1970.
Instant = Annotated[AwareDatetime, BeforeValidator(_only_text)]
Item = TypeVar("Item")
Data = TypeVar("Data")
JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class Options(BaseModel):
    """How the clip should be; whatever is left out is chosen by the server."""

    model_config = ConfigDict(extra="forbid", strict=True)

    durationSec: float | None = Field(None, ge=1, le=15, description="Length in seconds.")  # noqa: N815
    resolution: Resolution | None = None
    motionStrength: MotionStrength | None = None  # noqa: N815
    aspectRatio: AspectRatio | None = None  # noqa: N815
    seed: int | None = Field(None, ge=0, le=2**31 - 1)
    provider: str | None = Field(None, min_length=1, max_length=64)
    loop: bool | None = None
    move: Text | None = Field(
        None, max_length=32, description="Camera move of the built-in renderer."
    )
    fps: Literal[24, 30] | None = None

    def to_domain(self) -> MotionOptions:
        return MotionOptions.from_wire(self.model_dump(exclude_none=True))


class AnimateRequest(BaseModel):
    """Exactly one of `imageId`, `sourceImagePath` and `sourceImageUrl` names the picture."""

    model_config = ConfigDict(extra="forbid", strict=True)

    imageId: str | None = Field(None, max_length=64)  # noqa: N815
    sourceImagePath: str | None = Field(None, max_length=512)  # noqa: N815
    sourceImageUrl: str | None = Field(None, max_length=2048)  # noqa: N815
    prompt: Text | None = Field(None, max_length=MAX_PROMPT_CHARACTERS)
    clientRequestId: Key | None = Field(  # noqa: N815
        None, description="Same thing as the header Idempotency-Key."
    )
    options: Options = Options()  # pyright: ignore[reportCallIssue] -- every field has a default


class OffersRequest(BaseModel):
    """A wish without its picture."""

    model_config = ConfigDict(extra="forbid", strict=True)

    options: Options = Options()  # pyright: ignore[reportCallIssue] -- every field has a default


class Offer(BaseModel):
    """What one provider would make of a wish."""

    provider: str
    model: str
    is_default: bool = Field(description="Whether it is tried when a job names no provider.")
    is_available: bool = Field(description="False while it is paused or its circuit is open.")
    generative: bool = Field(description="False for a camera move over the picture itself.")
    billed: bool
    moves: list[str] = Field(description="Camera moves that can be named; empty: words only.")
    effective_options: dict[str, Any] | None
    reason: str | None = Field(description="Why the wish cannot be met at all.")
    cost_usd: float | None = Field(description="List price; null when it is not known.")
    typical_s: float | None = Field(
        description="Seconds such a clip took lately; null: no figure yet."
    )


class CreatedJob(BaseModel):
    """The job that serves the request."""

    jobId: UUID  # noqa: N815
    status: JobStatus
    provider: str
    createdAt: datetime  # noqa: N815
    duplicate: bool


class Attempt(BaseModel):
    """One try at one provider model."""

    n: int
    provider: str
    model: str
    status: str
    error: str | None
    started_at: datetime
    finished_at: datetime | None


class Failure(BaseModel):
    """Why a job failed; `charged` is null when it is not known."""

    code: str
    message: str
    retryable: bool
    charged: bool | None


class Video(BaseModel):
    """Facts of the stored video."""

    width: int
    height: int
    duration_s: float
    bytes: int
    sha256: str


class Job(BaseModel):
    """A job as its user sees it. The older row's fields stay beside the newer ones."""

    id: UUID
    user_id: UUID
    status: JobStatus
    phase: Literal["accepted", "preparing", "submitting", "waiting", "storing", "done"]
    progress: float | None = Field(None, ge=0, le=1)
    overdue: bool
    version: int
    provider: str | None
    provider_job_id: str | None
    error: str | None
    failure: Failure | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    source_image_url: str
    output_video_url: str | None
    options: dict[str, Any]
    effective_options: dict[str, Any] | None
    attempts: list[Attempt]
    result: dict[str, Any] | None
    video: Video | None
    client_request_id: str | None
    cost_usd: float | None
    signedVideoUrl: str | None = None  # noqa: N815
    signedPosterUrl: str | None = None  # noqa: N815
    signedUrlExpiresAt: datetime | None = None  # noqa: N815


class Quota(BaseModel):
    """Today's quota and what is in progress."""

    limit: int
    used: int
    remaining: int
    resetsAt: datetime  # noqa: N815
    openJobs: int  # noqa: N815
    maxOpenJobs: int  # noqa: N815


class Image(BaseModel):
    """A picture that can be animated."""

    imageId: UUID  # noqa: N815
    path: str
    width: int
    height: int
    bytes: int


class SignedImage(Image):
    """The same with an address that shows it without a header."""

    signedUrl: str  # noqa: N815
    signedUrlExpiresAt: datetime  # noqa: N815


class Upload(BaseModel):
    """Where to PUT a picture's bytes; afterwards animate its `path`."""

    uploadUrl: str  # noqa: N815
    method: Literal["PUT"]
    path: str
    expiresAt: datetime  # noqa: N815


class Ticket(BaseModel):
    """Lets an address without headers (a video element, an event source) read one job for a while."""

    ticket: str
    expiresAt: datetime  # noqa: N815


class Page(BaseModel, Generic[Item]):
    """Part of a list; pass `next_cursor` to get the next part."""

    items: list[Item]
    next_cursor: str | None


class Success(BaseModel, Generic[Data]):
    """Every successful answer."""

    success: Literal[True] = True
    data: Data


class Problem(BaseModel):
    """RFC 9457, with the fields that older clients read."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    retryable: bool
    request_id: str
    success: Literal[False]
    error: str
    details: dict[str, Any] | None = None
