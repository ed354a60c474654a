"""Answers that misbehave on the wire, and the real answers that they are made from."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from photoplay.sandbox.clock import Clock
from photoplay.sandbox.faults import Fault

Connections = dict[tuple[str, int], asyncio.Transport]

HTML: Final = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_HUGE: Final = 64 << 20
_ENORMOUS: Final = 10_000_000_000
_BLOCK: Final = bytes(1 << 16)
_GARBAGE: Final = b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n"


async def _gone(receive: Receive) -> None:
    """Return when the client has gone or its connection was ended."""
    while (await receive())["type"] != "http.disconnect":
        pass


def end_with_reset(transport: asyncio.Transport) -> None:
    """End a connection the hard way."""
    # No lingering: the peer gets RST instead of FIN, and what is unsent is dropped.
    sock = cast("socket.socket | None", transport.get_extra_info("socket"))
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Severed(Response):
    """Ends the connection, perhaps after some bytes of an answer.

    Args:
        first: bytes that go out as they are, status line included.
        reset: True ends with RST, False with FIN.
    """

    def __init__(
        self, connections: Connections, *, first: bytes = b"", reset: bool = False
    ) -> None:
        super().__init__(status_code=499)
        self._connections = connections
        self._first = first
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = self._connections.get(tuple(scope["client"]))
        if transport is None:
            return
        if self._first:
            transport.write(self._first)
        if self._reset:
            end_with_reset(transport)
        else:
            transport.close()
        await _gone(receive)


class Silent(Response):
    """Never answers; ends when the client gives up."""

    def __init__(self) -> None:
        super().__init__(status_code=499)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _gone(receive)


@dataclass(slots=True)
class RealAnswer:
    """What would have been answered."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    async def of(cls, response: Response, request: Request) -> RealAnswer:
        """Run a response against nobody and keep what it says."""
        real = cls(500, [], b"")
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                real.status = message["status"]
                real.headers = list(message["headers"])
            else:
                body.extend(message.get("body", b""))

        await response({**request.scope, "extensions": {}}, request.receive, keep)
        real.body = bytes(body)
        return real

    def raw(self, body: bytes, *, declared: int | None) -> bytes:
        """Return the answer as bytes on the wire, with another body and length than its own."""
        lines = [b"HTTP/1.1 %d Answer" % self.status]
        lines += [
            name + b": " + value
            for name, value in self.headers
            if name.lower() not in {b"content-length", b"connection"}
        ]
        if declared is not None:
            lines.append(b"content-length: %d" % declared)
        lines.append(b"connection: close")
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def as_response(self, body: bytes | None = None) -> Response:
        """Return the answer again, its body perhaps another."""
        response = Response(self.body if body is None else body, self.status)
        kept = [pair for pair in self.headers if pair[0].lower() != b"content-length"]
        response.raw_headers = [
            *kept,
            (b"content-length", str(len(self.body if body is None else body)).encode()),
        ]
        return response

    def json(self) -> Any:
        return json.loads(self.body)


