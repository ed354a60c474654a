"""Signatures of callbacks, verified over the bytes as received."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE: Final = timedelta(seconds=300)
"""How far a callback's time may be from ours; both schemes say 300 s."""
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_MAX_SIGNATURES: Final = 10


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers under lower-case names."""
    return {name.lower(): value for name, value in headers.items()}


def is_recent(timestamp: str, now: datetime) -> bool:
    """Return whether unix seconds in a header are within `TOLERANCE` of now."""
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    return abs(now.timestamp() - int(timestamp)) <= TOLERANCE.total_seconds()


def holds_ed25519(signature_hex: str, message: bytes, keys: Sequence[bytes]) -> bool:
    """Return whether any of the raw 32-byte public keys made the signature."""
    try:
        signature = bytes.fromhex(signature_hex)
    except ValueError:
        return False
    for key in keys:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def holds_standard_webhooks(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime
) -> str | None:
    """Return None where a Standard Webhooks signature holds, else why it does not.

    Args:
        headers: under lower-case names.
        secrets: `whsec_…`; several while one is being replaced.

    Source: https://github.com/standard-webhooks/standard-webhooks (checked 2026-11-22).
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    offered = [
        value
        for version, _, value in (
            part.partition(",") for part in headers.get("webhook-signature", "").split(" ")
        )
        if version == "v1" and value.isascii()
    ]
    if not message_id or not timestamp or not offered:
        return "unsigned"
    if not is_recent(timestamp, now):
        return "stale"
    signed = b".".join((message_id.encode("utf-8", "replace"), timestamp.encode("ascii"), body))
    for secret in secrets:
        key = standard_webhooks_key(secret)
        if key is None:
            continue
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
        if any(hmac.compare_digest(expected, value) for value in offered[:_MAX_SIGNATURES]):
            return None
    return "signature"


def standard_webhooks_key(secret: str) -> bytes | None:
    """Return the key in a `whsec_…` secret, None where it is none."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True) or None
    except (binascii.Error, ValueError):
        return None
