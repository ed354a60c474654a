"""What Kling's codes mean. They come before the HTTP status: 429 is "slow down" and "no money".

Source: https://kling.ai/document-api, "error codes" (checked 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from photoplay.domain.outcomes import Refusal
from photoplay.providers import verdicts
from photoplay.providers.answers import text
from photoplay.providers.verdicts import UNLISTED, Verdict, verdict_by_status

_UNAUTHENTICATED: Final = Verdict(Refusal.UNAUTHENTICATED, "unauthenticated")
_CODES: Final[Mapping[int, Verdict]] = {
    **dict.fromkeys(range(1000, 1005), _UNAUTHENTICATED),
    1100: Verdict(Refusal.UNAUTHENTICATED, "account_exception"),
    1101: Verdict(Refusal.NO_CREDIT, "arrears"),
    1102: Verdict(Refusal.NO_CREDIT, "resource_pack_exhausted"),
    1103: Verdict(Refusal.UNAUTHENTICATED, "forbidden"),
    1200: Verdict(Refusal.BAD_INPUT, verdicts.OPTIONS_REFUSED),
    1201: Verdict(Refusal.BAD_INPUT, verdicts.OPTIONS_REFUSED),
    1202: Verdict(Refusal.UNAVAILABLE, "method_not_allowed"),
    1203: Verdict(Refusal.UNAVAILABLE, "model_not_found"),
    1300: Verdict(Refusal.CONTENT, "platform_policy", side="input"),
    1301: Verdict(Refusal.CONTENT, "content_safety", side="input"),
    1302: Verdict(Refusal.BUSY, "rate_limited"),
    1303: Verdict(Refusal.BUSY, "concurrency_limited"),
    1304: Verdict(Refusal.UNAUTHENTICATED, "address_not_allowed"),
}
NO_SUCH_RESOURCE: Final = 1203
"""Code of a query of the older dialect for a task that does not exist (unconfirmed)."""
_PICTURE: Final = re.compile(r"\b(?:image|picture|photo)\b", re.IGNORECASE)
_DUPLICATE: Final = re.compile(
    r"\b(?:external_task_id|duplicated?|already exists?)\b", re.IGNORECASE
)
# A task that failed says why in words only; these are whole words, tested one by one.
_MODERATION: Final = re.compile(
    r"\b(?:risk control|content safety|safety|sensitive|moderation|violates?|violation|nsfw|"
    r"content policy|policy|prohibited)\b",
    re.IGNORECASE,
)


def code_of(body: Mapping[str, object]) -> int | None:
    """Return the code of a well-formed answer; 0 is success."""
    code = body.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def refusal_of_submission(status: int, code: int, message: object) -> Verdict | None:
    """Return why a submission was definitely not taken; None when it may have been.

    A duplicate of our own name means that an earlier one was taken, so it is looked up.
    """
    words = (text(message) or "")[:2000]
    if code in {1200, 1201} and _DUPLICATE.search(words):
        return None
    if code in {1200, 1201} and _PICTURE.search(words):
        return Verdict(Refusal.BAD_INPUT, verdicts.PICTURE_REFUSED)
    verdict = _CODES.get(code)
    if verdict is not None:
        return verdict
    # 5000 to 5002 and everything unlisted outside 4xx may have been taken.
    return verdict_by_status(status) if code < 5000 else None


def end_of_task(message: object) -> Verdict:
    """Return why a task failed, from the only thing that says so: its message."""
    if _MODERATION.search((text(message) or "")[:2000]):
        return Verdict(Refusal.CONTENT, "moderation")
    return Verdict(Refusal.FAULT, UNLISTED)
