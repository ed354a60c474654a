"""Signed addresses for media that we serve ourselves.

A link names one method, one key and one instant, and nothing else opens it. Time is passed in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal
from urllib.parse import quote

from photoplay.storage.errors import InvalidKeyError, MediaLinkError
from photoplay.storage.keys import validate_key

MEDIA_PATH: Final = "/media/"
MIN_SECRET_BYTES: Final = 32

Method = Literal["GET", "PUT"]

# Leading zeros, signs and spaces would be second spellings of one instant.
_EXPIRES: Final = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_SIGNATURE: Final = re.compile(r"[0-9a-f]{8}\.[A-Za-z0-9_-]{43}", re.ASCII)


def sign_media(
    key: str,
    *,
    expires_at: datetime,
    secrets: Sequence[bytes],
    base_url: str = "",
    method: Method = "GET",
) -> str:
    """Return an address that lets anybody do `method` on the object until `expires_at`.

    Args:
        key: key of the object, also when there is none yet.
        expires_at: aware; cut to whole seconds.
        secrets: at least 32 bytes each; the first one signs.
        base_url: what to put before `/media/…`, such as `https://clips.example`; empty for a path.
        method: GET also allows HEAD.

    Raises:
        InvalidKeyError: no object can have this key.
        ValueError: no secret, or one that is too short; correct the setting.
    """
    if not secrets:
        raise ValueError("signing media needs at least one secret")
    validate_key(key)
    expires = str(int(expires_at.timestamp()))
    signature = _signature(method, key, expires, secrets[0])
    path = MEDIA_PATH + quote(key, safe="/")
    return f"{base_url.rstrip('/')}{path}?expires={expires}&signature={signature}"


def verify_media(
    key: str,
    expires: str | None,
    signature: str | None,
    *,
    method: str,
    now: datetime,
    secrets: Sequence[bytes],
) -> None:
    """Return if the link is one of ours for `method` and `key`, unchanged and not expired.

    Args:
        key: the request's path after `/media/`, percent-decoded exactly once.
        expires: the query's value as it came, None if missing or given twice.
        signature: the query's value as it came, None if missing or given twice.
        method: the request's method; HEAD counts as GET.
        now: aware.
        secrets: all that may have signed, during a rotation the old ones too.

    Raises:
        MediaLinkError: answer 403 and say nothing of the object.
    """
    try:
        validate_key(key)
    except InvalidKeyError as error:
        raise MediaLinkError from error
    if expires is None or not _EXPIRES.fullmatch(expires):
        raise MediaLinkError
    if signature is None or not _SIGNATURE.fullmatch(signature):
        raise MediaLinkError
    signed_method = "GET" if method == "HEAD" else method
    # All are compared, so that the time taken does not tell which secret it was.
    matches = [
        hmac.compare_digest(_signature(signed_method, key, expires, secret), signature)
        for secret in secrets
    ]
    if not any(matches) or now.timestamp() >= int(expires):
        raise MediaLinkError


def _signature(method: str, key: str, expires: str, secret: bytes) -> str:
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"a secret that signs media has at least {MIN_SECRET_BYTES} bytes")
    # No part can hold a line feed, so no two requests have the same text.
    text = f"photoplay media 1\n{method}\n{expires}\n{key}"
    code = hmac.digest(secret, text.encode(), "sha256")
    key_id = hashlib.sha256(b"photoplay media key id" + secret).hexdigest()[:8]
    return f"{key_id}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}"
