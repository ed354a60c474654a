"""Every error that a caller may have to decide about.

    PhotoplayError                 code, message, details; never raised itself
    ├ RequestError                 the caller can fix it; carries its HTTP status
    │  ├ InvalidRequestError       400  a value is wrong
    │  ├ UnprocessableRequestError 422  unknown fields, wrong types, a reused key
    │  ├ UnauthenticatedError      401  no or bad identity
    │  ├ ForbiddenError            403  identity is good, the act is not its own
    │  ├ NotFoundError             404  missing, or another user's: the same answer
    │  ├ ConflictError             409  the thing's state forbids it
    │  ├ GoneError                 410  it was erased
    │  │  └ UserErasedError        410  its user was, and nothing new of the user is taken
    │  ├ PayloadTooLargeError      413  more bytes than are read
    │  └ RateLimitedError          429  a limit; says when to come back
    ├ StateError                   the database refused a write
    │  ├ LeaseLostError            another worker holds the job: drop what you were doing
    │  └ IllegalTransitionError    the state machine has no such edge: a bug, or a lost race
    └ UnavailableError             503  a part we need is down; nothing was half-made, try again

`code` is stable and public; the message is not. `retryable` is the only input of a retry policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from photoplay.domain.limits import Standing


class PhotoplayError(Exception):
    """An error of ours.

    Attributes:
        code: stable, public, snake_case.
        message: for a person; safe to show, never a provider's text or a secret.
        details: JSON-able facts that belong to the code.
    """

    code: str = "error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip().split("\n", maxsplit=1)[0]
        self.code = code or type(self).code
        self.details = dict(details or {})
        super().__init__(self.message)


class RequestError(PhotoplayError):
    """The request cannot be served as it is; change what `message` names."""

    status: ClassVar[int] = 400


class InvalidRequestError(RequestError):
    """A value in the request is wrong."""

    code = "invalid_request"


class UnprocessableRequestError(RequestError):
    """The request is well-formed, but its fields are not what this address takes."""

    code = "unprocessable"
    status = 422


class UnauthenticatedError(RequestError):
    """Send a valid bearer token."""

    code = "unauthenticated"
    status = 401


class ForbiddenError(RequestError):
    """This identity may not do that."""

    code = "forbidden"
    status = 403


class NotFoundError(RequestError):
    """There is no such thing, or it is not yours."""

    code = "not_found"
    status = 404


class ConflictError(RequestError):
    """The state of the thing does not allow it."""

    code = "conflict"
    status = 409


class GoneError(RequestError):
    """It was erased and cannot come back."""

    code = "erased"
    status = 410


class UserErasedError(GoneError):
    """This user's data were erased, and nothing new of the user is taken."""

    code = "user_erased"


class PayloadTooLargeError(RequestError):
    """The body is larger than this server reads."""

    code = "payload_too_large"
    status = 413


class RateLimitedError(RequestError):
    """A limit is reached; come back after `retry_after`.

    Attributes:
        standings: the limit that it is, where clients are told about it.
    """

    code = "rate_limited"
    status = 429
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        code: str,
        retry_after: timedelta,
        details: Mapping[str, object] | None = None,
        standings: Sequence[Standing] = (),
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.retry_after = retry_after
        self.standings = tuple(standings)


class StateError(PhotoplayError):
    """The database refused the write."""

    code = "state"


class LeaseLostError(StateError):
    """Another worker holds this job: stop, and write nothing more for it."""

    code = "lease_lost"


class IllegalTransitionError(StateError):
    """The state machine has no such edge."""

    code = "illegal_transition"


class UnavailableError(PhotoplayError):
    """A part of the service is down; nothing was half-made, try again."""

    code = "unavailable"
    retryable = True
