"""The signed token of Kling's older accounts (AccessKey and SecretKey)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Final

_LIFETIME: Final = timedelta(minutes=30)
# A server whose clock is behind ours refuses a token that begins later (code 1003).
_EARLY: Final = timedelta(minutes=15)


def sign_token(access_key: str, secret_key: str, now: datetime) -> str:
    """Return an HS256 token that is good for half an hour, made anew for every request.

    Source: https://kling.ai/document-api, "authentication" (checked 2026-11). Signed here, because
    its secrets may be shorter than JWT libraries accept.
    """
    claims = {
        "iss": access_key,
        "exp": int((now + _LIFETIME).timestamp()),
        "nbf": int((now - _EARLY).timestamp()),
    }
    signed = b".".join(
        _encode(json.dumps(part, separators=(",", ":")).encode())
        for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    )
    signature = hmac.new(secret_key.encode(), signed, hashlib.sha256).digest()
    return b".".join((signed, _encode(signature))).decode("ascii")


def _encode(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
