"""What Runway's errors and failure codes mean. The codes are an open set, matched by prefix.

Source: https://docs.dev.runwayml.com/errors/errors and …/errors/task-failures (checked 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from photoplay.domain.outcomes import Refusal
from photoplay.providers import verdicts
from photoplay.providers.answers import items, mapping, text
from photoplay.providers.verdicts import UNLISTED, Verdict, verdict_by_status

_CODES: Final[dict[tuple[str, ...], Verdict]] = {
    tuple(code.split(".")): verdict
    for code, verdict in {
        "SAFETY.INPUT": Verdict(Refusal.CONTENT, "SAFETY.INPUT", billed=True, side="input"),
        "SAFETY.OUTPUT": Verdict(Refusal.CONTENT, "SAFETY.OUTPUT", billed=True, side="output"),
        "SAFETY": Verdict(Refusal.CONTENT, "SAFETY"),
        "INPUT_PREPROCESSING.SAFETY": Verdict(
            Refusal.CONTENT, "INPUT_PREPROCESSING.SAFETY", side="input"
        ),
        "INPUT_PREPROCESSING.INTERNAL": Verdict(
            Refusal.FAULT, "INPUT_PREPROCESSING.INTERNAL", billed=False
        ),
        "ASSET.INVALID": Verdict(Refusal.BAD_INPUT, verdicts.PICTURE_REFUSED, billed=False),
        "INTERNAL.BAD_OUTPUT": Verdict(Refusal.FAULT, "INTERNAL.BAD_OUTPUT"),
        "THIRD_PARTY.UNAVAILABLE": Verdict(
            Refusal.UNAVAILABLE, "THIRD_PARTY.UNAVAILABLE", billed=False
        ),
        "INTERNAL": Verdict(Refusal.FAULT, "INTERNAL", billed=False),
    }.items()
}
_NO_CREDIT: Final = Verdict(Refusal.NO_CREDIT, "no_credit")
_WRONG_VERSION: Final = Verdict(Refusal.UNAVAILABLE, "api_version")


def end_of_task(failure_code: object) -> Verdict:
    """Return why a task failed; no code at all is Runway's own fault, by its documents."""
    code = text(failure_code)
    if code is None:
        return _CODES["INTERNAL",]
    parts = tuple(code.split(".")[:8])
    for length in range(len(parts), 0, -1):
        verdict = _CODES.get(parts[:length])
        if verdict is not None:
            return verdict
    # A refusal of content under a new name must not be tried elsewhere.
    if "SAFETY" in parts:
        return _CODES["SAFETY",]
    return Verdict(Refusal.FAULT, UNLISTED)


def refusal_of_submission(status: int, body: Mapping[str, object]) -> Verdict | None:
    """Return why a submission was definitely not taken; None when it may have been.

    A 5xx stays open even with Runway's own body: whether such a submission can still have made a
    task is not documented.
    """
    message = text(body.get("error"))
    if message is None:
        return None
    if status == 400:
        # There is no code for these two, only the text.
        if "not have enough credits" in message.lower():
            return _NO_CREDIT
        if "x-runway-version" in message.lower():
            return _WRONG_VERSION
        if _is_about_the_picture(body):
            return Verdict(Refusal.BAD_INPUT, verdicts.PICTURE_REFUSED)
    return verdict_by_status(status)


def _is_about_the_picture(body: Mapping[str, object]) -> bool:
    return any(
        "promptImage" in items(issue.get("path"))
        for issue in map(mapping, items(body.get("issues")))
    )
