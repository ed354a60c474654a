"""Who may enter the control room: an operator's identity, or a session opened with an operator's API key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from photoplay.api.authentication.caller import Caller
from photoplay.api.identity import current_caller
from photoplay.api.routes.control_room.pages import problem_page
from photoplay.api.service import Service, service_of
from photoplay.db.pool import ADMIN
from photoplay.domain.api_key import KeyScope
from photoplay.domain.errors import (
    ForbiddenError,
    InvalidRequestError,
    PhotoplayError,
    UnauthenticatedError,
)

COOKIE: Final = "photoplay_operator"
SIGN_IN: Final = "/admin/sign-in"
SESSION: Final = timedelta(hours=12)

Page = Callable[[Request, Caller], Awaitable[Response]]


def operators_only(page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Let an operator in and show others the way to sign in; a form must come from our own pages."""

    @wraps(page)
    async def guarded(request: Request) -> Response:
        try:
            if request.method == "POST":
                require_own_form(request)
            _require_text(request)
            operator = await _operator(request)
            if operator is None:
                return RedirectResponse(f"{SIGN_IN}?then={quote(request.url.path)}", 303)
            return await page(request, operator)
        except PhotoplayError as error:
            return problem_page(request, error)

    return guarded


def require_own_form(request: Request) -> None:
    """Refuse what another site's page sends in the operator's browser.

    Raises:
        ForbiddenError: `foreign_origin`.
    """
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    is_own = (
        urlsplit(origin).netloc.lower() == host.lower()
        if origin
        else request.headers.get("sec-fetch-site") == "same-origin"
    )
    if not is_own:
        raise ForbiddenError(
            "This form is not from here; open the page anew.", code="foreign_origin"
        )


def _require_text(request: Request) -> None:
    """Refuse what no text of the database can hold.

    Raises:
        InvalidRequestError: the address has a NUL in it.
    """
    asked = [*request.path_params.values(), *request.query_params.values()]
    if any("\0" in str(text) for text in asked):
        raise InvalidRequestError("The address has a NUL character in it; nothing is called so.")


async def _operator(request: Request) -> Caller | None:
    try:
        caller = await current_caller(request)
    except UnauthenticatedError:
        return await _of_session(request)
    if caller.is_admin:
        return caller
    return await _of_session(request)


async def _of_session(request: Request) -> Caller | None:
    service = service_of(request)
    prefix = _read_session(service, request.cookies.get(COOKIE, ""))
    if prefix is None:
        return None
    # Looked up each time: a revoked key ends its sessions at once.
    rows = await service.database.once(ADMIN, "find_key", {"prefix": prefix})
    if not rows or rows[0]["scope"] != KeyScope.ADMIN:
        return None
    return Caller(f"key:{prefix}", None, is_admin=True)


def make_session(service: Service, prefix: str) -> str:
    """Return the cookie of a session that was opened with the key of this prefix."""
    expires = int((datetime.now(UTC) + SESSION).timestamp())
    return f"{prefix}.{expires}.{_code(service.media_secrets[0], prefix, expires)}"


def _read_session(service: Service, cookie: str) -> str | None:
    prefix, _, rest = cookie.partition(".")
    expires, _, code = rest.partition(".")
    if not expires.isdecimal() or int(expires) <= datetime.now(UTC).timestamp():
        return None
    matches = [
        hmac.compare_digest(_code(secret, prefix, int(expires)).encode(), code.encode())
        for secret in service.media_secrets
    ]
    return prefix if any(matches) else None


def _code(secret: bytes, prefix: str, expires_s: int) -> str:
    text = f"photoplay control room 1\n{prefix}\n{expires_s}"
    digest = hmac.digest(secret, text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
