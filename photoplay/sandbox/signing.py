"""The keys that providers sign callbacks with: fal's Ed25519 set, and Standard Webhooks for Kling."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class FalKeys:
    """fal's signing keys: one that signs, and those that its key set shows.

    The first key is the published test vector's, so that a verifier can be checked against a
    signature that nobody here made. Source: the project's fal contract, section 8.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0
        self._signer = self._next()
        self._shown = [self._signer]

    def _next(self) -> Ed25519PrivateKey:
        self._made += 1
        if self._made == 1:
            return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        return self.key_of(f"rotation {self._made}")

    def key_of(self, name: str) -> Ed25519PrivateKey:
        """Return a key that is not in the set, always the same for a name and seed."""
        secret = hashlib.sha256(f"photoplay sandbox {self._seed} {name}".encode()).digest()
        return Ed25519PrivateKey.from_private_bytes(secret)

    def rotate(self, *, keep_old: bool = False) -> None:
        """Sign with a new key from now on; `keep_old` still shows the one before."""
        old = self._signer
        self._signer = self._next()
        self._shown = [self._signer, old] if keep_old else [self._signer]

    def key_set(self) -> dict[str, list[dict[str, str]]]:
        """Return the key set as fal serves it."""
        return {
            "keys": [{"kty": "OKP", "crv": "Ed25519", "x": _base64url(key)} for key in self._shown]
        }

    def headers(
        self,
        body: bytes,
        *,
        request_id: str,
        user_id: str,
        timestamp: int,
        signer: Ed25519PrivateKey | None = None,
    ) -> dict[str, str]:
        """Return the four headers of a signed callback.

        Args:
            timestamp: seconds since 1970.
            signer: another key than the current one, for forgeries.
        """
        digest = hashlib.sha256(body).hexdigest()
        signed = f"{request_id}\n{user_id}\n{timestamp}\n{digest}".encode()
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": user_id,
            "X-Fal-Webhook-Timestamp": str(timestamp),
            "X-Fal-Webhook-Signature": (signer or self._signer).sign(signed).hex(),
        }


def _base64url(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def standard_webhook_headers(
    body: bytes, *, secret: str, message_id: str, timestamp: int
) -> dict[str, str]:
    """Return the three headers of the Standard Webhooks form.

    Args:
        secret: `whsec_` and base64.
        timestamp: seconds since 1970.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }
