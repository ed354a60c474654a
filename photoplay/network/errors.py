"""What can go wrong on the wire, one class for each decision of the caller.

    PhotoplayError
    ├ UrlNotAllowedError          400  the address is refused; nothing was sent (a RequestError)
    ├ NotSentError*               nothing of the request left this machine: it may be sent again
    ├ UnansweredError             the request may have arrived: find out, never send it again
    └ DownloadError
       ├ DownloadTooLargeError    more bytes than the caller takes
       ├ DownloadTypeError        a web page, or another type than the caller takes
       ├ DownloadGoneError        the server refuses the address (403, 404, 410, …)
       └ DownloadInterruptedError* cut, slow, unreachable, server error: fetch it again later

`*` is retryable. No message carries an address, a header or a byte of a body.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from photoplay.domain.errors import InvalidRequestError, PhotoplayError

NotSentReason = Literal["url_not_allowed", "dns", "connect", "tls", "timeout"]
UnansweredReason = Literal["reset", "timeout", "malformed", "cut"]

_NOT_SENT: Final[dict[NotSentReason, str]] = {
    "url_not_allowed": "its address is not allowed",
    "dns": "the host's name does not resolve",
    "connect": "the host could not be reached",
    "tls": "the host could not prove who it is",
    "timeout": "no connection in time",
}
_UNANSWERED: Final[dict[UnansweredReason, str]] = {
    "reset": "the connection was lost",
    "timeout": "no complete answer in time",
    "malformed": "the answer is no HTTP",
    "cut": "the answer broke off",
}


class UrlNotAllowedError(InvalidRequestError):
    """This address cannot be used.

    Attributes:
        reason: why, in fixed words without any part of the address.
    """

    code = "url_not_allowed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This address cannot be used: {reason}.")
        self.reason = reason


class NotSentError(PhotoplayError):
    """Nothing of the request was sent; it is safe to send it again.

    Attributes:
        reason: `url_not_allowed` (no retry will help), `dns`, `connect`, `tls` or `timeout`.
    """

    code = "not_sent"
    retryable = True

    def __init__(self, reason: NotSentReason) -> None:
        super().__init__(
            f"The request was not sent: {_NOT_SENT[reason]}.", details={"reason": reason}
        )
        self.reason: NotSentReason = reason


class UnansweredError(PhotoplayError):
    """The request may have arrived; whether it took effect is not known.

    Attributes:
        reason: `reset`, `timeout`, `malformed` or `cut`.
        status: the status line's, where that much of an answer came.
    """

    code = "unanswered"

    def __init__(self, reason: UnansweredReason, status: int | None = None) -> None:
        super().__init__(
            f"The request was not answered: {_UNANSWERED[reason]}.",
            details={"reason": reason, "status": status},
        )
        self.reason: UnansweredReason = reason
        self.status = status


class DownloadError(PhotoplayError):
    """The file could not be fetched."""

    code = "download"


class DownloadTooLargeError(DownloadError):
    """The file is larger than allowed."""

    code = "download_too_large"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"The file is larger than {max_bytes} bytes.", details={"max_bytes": max_bytes}
        )


class DownloadTypeError(DownloadError):
    """The server answered with another kind of file than asked for.

    A web page in place of a paid clip is often a passing error of the server: fetch it again while
    the clip may still be there.
    """

    code = "download_type"


class DownloadGoneError(DownloadError):
    """The server does not give out the file; only a new address can help.

    Attributes:
        status: the HTTP status that said so.
    """

    code = "download_gone"

    def __init__(self, status: int) -> None:
        super().__init__(
            f"The server does not give out the file (status {status}).", details={"status": status}
        )
        self.status = status


class DownloadInterruptedError(DownloadError):
    """The transfer failed; fetch the file again later.

    Attributes:
        status: the HTTP status where the server answered with one, else None.
        retry_after: how long the server asked to wait, where it did.
    """

    code = "download_interrupted"
    retryable = True

    def __init__(
        self, problem: str, *, status: int | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(f"The download failed: {problem}.", details={"status": status})
        self.status = status
        self.retry_after = retry_after
