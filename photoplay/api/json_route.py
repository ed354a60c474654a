"""A route that takes JSON: who asks is looked at first, and no more is read than a request can have."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from photoplay.api.identity import current_identity, require_admin
from photoplay.domain.errors import PayloadTooLargeError

# The longest prompt, every character escaped, is 24 KB.
MAX_BODY_BYTES: Final = 64 << 10
_PATIENCE: Final = 4


class JsonRoute(APIRoute):
    """Refuses strangers and large bodies before the body is parsed; the framework would do it after.

    Attributes:
        gate: finds out who asks, and raises for whom the route is not.

    Raises:
        UnauthenticatedError: as `current_identity`; the body was not read.
        PayloadTooLargeError: more than `MAX_BODY_BYTES`; the connection is closed.
    """

    gate: Callable[[Request], Coroutine[Any, Any, object]] = staticmethod(current_identity)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            await self.gate(request)
            small = _SmallRequest(request.scope, request.receive)
            await small.body()
            return await answer(small)

        return handle


class AdminRoute(JsonRoute):
    """A route for operators alone."""

    gate = staticmethod(require_admin)


class _SmallRequest(Request):
    _content: bytes | None = None

    async def body(self) -> bytes:
        if self._content is None:
            content, received = bytearray(), 0
            async for chunk in self.stream():
                received += len(chunk)
                # Past the limit the rest is only read, so that the answer can be.
                if received <= MAX_BODY_BYTES:
                    content += chunk
                elif received > _PATIENCE * MAX_BODY_BYTES:
                    break
            if received > MAX_BODY_BYTES:
                raise PayloadTooLargeError(f"The body has more than {MAX_BODY_BYTES} bytes.")
            self._content = bytes(content)
        return self._content
