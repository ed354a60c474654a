"""What fal's error answers mean. Codes come before HTTP statuses, and no text is passed on.

Two shapes: a model's own errors are a list under `detail`, each with a `type`; the platform's have
a text under `detail`, an `error_type`, and the header `X-Fal-Error-Type`.

Source: https://docs.fal.ai/errors and the pages "request errors" and "faq" there (checked 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from photoplay.domain.http import HttpResponse
from photoplay.domain.outcomes import Refusal
from photoplay.providers import verdicts
from photoplay.providers.answers import items, mapping, number, text
from photoplay.providers.verdicts import UNLISTED, Verdict, verdict_by_status

_CONTENT: Final = {
    "content_policy_violation": Verdict(Refusal.CONTENT, "content_policy_violation"),
    "no_media_generated": Verdict(Refusal.CONTENT, "no_media_generated", side="output"),
}


def _input(sentence: str, *, billed: bool | None = False) -> Verdict:
    # These are found before the model runs, so they cost nothing.
    return Verdict(Refusal.BAD_INPUT, sentence, billed)


_INPUT: Final = {
    "face_detection_error": _input(verdicts.NO_FACE, billed=None),
    "image_too_small": _input(verdicts.PICTURE_TOO_SMALL),
    "image_too_large": _input(verdicts.PICTURE_TOO_LARGE),
    "image_load_error": _input(verdicts.PICTURE_UNREADABLE),
    "file_too_large": _input(verdicts.PICTURE_TOO_LARGE),
    "unsupported_image_format": _input(verdicts.PICTURE_TYPE_REFUSED),
    **{
        code: _input(verdicts.OPTIONS_REFUSED)
        for code in (
            "greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of",
            "sequence_too_short", "sequence_too_long", "one_of", "feature_not_supported",
            "missing", "value_error", "string_type", "literal_error", "int_parsing", "enum",
            "string_too_long", "extra_forbidden", "bad_request",
        )
    },
}  # fmt: skip
_FAULTS: Final = {
    # Ours was not reachable for them; the picture is good.
    "file_download_error": Verdict(Refusal.FAULT, "file_download_error", billed=False),
    "internal_server_error": Verdict(Refusal.FAULT, "internal_server_error", billed=False),
    "generation_timeout": Verdict(Refusal.FAULT, "generation_timeout", billed=False),
    "downstream_service_error": Verdict(Refusal.FAULT, "downstream_service_error"),
    "downstream_service_unavailable": Verdict(
        Refusal.UNAVAILABLE, "downstream_service_unavailable", billed=False
    ),
    "client_cancelled": Verdict(Refusal.FAULT, "client_cancelled"),
    "client_disconnected": Verdict(Refusal.FAULT, "client_disconnected"),
}
_NEVER_STARTED: Final = {
    **{
        code: Verdict(Refusal.BUSY, code, billed=False)
        for code in (
            "request_timeout", "startup_timeout", "runner_scheduling_failure",
            "runner_connection_timeout", "runner_disconnected", "runner_connection_refused",
            "runner_connection_error", "concurrent_requests_limit",
        )
    },
}  # fmt: skip
_BROKE: Final = {
    code: Verdict(Refusal.FAULT, code, billed=False)
    for code in ("runner_incomplete_response", "runner_server_error", "internal_error")
}
LISTED: Final[Mapping[str, Verdict]] = {**_CONTENT, **_INPUT, **_FAULTS, **_NEVER_STARTED, **_BROKE}
_TRUE: Final = frozenset({"1", "true", "yes"})
_FALSE: Final = frozenset({"0", "false", "no"})


def refusal_of_submission(response: HttpResponse, body: Mapping[str, object]) -> Verdict | None:
    """Return why a submission was definitely not taken; None when it may have been.

    A 429 or 503 with a listed code is definite; a 5xx without one is not (docs/providers.md).
    """
    if not _is_error(body):
        return None
    verdict = _listed(response, body)
    if response.status in {429, 503}:
        if verdict is not None and verdict.detail in _NEVER_STARTED:
            return verdict
        return verdict_by_status(response.status)
    if not 400 <= response.status < 500 or response.status == 499:
        return None
    if verdict is not None:
        return verdict
    return _account(response.status, body) or verdict_by_status(response.status)


def end_of_task(
    status: int, body: Mapping[str, object], response: HttpResponse | None = None
) -> Verdict | None:
    """Return how a finished request failed; None where the answer may be somebody else's.

    Args:
        status: the model's own HTTP status.
        body: its error body.
        response: the answer that carried both, for its headers; None when it came from history.
    """
    if not _is_error(body):
        return None
    verdict = _listed(response, body)
    if verdict is None and 400 <= status < 500:
        verdict = Verdict(Refusal.BAD_INPUT, verdicts.OPTIONS_REFUSED)
        if _retryable(response) is True:
            verdict = Verdict(Refusal.FAULT, UNLISTED)
    elif verdict is None and status >= 500:
        # Only fal marks its answers with the request; an unmarked 5xx may be a proxy's.
        marked = response is None or response.header("x-fal-request-id") is not None
        verdict = Verdict(Refusal.FAULT, UNLISTED, billed=False) if marked else None
    if verdict is None:
        return None
    if _retryable(response) is False and verdict.refusal in {Refusal.FAULT, Refusal.BUSY}:
        verdict = Verdict(Refusal.UNAVAILABLE, verdict.detail, verdict.billed)
    return verdict.charged(billed_units(response))


def end_by_status_word(error: object, error_type: object) -> Verdict | None:
    """Return what the status of a finished request says about its failure, None if not enough.

    `error` reads like "Invalid status code: 422"; a 4xx without a type needs the result to tell
    a refused picture from refused content.
    """
    code = text(error_type)
    if code is not None and code in LISTED:
        return LISTED[code]
    digits = "".join(c if c.isdigit() else " " for c in (text(error) or "")[:200]).split()
    if any(len(d) == 3 and d.startswith("5") for d in digits):
        return Verdict(Refusal.FAULT, UNLISTED, billed=False)
    return None


def billed_units(response: HttpResponse | None) -> bool | None:
    """Return whether the answer's own count of billed units says that it was charged."""
    units = number(response.header("x-fal-billable-units")) if response is not None else None
    return None if units is None else units > 0


