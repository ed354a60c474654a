"""Finds out who sent a request, by whatever it carries."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from photoplay.api.authentication.api_keys import ApiKeys
from photoplay.api.authentication.caller import LOCAL, Caller
from photoplay.api.authentication.key_set import KeySet
from photoplay.api.authentication.session_cookies import access_tokens
from photoplay.api.authentication.tokens import Tokens
from photoplay.config import Settings
from photoplay.db.pool import Database
from photoplay.domain.errors import ForbiddenError, UnauthenticatedError
from photoplay.network.sender import Sender

_KEY_BEGINS: Final = "pp_"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Authenticator:
    """Finds out who calls.

    Attributes:
        keys: the API keys; told when one is revoked here.
        key_set: the sign-in's public keys, where they are configured.
    """

    def __init__(self, settings: Settings, database: Database, sender: Sender) -> None:
        self._settings = settings
        self.keys = ApiKeys(database)
        self.key_set = KeySet(sender, settings.jwks_url) if settings.jwks_url else None
        self._tokens = Tokens(settings, self.key_set)

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """Keep the sign-in's keys fresh meanwhile, and finish at the end what is being noted."""
        fetching = asyncio.create_task(self.key_set.run()) if self.key_set else None
        try:
            yield
        finally:
            if fetching is not None:
                fetching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await fetching
            await self.keys.close()

    async def caller_of(self, request: Request) -> Caller:
        """Return who sent the request.

        Raises:
            UnauthenticatedError: nobody that we know; the same answer whatever was wrong.
            ForbiddenError: `foreign_origin`; another site's page used the session of our user.
            UnavailableError: it cannot be found out now.
        """
        if self._settings.is_local_mode:
            return LOCAL
        header = request.headers.get("authorization")
        if header is None:
            return await self._holder_of_session(request)
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError
        if token.startswith(_KEY_BEGINS):
            return await self.keys.verify(token)
        return await self._tokens.verify(token)

    async def _holder_of_session(self, request: Request) -> Caller:
        refusal = UnauthenticatedError()
        for token in access_tokens(request.cookies):
            try:
                caller = await self._tokens.verify(token)
            except UnauthenticatedError as error:
                refusal = error
                continue
            self._check_origin(request)
            return caller
        raise refusal

    def _check_origin(self, request: Request) -> None:
        """Refuse an unsafe request that a browser did not send from a page of ours.

        Cookies go along with every request to us, whichever page makes it; only `Origin` tells.
        """
        if request.method in _SAFE_METHODS:
            return
        origin = request.headers.get("origin", "")
        if origin in self._settings.cors_origins:
            return
        public = self._settings.public_url
        if public is not None:
            place = urlsplit(public)
            is_ours = origin == f"{place.scheme}://{place.netloc}"
        else:
            host = request.headers.get("host", "")
            is_ours = origin.partition("://")[2].lower() == host.lower() != ""
        if not is_ours:
            raise ForbiddenError(
                "Refused: with a session cookie, only pages of this site may do that; from elsewhere send "
                "a bearer token.",
                code="foreign_origin",
            )
