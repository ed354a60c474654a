"""Whose things a request reaches: its caller's own, those of a user an operator names, or a ticket's."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final, cast
from uuid import UUID

from starlette.requests import Request

from photoplay.api.authentication.caller import Caller
from photoplay.api.service import Identity, service_of
from photoplay.domain.errors import ForbiddenError, InvalidRequestError, UnauthenticatedError
from photoplay.domain.user import user_id_of

ON_BEHALF_OF: Final = "X-On-Behalf-Of"
_MEMO: Final = "photoplay.caller"


async def current_caller(request: Request) -> Caller:
    """Return who sent the request; found out once for each.

    Raises:
        UnauthenticatedError: missing, expired or not valid; the same answer for all of these.
        UnavailableError: it cannot be found out now.
    """
    caller = request.scope.get(_MEMO)
    if caller is None:
        caller = request.scope[_MEMO] = await service_of(request).authenticator.caller_of(request)
    return cast("Caller", caller)


async def current_identity(request: Request) -> Identity:
    """Return whose things the request is about.

    Raises:
        UnauthenticatedError: as `current_caller`.
        ForbiddenError: `admin_required`; only operators act for others.
        InvalidRequestError: `on_behalf_of_required` or `on_behalf_of_invalid`; an operator's key has no
            user of its own and must name one.
    """
    caller = await current_caller(request)
    named = request.headers.getlist(ON_BEHALF_OF)
    if named:
        _check_admin(caller)
        namespace = service_of(request).settings.jwt_subject_namespace
        user_id = user_id_of(named[0], namespace) if len(named) == 1 else None
        if user_id is None:
            raise InvalidRequestError(
                f"{ON_BEHALF_OF}: names no user; send one user id, as the token's sub would be",
                code="on_behalf_of_invalid",
            )
        return Identity(user_id)
    if caller.user_id is None:
        raise InvalidRequestError(
            f"{ON_BEHALF_OF}: missing; this key acts for the user that the header names",
            code="on_behalf_of_required",
        )
    return Identity(caller.user_id)


async def require_admin(request: Request) -> Caller:
    """Return the operator that sent the request; the dependency of everything under `/api/admin`.

    Raises:
        UnauthenticatedError: as `current_caller`.
        ForbiddenError: `admin_required`; the identity is good and no operator's.
    """
    caller = await current_caller(request)
    _check_admin(caller)
    return caller


def _check_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise ForbiddenError("Only an operator may do that.", code="admin_required")


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
