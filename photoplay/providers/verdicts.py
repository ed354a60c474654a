"""A definite verdict of a provider, the same before and after acceptance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from photoplay.domain.outcomes import Blocked, Failed, Refusal, Refused

UNLISTED: Final = "unlisted"
"""Detail of a verdict whose code is in no table of ours."""

OPTIONS_REFUSED: Final = "This model does not take these options."
PICTURE_REFUSED: Final = "This model cannot use this picture."
PICTURE_UNREADABLE: Final = "The provider could not read this picture."
PICTURE_TOO_SMALL: Final = "This picture is too small for this model."
PICTURE_TOO_LARGE: Final = "This picture is too large for this model."
PICTURE_TYPE_REFUSED: Final = "This model does not take pictures of this type."
NO_FACE: Final = "This model found no usable face in this picture."


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a provider gave up.

    Attributes:
        detail: a sentence for people where the refusal is `bad_input`, else a code of our tables.
        billed: whether it was charged after acceptance; None when that is not known.
        side: of moderation: `input`, `output`, or `unknown`.
    """

    refusal: Refusal
    detail: str
    billed: bool | None = None
    side: str = "unknown"

    def charged(self, billed: bool | None) -> Verdict:
        """Return the verdict with what the answer itself says about money, where it does."""
        return self if billed is None else replace(self, billed=billed)

    def before(self, retry_after: timedelta | None = None) -> Refused:
        """Return it as the answer to a submission: nothing was begun."""
        waits = self.refusal in {Refusal.BUSY, Refusal.UNAVAILABLE}
        return Refused(self.refusal, self.detail, retry_after if waits else None)

    def after(self) -> Failed | Blocked:
        """Return it as the end of an accepted task."""
        if self.refusal is Refusal.CONTENT:
            return Blocked(self.side, self.billed)
        return Failed(self.refusal, self.detail, self.billed)


GONE: Final = Verdict(Refusal.FAULT, "gone")
"""The provider no longer knows a task that it had accepted."""
NO_VIDEO: Final = Verdict(Refusal.FAULT, "no_video")
"""The provider calls it a success, but there is no video."""

_BY_STATUS: Final[dict[int, Verdict]] = {
    400: Verdict(Refusal.BAD_INPUT, OPTIONS_REFUSED),
    401: Verdict(Refusal.UNAUTHENTICATED, "unauthenticated"),
    402: Verdict(Refusal.NO_CREDIT, "no_credit"),
    403: Verdict(Refusal.UNAUTHENTICATED, "forbidden"),
    404: Verdict(Refusal.UNAVAILABLE, "model_not_found"),
    405: Verdict(Refusal.UNAVAILABLE, "method_not_allowed"),
    408: Verdict(Refusal.BUSY, "request_timeout"),
    409: Verdict(Refusal.BUSY, "conflict"),
    410: Verdict(Refusal.UNAVAILABLE, "model_withdrawn"),
    413: Verdict(Refusal.BAD_INPUT, PICTURE_TOO_LARGE),
    415: Verdict(Refusal.BAD_INPUT, PICTURE_TYPE_REFUSED),
    422: Verdict(Refusal.BAD_INPUT, OPTIONS_REFUSED),
    425: Verdict(Refusal.BUSY, "too_early"),
    429: Verdict(Refusal.BUSY, "rate_limited"),
}


def verdict_by_status(status: int) -> Verdict | None:
    """Return what a well-formed refusal with an unlisted code means; None when that is not definite.

    499 says that a connection was lost on the way, which is no verdict.
    """
    if status == 499 or not 400 <= status < 500:
        return None
    return _BY_STATUS.get(status, Verdict(Refusal.UNAVAILABLE, UNLISTED))
