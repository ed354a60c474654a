"""What the routes work with, kept on the application."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, cast
from uuid import UUID

from starlette.requests import HTTPConnection

from photoplay.api.authentication.authenticator import Authenticator
from photoplay.api.callback_keys import CallbackKeys
from photoplay.config import Settings
from photoplay.db.changes import JobChanges
from photoplay.db.pool import Database
from photoplay.intake import PictureIntake
from photoplay.network.addresses import AddressPolicy
from photoplay.network.guard import Resolver
from photoplay.registry import Registry
from photoplay.storage.objects import ObjectStore
from photoplay.storage.signing import sign_media


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """An absolute address that works for anybody until `expires_at`."""

    url: str
    expires_at: datetime


@dataclass(slots=True)
class Service:
    """The opened parts of the installation, and the few things several routes share.

    Attributes:
        base_url: how clients reach this server, without a trailing slash.
        media_secrets: the first signs, all verify.
    """

    settings: Settings
    database: Database
    store: ObjectStore
    intake: PictureIntake
    changes: JobChanges
    registry: Registry
    media_secrets: tuple[bytes, ...]
    addresses: AddressPolicy
    resolver: Resolver
    callback_keys: CallbackKeys
    authenticator: Authenticator
    base_url: str

    async def signed_url(self, key: str) -> SignedUrl:
        """Return a fresh signed address of an object: the store's own, or ours for the local store."""
        ttl = timedelta(seconds=self.settings.signed_url_s)
        expires_at = (datetime.now(UTC) + ttl).replace(microsecond=0)
        url = await self.store.presign_get(key, ttl)
        return SignedUrl(url or self.our_url(key, expires_at), expires_at)

    def our_url(self, key: str, expires_at: datetime, method: Literal["GET", "PUT"] = "GET") -> str:
        """Return an address of our own media route for one method."""
        return sign_media(
            key,
            expires_at=expires_at,
            secrets=self.media_secrets,
            base_url=self.base_url,
            method=method,
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose things a request is about."""

    user_id: UUID


def service_of(connection: HTTPConnection) -> Service:
    """Return the application's parts, with addresses as this client reaches us.

    Without a public address the client's own name for us is right: `localhost` and `127.0.0.1` are
    two origins to a browser, and a page may only show media of its own.
    """
    service = cast("Service", connection.app.state.service)
    host = connection.headers.get("host")
    if service.settings.public_url is not None or host is None:
        return service
    return replace(service, base_url=f"{connection.url.scheme}://{host}")
