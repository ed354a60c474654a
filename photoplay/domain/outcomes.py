"""What a provider's answer means to us: values, matched on, never exceptions.

submit   → Accepted | Refused | Unknown
resolve  → Found | Absent | Undecided          (of an unknown submission)
poll     → Waiting | Succeeded | Failed | Blocked | Unchanged
callback → Hint | Forged
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class FailureCode(StrEnum):
    """Why a job failed, as users and products see it."""

    CONTENT_REFUSED = "content_refused"
    """The provider refused the picture or the prompt; never retried, never sent elsewhere."""
    IMAGE_REJECTED = "image_rejected"
    """The picture cannot be used; the message says what to change."""
    PROVIDERS_UNAVAILABLE = "providers_unavailable"
    """Every provider was down, out of credit, or failed; not charged."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """A submission could not be confirmed; an operator can look it up by the job's id."""
    PROVIDER_FAILED = "provider_failed"
    """The provider took the task and could not make the video; `charged` says whether it was billed."""
    STORAGE_FAILED = "storage_failed"
    """The finished video could not be kept before the provider removed it."""
    EXPIRED = "expired"
    """The job's lifetime ended without a verdict."""
    SPEND_CAP_REACHED = "spend_cap_reached"
    """What providers ask for another try is more than the day's budget has left."""


FAILURE_TEXTS: dict[FailureCode, str] = {
    FailureCode.CONTENT_REFUSED: "The provider refused this picture or prompt.",
    FailureCode.IMAGE_REJECTED: "This picture cannot be animated. Please choose another one.",
    FailureCode.PROVIDERS_UNAVAILABLE: "No provider could make this video. You were not charged; try later.",
    FailureCode.OUTCOME_UNKNOWN: "We could not confirm what became of this video. Please contact support.",
    FailureCode.PROVIDER_FAILED: "The provider could not make this video.",
    FailureCode.STORAGE_FAILED: "The finished video could not be stored. Please contact support.",
    FailureCode.SPEND_CAP_REACHED: "The day's budget for videos is used up. Please try again tomorrow.",
    FailureCode.EXPIRED: "The video took too long. Please contact support if you were charged.",
}


class Refusal(StrEnum):
    """Why a provider definitely did not take a submission, or definitely gave up on its task."""

    BUSY = "busy"
    """Overloaded or rate limited; the same provider may take it later."""
    UNAVAILABLE = "unavailable"
    """The provider or the model is down or withdrawn; try the next provider."""
    NO_CREDIT = "no_credit"
    """Our account cannot pay; an operator must act."""
    UNAUTHENTICATED = "unauthenticated"
    """Our key is refused; an operator must act."""
    BAD_INPUT = "bad_input"
    """The picture or an option is not usable for this model."""
    CONTENT = "content"
    """Moderation; final for the job."""
    FAULT = "fault"
    """The model failed; another attempt may do."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the submission; `task_id` is its name for it."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite verdict: nothing was begun, nothing is billed."""

    refusal: Refusal
    detail: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The submission may have been taken; it must be resolved and never sent again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """The unknown submission was accepted under this task id."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The unknown submission definitely never arrived."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Not known yet; ask again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not finished. `progress` is 0 to 1, or None where the provider does not say."""

    progress: float | None = None
    started: bool = True


@dataclass(frozen=True, slots=True)
class Succeeded:
    """There is a result at `location` (an address, or a file of the built-in renderer)."""

    location: str
    cost_usd: float | None = None
    provenance: dict[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Failed:
    """A definite verdict after acceptance. `billed` is None when it is not known."""

    refusal: Refusal
    detail: str = ""
    billed: bool | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Moderation stopped it on the `input` or the `output` side."""

    side: str
    billed: bool | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The answer says nothing about the task (an error page, a time-out); look again later.

    `retry_after` is there when the provider asks to be asked less often.
    """

    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """A genuine callback: look at the task now. Its body decides nothing."""

    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Forged:
    """The callback's signature does not hold."""

    reason: str


SubmitOutcome = Accepted | Refused | Unknown
ResolveOutcome = Found | Absent | Undecided
PollOutcome = Waiting | Succeeded | Failed | Blocked | Unchanged
CallbackOutcome = Hint | Forged
