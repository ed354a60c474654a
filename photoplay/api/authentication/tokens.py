"""Callers with a JWT of the product's sign-in."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import jwt

from photoplay.api.authentication.caller import Caller
from photoplay.api.authentication.key_set import ALGORITHMS, KeySet, VerifyKey
from photoplay.config import Settings
from photoplay.domain.errors import UnauthenticatedError
from photoplay.domain.user import user_id_of

_LEEWAY_S: Final = 10
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token was found to say, so that the next request need not verify it again."""

    caller: Caller
    until: float
    key_version: int


class Tokens:
    """Verifies JWTs: HS256 by the shared secret, everything else by the sign-in's public keys.

    The algorithm is the key's, never the token's choice. What was verified is remembered by the token's
    hash until it expires or the keys change.

    Args:
        clock: seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        key_set: KeySet | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        secret = settings.jwt_secret
        self._secret = VerifyKey("HS256", secret.get_secret_value()) if secret else None
        self._key_set = key_set
        self._settings = settings
        self._clock = clock
        self._admin_claims = [_parse_claim(text) for text in settings.admin_claims]
        self._verified: dict[bytes, _Verified] = {}

    async def verify(self, token: str) -> Caller:
        """Return whose token it is.

        Raises:
            UnauthenticatedError: not valid, or `invalid_subject`: its subject is no user.
            UnavailableError: there are no keys to verify it with yet.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known and self._clock() < known.until and known.key_version == self._key_version:
            return known.caller
        try:
            key = await self._key_of(jwt.get_unverified_header(token))
            version = self._key_version
            claims = self._read(token, key)
        except jwt.PyJWTError:
            raise UnauthenticatedError from None
        caller = self._caller(claims)
        while len(self._verified) >= _MOST:
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = _Verified(caller, float(claims["exp"]), version)
        return caller

    @property
    def _key_version(self) -> int:
        return self._key_set.version if self._key_set else 0

    async def _key_of(self, header: Mapping[str, Any]) -> VerifyKey:
        algorithm, name = header.get("alg"), header.get("kid", "")
        if not isinstance(algorithm, str) or not isinstance(name, str):
            raise UnauthenticatedError
        if algorithm == "HS256" and self._secret is not None:
            return self._secret
        if algorithm in ALGORITHMS and self._key_set is not None:
            return await self._key_set.find(name)
        raise UnauthenticatedError

    def _read(self, token: str, key: VerifyKey) -> dict[str, Any]:
        return jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            issuer=self._settings.jwt_issuer,
            leeway=_LEEWAY_S,
            # Audience and subject are looked at below: a server's token may have neither.
            options={"require": ["exp"], "verify_sub": False, "verify_aud": False},
        )

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        is_admin = any(_says(claims, path, value) for path, value in self._admin_claims)
        if is_admin and "sub" not in claims and "aud" not in claims:
            return Caller("service", None, is_admin=True)
        audience: object = claims.get("aud")
        named = cast("list[object]", audience) if isinstance(audience, list) else [audience]
        if self._settings.jwt_audience not in named or "sub" not in claims:
            raise UnauthenticatedError
        user_id = user_id_of(claims["sub"], self._settings.jwt_subject_namespace)
        if user_id is None:
            raise UnauthenticatedError(
                "The token's subject is not a user id; it must be a UUID.", code="invalid_subject"
            )
        return Caller(f"user:{user_id}", user_id, is_admin)


def _parse_claim(text: str) -> tuple[tuple[str, ...], str]:
    path, _, value = text.partition("=")
    return tuple(path.split(".")), value


def _says(claims: Mapping[str, Any], path: tuple[str, ...], value: str) -> bool:
    """Return whether the claim at the path is the value, or a list that holds it."""
    found: object = claims
    for name in path:
        if not isinstance(found, Mapping):
            return False
        found = cast("Mapping[str, object]", found).get(name)
    return found == value or (isinstance(found, list) and value in found)
