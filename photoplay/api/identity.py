"""Who asks: a bearer token, a ticket for one job, or the one user of local mode."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from uuid import UUID

import jwt
from starlette.requests import Request

from photoplay.api.service import Identity, service_of
from photoplay.config import LOCAL_USER, Settings
from photoplay.domain.errors import UnauthenticatedError

_LEEWAY_S = 10


async def current_identity(request: Request) -> Identity:
    """Return the identity of a request.

    Raises:
        UnauthenticatedError: missing, expired or not valid; the same answer for all of these.
    """
    settings = service_of(request).settings
    if settings.is_local_mode:
        return Identity(LOCAL_USER)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError("Send a valid bearer token.")
    return Identity(_user_of_token(token.strip(), settings))


def _user_of_token(token: str, settings: Settings) -> UUID:
    if settings.jwt_secret is None:
        raise UnauthenticatedError
    try:
        claims = jwt.decode(
            token,
            settings.jwt_secret.get_secret_value(),
            algorithms=["HS256"],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            leeway=_LEEWAY_S,
            # A subject that is no text is refused below, with the others that are no user.
            options={"require": ["exp", "sub", "aud"], "verify_sub": False},
        )
    except jwt.PyJWTError:
        raise UnauthenticatedError("Send a valid bearer token.") from None
    try:
        return UUID(claims["sub"])
    except (ValueError, AttributeError, TypeError):
        raise UnauthenticatedError(
            "The token's subject is not a user id; it must be a UUID.", code="invalid_subject"
        ) from None


def make_ticket(secret: bytes, job_id: UUID, user_id: UUID, expires_at: datetime) -> str:
    """Return a token for addresses that cannot carry a header: one job, one user, a short while."""
    expires = int(expires_at.timestamp())
    return f"{user_id}.{expires}.{_ticket_code(secret, job_id, user_id, expires)}"


def identity_of_ticket(request: Request, job_id: UUID) -> Identity | None:
    """Return whose ticket the request carries, or None when it carries none.

    Raises:
        UnauthenticatedError: the ticket is forged, expired, or another job's.
    """
    ticket = request.query_params.get("ticket")
    if ticket is None:
        return None
    refused = UnauthenticatedError(
        "The ticket is not valid; ask for a new one.", code="ticket_invalid"
    )
    try:
        user, expires, code = ticket.split(".")
        user_id, expires_s = UUID(user), int(expires)
    except ValueError:
        raise refused from None
    matches = [
        hmac.compare_digest(
            _ticket_code(secret, job_id, user_id, expires_s).encode(), code.encode()
        )
        for secret in service_of(request).media_secrets
    ]
    if not any(matches) or datetime.now(UTC).timestamp() >= expires_s:
        raise refused
    return Identity(user_id)


def _ticket_code(secret: bytes, job_id: UUID, user_id: UUID, expires_s: int) -> str:
    text = f"photoplay ticket 1\n{job_id}\n{user_id}\n{expires_s}"
    digest = hmac.digest(secret, text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