def _is_error(body: Mapping[str, object]) -> bool:
    return isinstance(body.get("detail"), str | list) or text(body.get("error_type")) is not None


def _listed(response: HttpResponse | None, body: Mapping[str, object]) -> Verdict | None:
    found = [
        (entry, LISTED[code])
        for entry in map(mapping, items(body.get("detail")))
        if (code := text(entry.get("type"))) is not None and code in LISTED
    ]
    # Among several, moderation decides: it must never be tried elsewhere.
    found.sort(key=lambda pair: pair[1].refusal is not Refusal.CONTENT)
    if found:
        entry, verdict = found[0]
        if verdict.detail == "content_policy_violation":
            return _with_side(verdict, entry)
        return verdict
    header = response.header("x-fal-error-type") if response is not None else None
    for code in (text(body.get("error_type")), header):
        if code is not None and code in LISTED:
            return LISTED[code]
    return None


def _with_side(verdict: Verdict, entry: Mapping[str, object]) -> Verdict:
    where = {part for part in items(entry.get("loc")) if isinstance(part, str)}
    is_input = any(part == "prompt" or part.endswith(("prompt", "image_url")) for part in where)
    side = "input" if is_input else "unknown"
    return Verdict(verdict.refusal, verdict.detail, verdict.billed, side)


def _account(status: int, body: Mapping[str, object]) -> Verdict | None:
    """Return what a locked account means: there is no code for it, only this text."""
    detail = text(body.get("detail")) or ""
    if status != 403:
        return None
    if "exhausted balance" in detail.lower():
        return Verdict(Refusal.NO_CREDIT, "exhausted_balance")
    if "user is locked" in detail.lower():
        return Verdict(Refusal.UNAUTHENTICATED, "account_locked")
    return None


def _retryable(response: HttpResponse | None) -> bool | None:
    for name in ("x-fal-retryable", "x-fal-needs-retry"):
        value = (response.header(name) or "").strip().lower() if response is not None else ""
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
    return None