class Misbehaviour:
    """Turns answer and media faults into responses.

    Args:
        connections: the open connections by the client's address and port.
    """

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._instead: dict[str, Callable[[Fault], Response]] = {
            "reset": lambda _: Severed(connections, reset=True),
            "close": lambda _: Severed(connections),
            "hang": lambda _: Silent(),
            "garbage": lambda _: Severed(connections, first=_GARBAGE),
            "redirect": _redirect,
            "html": _page,
            "status": scripted,
            "huge": _huge_answer,
            "enormous": _enormous_answer,
        }
        self._spoilt: dict[str, Callable[[Fault, RealAnswer], Response]] = {
            "cut": self._cut,
            "wrong_length": self._of_wrong_length,
            "no_length": self._without_length,
            "without_id": lambda _, real: real.as_response(_encode(without_ids(real.json()))),
            "patch": lambda fault, real: real.as_response(_encode(merged(real.json(), fault.body))),
            "wrong_type": _of_wrong_type,
            "corrupt": lambda _, real: real.as_response(
                real.body[:64] + bytes(len(real.body[64:]))
            ),
            "no_ranges": lambda _, real: Response(real.body, 200, media_type="video/mp4"),
            "drip": self._dripping,
        }

    def instead(self, fault: Fault) -> Response | None:
        """Return what a fault answers without knowing the real answer; None when it needs it."""
        make = self._instead.get(fault.do)
        return make(fault) if make is not None else None

    async def spoilt(self, fault: Fault, response: Response, request: Request) -> Response:
        """Return the real answer with the fault in it."""
        if fault.do == "delay":
            await self._clock.sleep(5.0 if fault.seconds is None else fault.seconds)
            return response
        return self._spoilt[fault.do](fault, await RealAnswer.of(response, request))

    def _cut(self, fault: Fault, real: RealAnswer) -> Response:
        kept = real.body[: fault.size if fault.size is not None else len(real.body) // 2]
        return Severed(self._connections, first=real.raw(kept, declared=len(real.body)))

    def _of_wrong_length(self, fault: Fault, real: RealAnswer) -> Response:
        declared = fault.size if fault.size is not None else len(real.body) + 4096
        return Severed(self._connections, first=real.raw(real.body, declared=declared))

    def _without_length(self, fault: Fault, real: RealAnswer) -> Response:
        return Severed(self._connections, first=real.raw(real.body, declared=None))

    def _dripping(self, fault: Fault, real: RealAnswer) -> Response:
        piece = fault.size or 1024
        pause = 1.0 if fault.seconds is None else fault.seconds

        async def pieces() -> AsyncGenerator[bytes]:
            for start in range(0, len(real.body), piece):
                yield real.body[start : start + piece]
                await self._clock.sleep(pause)

        response = StreamingResponse(pieces(), real.status)
        response.raw_headers = real.headers
        return response


def _redirect(fault: Fault) -> Response:
    target = fault.location or "http://169.254.169.254/latest/meta-data/"
    return RedirectResponse(target, fault.status or 302, fault.headers)


def _page(fault: Fault) -> Response:
    status = fault.status or 200
    page = HTML.format(title=f"{status} Sandbox")
    return Response(page, status, {**fault.headers, "Content-Type": "text/html"})


def _huge_answer(fault: Fault) -> Response:
    size = _HUGE if fault.size is None else fault.size
    return StreamingResponse(_huge(size), fault.status or 200, media_type="application/json")


def _enormous_answer(fault: Fault) -> Response:
    length = {"Content-Length": str(fault.size or _ENORMOUS)}
    return StreamingResponse(_zeros(), 200, length, media_type=fault.content_type or "video/mp4")


def _of_wrong_type(fault: Fault, real: RealAnswer) -> Response:
    kind = fault.content_type or "text/html"
    body = HTML.format(title="Sign in").encode() if kind == "text/html" else real.body
    return Response(body, real.status, media_type=kind)


async def _huge(size: int) -> AsyncGenerator[bytes]:
    yield b'{"request_id": "00000000-0000-4000-8000-000000000000", "padding": "'
    for _ in range(size // len(_BLOCK) + 1):
        yield b"x" * len(_BLOCK)
        await asyncio.sleep(0)
    yield b'"}'


async def _zeros() -> AsyncGenerator[bytes]:
    while True:
        yield _BLOCK
        # Once the client has gone nothing else would let the loop find out.
        await asyncio.sleep(0)


def scripted(fault: Fault) -> Response:
    """Return exactly the status, headers and body that a fault names."""
    status = fault.status or 500
    if fault.body is None or isinstance(fault.body, str):
        text = "upstream error" if fault.body is None else fault.body
        return Response(text, status, fault.headers, media_type="text/plain")
    return JSONResponse(fault.body, status, fault.headers)


_ID_KEYS: Final = frozenset(
    {
        "id",
        "request_id",
        "gateway_request_id",
        "task_id",
        "status_url",
        "response_url",
        "cancel_url",
    }
)


def without_ids(value: Any) -> Any:
    """Return JSON without every field that names a task."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: without_ids(v) for name, v in members.items() if name not in _ID_KEYS}
    if isinstance(value, list):
        return [without_ids(item) for item in cast("list[Any]", value)]
    return value


def merged(value: Any, patch: Any) -> Any:
    """Return JSON with a merge patch applied. Source: RFC 7396."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else {}
    for name, change in cast("Mapping[str, Any]", patch).items():
        if change is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), change)
    return result


def _encode(value: Any) -> bytes:
    return json.dumps(value).encode()
