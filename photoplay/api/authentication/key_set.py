"""The public keys of the product's sign-in (JWKS), fetched, kept and rotated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from photoplay.config import Settings, SettingsError
from photoplay.domain.errors import UnauthenticatedError, UnavailableError
from photoplay.domain.http import HttpRequest
from photoplay.network.addresses import AddressPolicy, check_url
from photoplay.network.errors import NotSentError, UnansweredError, UrlNotAllowedError
from photoplay.network.sender import Sender
from photoplay.telemetry import get_logger

ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA"})
_FETCH_S: Final = 5.0
_MAX_BODY: Final = 256 << 10
_MOST_KEYS: Final = 100
_LEAST_RSA_BITS: Final = 2048
# A withdrawn key is noticed after this long; a new one at once, by its unknown name.
_KEEP_S: Final = 600.0
_REFETCH_S: Final = 60.0
# While there is no key at all, nobody can sign in.
_RETRY_S: Final = 5.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public key and the one algorithm that it verifies."""

    algorithm: str
    key: Any


def check_address(settings: Settings) -> None:
    """Refuse an address of keys that would never be called.

    Raises:
        SettingsError: `PHOTOPLAY_JWKS_URL` is not one that we call.
    """
    if settings.jwks_url is None:
        return
    try:
        check_url(settings.jwks_url, AddressPolicy(settings.allowed_networks))
    except UrlNotAllowedError as error:
        raise SettingsError(
            f"PHOTOPLAY_JWKS_URL: {error.message}; a private address, or plain http, must be within "
            "PHOTOPLAY_ALLOWED_NETWORKS"
        ) from None


class KeySet:
    """Keys by their name (`kid`); a token without one is verified by a key without one.

    A name that is not known makes the set be fetched again, at most once a minute. A fetch that fails, or
    brings no usable key, leaves the keys that are there.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self, sender: Sender, url: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sender = sender
        self._url = url
        self._clock = clock
        self._keys: dict[str, VerifyKey] = {}
        self._raw: object = None
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()
        self.version = 0
        """Grows whenever the keys change; what was verified by older ones is to be verified again."""

    @property
    def is_empty(self) -> bool:
        return not self._keys

    async def run(self) -> None:
        """Fetch the keys now, and again every ten minutes, until cancelled."""
        while True:
            await self._look_again(pause_s=0)
            await asyncio.sleep(_KEEP_S if self._keys else _RETRY_S)

    async def find(self, name: str) -> VerifyKey:
        """Return the key of that name.

        Raises:
            UnauthenticatedError: there is none.
            UnavailableError: `identity_unavailable`; no keys could be fetched yet, so nobody is let in.
        """
        if name not in self._keys:
            await self._look_again(pause_s=_REFETCH_S if self._keys else _RETRY_S)
        if not self._keys:
            raise UnavailableError(
                "The sign-in's keys cannot be fetched.", code="identity_unavailable"
            )
        if name not in self._keys:
            raise UnauthenticatedError
        return self._keys[name]

    async def _look_again(self, *, pause_s: float) -> None:
        async with self._lock:
            if self._clock() - self._tried_at < pause_s:
                return
            self._tried_at = self._clock()
            try:
                raw = await self._fetch()
            except (NotSentError, UnansweredError, ValueError) as error:
                _log.warning("identity.keys_unreachable", error=str(error), kept=len(self._keys))
                return
            keys = dict(_usable(raw))
            if not keys:
                _log.warning("identity.keys_unusable", kept=len(self._keys))
            elif raw != self._raw:
                self._keys, self._raw, self.version = keys, raw, self.version + 1
                _log.info("identity.keys_fetched", keys=len(keys))

    async def _fetch(self) -> object:
        request = HttpRequest("GET", self._url, {"Accept": "application/json"})
        response = await self._sender.send(request, deadline_s=_FETCH_S, max_body_bytes=_MAX_BODY)
        if response.status != 200:
            raise ValueError(f"the answer has status {response.status}")
        return response.parse_json()


def _usable(raw: object) -> Iterable[tuple[str, VerifyKey]]:
    """Yield the keys that verify signatures of ours by an algorithm that we take."""
    listed = cast("Mapping[str, object]", raw).get("keys") if isinstance(raw, Mapping) else None
    if not isinstance(listed, list):
        return
    for entry in cast("list[object]", listed)[:_MOST_KEYS]:
        if not isinstance(entry, dict):
            continue
        claims = cast("dict[str, Any]", entry)
        # A symmetric or private key that was published is known to everybody.
        if claims.get("kty") == "oct" or "d" in claims or claims.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK.from_dict(claims)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        is_weak = isinstance(key.key, RSAPublicKey) and key.key.key_size < _LEAST_RSA_BITS
        if key.algorithm_name in ALGORITHMS and not is_weak:
            yield str(claims.get("kid", "")), VerifyKey(key.algorithm_name, key.key)
