"""fal's errors, in the two shapes it has, and whether it calls them worth another try.

Source: the project's fal contract, section 7, checked 2026-11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from photoplay.sandbox.fields import FieldProblem, Wrong
from photoplay.sandbox.options import FalOptions
from photoplay.sandbox.pictures import Trouble

_MODEL_ERRORS: Final = {
    "internal_server_error": (500, True),
    "generation_timeout": (504, True),
    "downstream_service_error": (400, True),
    "downstream_service_unavailable": (500, True),
}
_REQUEST_ERRORS: Final = {
    "request_timeout": (504, True),
    "startup_timeout": (504, True),
    "runner_scheduling_failure": (503, True),
    "runner_connection_timeout": (503, True),
    "runner_disconnected": (503, True),
    "runner_connection_refused": (503, True),
    "runner_connection_error": (503, True),
    "runner_incomplete_response": (502, True),
    "runner_server_error": (500, True),
    "internal_error": (500, True),
    "concurrent_requests_limit": (429, True),
    "client_disconnected": (499, False),
    "client_cancelled": (499, False),
    "bad_request": (400, False),
}
_PLAIN: Final = {
    "unauthorized": (401, "Cannot access application. Authentication is required."),
    "forbidden": (403, "Cannot access application. Access is forbidden."),
    "exhausted_balance": (
        403,
        "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
    ),
    "user_locked": (403, "User is locked. Reason: Suspicious activity. Contact support."),
    "not_found": (404, "Application not found"),
    "gone": (410, "This endpoint has been retired."),
    "rate_limited": (429, "Too many requests."),
}
_PICTURE: Final[dict[Trouble, str]] = {
    "address": "file_download_error",
    "fetch": "file_download_error",
    "redirect": "file_download_error",
    "content_type": "image_load_error",
    "too_large": "file_too_large",
    "unreadable": "image_load_error",
    "format": "unsupported_image_format",
}
_TYPES: Final[dict[Wrong, str]] = {
    "missing": "missing",
    "unknown": "extra_forbidden",
    "choice": "literal_error",
    "too_small": "greater_than_equal",
    "too_large": "less_than_equal",
    "too_short": "string_too_short",
    "too_long": "string_too_long",
    "type": "value_error",
}


@dataclass(frozen=True, slots=True)
class FalError:
    """One failure as fal puts it.

    Attributes:
        shape: `model` has a list of details, `request` a text and an `error_type`, `plain` a text.
    """

    code: str
    status: int
    shape: Literal["model", "request", "plain"]
    retryable: bool
    body: dict[str, Any]

    def headers(self, options: FalOptions) -> dict[str, str]:
        """Return what the answer's head says about the failure."""
        if self.shape == "plain":
            return {}
        yes, no = ("true", "false") if options.retry_words == "true" else ("1", "0")
        return {
            "X-Fal-Error-Type": self.code,
            options.retry_header: yes if self.retryable else no,
        }


def fal_error(
    code: str,
    message: str | None = None,
    detail: dict[str, Any] | None = None,
    status: int | None = None,
) -> FalError:
    """Return a failure by its code.

    Args:
        detail: members of the one entry of a model error's list (`loc`, `ctx`, `input`).
    """
    if code in _PLAIN:
        known, words = _PLAIN[code]
        return FalError(code, status or known, "plain", False, {"detail": message or words})
    if code in _REQUEST_ERRORS:
        known, retryable = _REQUEST_ERRORS[code]
        words = message or code.replace("_", " ").capitalize()
        body = {"detail": words, "error_type": code}
        return FalError(code, status or known, "request", retryable, body)
    known, retryable = _MODEL_ERRORS.get(code, (422, False))
    entry = {
        "loc": ["body"],
        "msg": message or f"The request failed: {code}",
        "type": code,
        "url": f"https://docs.fal.ai/errors#{code}",
        **(detail or {}),
    }
    return FalError(code, status or known, "model", retryable, {"detail": [entry]})


def input_error(found: list[FieldProblem], body: dict[str, Any]) -> FalError:
    """Return the failure of an input that the model does not take."""
    entries: list[dict[str, Any]] = [
        {
            "loc": ["body", problem.name],
            "msg": problem.message,
            "type": _type_of(problem),
            "input": body.get(problem.name),
            "ctx": problem.context,
        }
        for problem in found
    ]
    return FalError(entries[0]["type"], 422, "model", False, {"detail": entries})


def picture_error(trouble: Trouble) -> str:
    """Return fal's word for an unusable picture."""
    return _PICTURE[trouble]


def _type_of(problem: FieldProblem) -> str:
    if problem.wrong == "type":
        expected = str(problem.context.get("expected", "value"))
        short = {"string": "string_type", "integer": "int_type", "boolean": "bool_type"}
        return short.get(expected, "value_error")
    return _TYPES[problem.wrong]
