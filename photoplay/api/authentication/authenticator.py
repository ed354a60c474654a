"""Finds out who sent a request, by whatever it carries."""

from __future__ import annotations

from starlette.requests import Request

from photoplay.api.authentication.api_keys import ApiKeys
from photoplay.api.authentication.caller import LOCAL, Caller
from photoplay.api.authentication.tokens import Tokens
from photoplay.config import Settings
from photoplay.db.pool import Database
from photoplay.domain.errors import UnauthenticatedError

_KEY_BEGINS = "pp_"


class Authenticator:
    """Finds out who calls.

    Attributes:
        keys: the API keys; told when one is revoked here.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._tokens = Tokens(settings)
        self.keys = ApiKeys(database)

    async def caller_of(self, request: Request) -> Caller:
        """Return who sent the request.

        Raises:
            UnauthenticatedError: nobody that we know; the same answer whatever was wrong.
            UnavailableError: it cannot be found out now.
        """
        if self._settings.is_local_mode:
            return LOCAL
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError
        if token.startswith(_KEY_BEGINS):
            return await self.keys.verify(token)
        return await self._tokens.verify(token)

    async def close(self) -> None:
        """Finish what is being noted."""
        await self.keys.close()
