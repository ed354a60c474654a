"""/admin/sign-in: open a session with an operator's API key, and end it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from photoplay.api.routes.control_room.access import (
    COOKIE,
    SESSION,
    SIGN_IN,
    make_session,
    require_own_form,
)
from photoplay.api.routes.control_room.pages import page, problem_page
from photoplay.api.service import service_of
from photoplay.domain.api_key import KeyText
from photoplay.domain.errors import PhotoplayError, UnauthenticatedError


async def show(request: Request) -> Response:
    """Ask for the key."""
    return page(request, "sign_in", then=_then(request.query_params.get("then")), refused=False)


async def enter(request: Request) -> Response:
    """Open a session when the key is an operator's."""
    service = service_of(request)
    try:
        require_own_form(request)
        form = await request.form(max_files=0, max_fields=4, max_part_size=4096)
        text, then = str(form.get("key", "")).strip(), _then(str(form.get("then", "")))
        caller = await service.authenticator.keys.verify(text)
        key = KeyText.parse(text)
    except UnauthenticatedError:
        return page(request, "sign_in", status=401, then="/admin", refused=True)
    except PhotoplayError as error:
        return problem_page(request, error)
    if key is None or not caller.is_admin:
        return page(request, "sign_in", status=403, then=then, refused=True)
    answer = RedirectResponse(then, 303)
    answer.set_cookie(
        COOKIE,
        make_session(service, key.prefix),
        max_age=int(SESSION.total_seconds()),
        path="/admin",
        secure=service.base_url.startswith("https:"),
        httponly=True,
        samesite="strict",
    )
    return answer


async def leave(request: Request) -> Response:
    """End the session in this browser."""
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE, path="/admin", httponly=True, samesite="strict")
    return answer


def _then(path: str | None) -> str:
    """Where to go afterwards: only to a page of the control room."""
    return path if path and path.startswith("/admin") and "//" not in path else "/admin"


routes = [
    Route(SIGN_IN, show),
    Route(SIGN_IN, enter, methods=["POST"]),
    Route("/admin/sign-out", leave, methods=["POST"]),
]
