"""Around every request: its id, time, headers, and what local mode allows. Plain ASGI."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photoplay.api.metrics import REQUESTS
from photoplay.api.problem import crash, problem
from photoplay.telemetry import get_logger

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
_LOOPBACK_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_QUIET = ("/healthz", "/readyz", "/metrics")
# Unless a route says otherwise: nothing is kept, framed, guessed, or loaded by another site's page.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HTTPS = {"Strict-Transport-Security": "max-age=31536000"}
_log = get_logger("photoplay.api")


class RequestMiddleware:
    """Gives every request an id, measures it, and sets the headers that every answer carries.

    Args:
        is_https: others reach this server over https only, and browsers may rely on that.
    """

    def __init__(self, app: ASGIApp, *, is_https: bool = False) -> None:
        self._app = app
        self._headers = {**_HEADERS, **(_HTTPS if is_https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid4().hex
        scope["request_id"] = request_id
        began = time.perf_counter()
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                self._count(scope, message["status"], time.perf_counter() - began)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, answer)
            except ClientDisconnect:
                return
            except Exception as error:
                _log.error("request.crashed", error=type(error).__name__, exc_info=error)
                if started:
                    raise
                await crash(Request(scope))(scope, receive, answer)

    @staticmethod
    def _count(scope: Scope, status: int, seconds: float) -> None:
        # Pages have no route in the scope; an unknown address has neither.
        handler = getattr(scope.get("endpoint"), "__name__", "none")
        route = getattr(scope.get("route"), "path", handler)
        REQUESTS.labels(route, scope["method"], str(status)).observe(seconds)
        if not scope["path"].startswith(_QUIET) and status >= 500:
            _log.warning("request.answered", route=route, status=status, seconds=round(seconds, 3))


class LocalModeMiddleware:
    """In local mode everybody who reaches the server is its user, so only this machine's pages may.

    A foreign Host would be a rebound name, a foreign Origin another site's page in our user's browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host, origin = headers.get("host", ""), headers.get("origin")
            if not _LOOPBACK_HOST.fullmatch(host):
                await self._refuse(
                    scope, receive, send, "host_not_loopback", "local mode answers on loopback only"
                )
                return
            if origin is not None and origin.partition("://")[2].lower() != host.lower():
                await self._refuse(
                    scope, receive, send, "foreign_origin", "local mode serves its own pages only"
                )
                return
        await self._app(scope, receive, send)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send, code: str, detail: str) -> None:
        answer = problem(
            Request(scope), 403, code, f"Refused: {detail}; configure an identity to serve others."
        )
        await answer(scope, receive, send)
