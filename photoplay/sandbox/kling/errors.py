"""Kling's error numbers, and what it makes of a key.

Source: kling.ai document API (errors, authentication), checked 2026-11.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import jwt

from photoplay.sandbox.options import KlingOptions

_ERRORS: Final = {
    "1000": (401, "Authentication failed"),
    "1001": (401, "Authorization is empty"),
    "1002": (401, "Authorization is invalid"),
    "1003": (401, "Authorization is not yet valid"),
    "1004": (401, "Authorization has expired"),
    "1100": (429, "Account exception"),
    "1101": (429, "Account in arrears"),
    "1102": (429, "Resource pack depleted or expired"),
    "1103": (403, "Unauthorized access to the requested resource"),
    "1200": (400, "Invalid request parameters"),
    "1201": (400, "Invalid parameters"),
    "1202": (404, "The requested method is invalid"),
    "1203": (404, "The requested resource does not exist"),
    "1300": (400, "Trigger strategy of the platform"),
    "1301": (400, "Trigger the content security policy of the platform"),
    "1302": (429, "The API request is too fast"),
    "1303": (429, "Concurrency or QPS exceeds the limit"),
    "1304": (429, "Trigger the IP whitelisting policy"),
    "5000": (500, "Server internal error"),
    "5001": (503, "Server temporarily unavailable"),
    "5002": (504, "Server internal timeout"),
}
_NAMES: Final = {
    "unauthorized": "1000", "not_found": "1203", "gone": "1203", "no_credits": "1102",
    "rate_limited": "1302", "internal": "5000", "unavailable": "5001", "timeout": "5002",
    "content": "1301", "validation": "1201",
}  # fmt: skip


def kling_error(code: str, message: str | None) -> tuple[int, dict[str, Any]]:
    """Return HTTP status and body of an error, by its number or by a word all providers share."""
    number = _NAMES.get(code, code)
    status, words = _ERRORS.get(number, (500, "Unknown error"))
    return status, {
        "code": int(number) if number.isdecimal() else 5000,
        "message": message or words,
    }


def key_problem(header: str, options: KlingOptions, now: datetime, *, tokens: bool) -> str | None:
    """Return the error number for an Authorization header; None when it opens the account.

    Args:
        tokens: also take JWTs, as the older addresses do.
    """
    scheme, _, token = header.partition(" ")
    if not token:
        return "1001"
    if scheme != "Bearer":
        return "1002"
    if token == options.api_key:
        return None
    return _token_problem(token, options, now) if tokens else "1002"


def _token_problem(token: str, options: KlingOptions, now: datetime) -> str | None:
    try:
        claims = jwt.decode(
            token,
            options.secret_key,
            algorithms=["HS256"],
            # By the sandbox's clock instead of the machine's.
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError:
        return "1002"
    if claims.get("iss") != options.access_key:
        return "1002"
    if now.timestamp() >= float(claims.get("exp", 0)):
        return "1004"
    return "1003" if now.timestamp() < float(claims.get("nbf", 0)) else None
