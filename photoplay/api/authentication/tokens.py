"""Callers with a JWT of the product's sign-in."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import jwt

from photoplay.api.authentication.caller import Caller
from photoplay.config import Settings
from photoplay.domain.errors import UnauthenticatedError

_LEEWAY_S: Final = 10


class Tokens:
    """Verifies JWTs by the shared secret."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def verify(self, token: str) -> Caller:
        """Return whose token it is.

        Raises:
            UnauthenticatedError: not valid, or `invalid_subject`: its subject is no user id.
        """
        secret = self._settings.jwt_secret
        if secret is None:
            raise UnauthenticatedError
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                secret.get_secret_value(),
                algorithms=["HS256"],
                audience=self._settings.jwt_audience,
                issuer=self._settings.jwt_issuer,
                leeway=_LEEWAY_S,
                # A subject that is no text is refused below, with the others that are no user.
                options={"require": ["exp", "sub", "aud"], "verify_sub": False},
            )
        except jwt.PyJWTError:
            raise UnauthenticatedError from None
        try:
            user_id = UUID(claims["sub"])
        except (ValueError, AttributeError, TypeError):
            raise UnauthenticatedError(
                "The token's subject is not a user id; it must be a UUID.", code="invalid_subject"
            ) from None
        return Caller(f"user:{user_id}", user_id)
