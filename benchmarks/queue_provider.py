"""A provider whose every task is in progress, in the form of fal's queue, as fast as one process answers.

It stands for the sandbox where the sandbox would be what is measured. It notes when each task was
asked about, and answers a while later, as a provider far away does.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time
from typing import Any

_STATUS = re.compile(rb"GET /[^ ]*/requests/([0-9a-f-]+)/status ")
_BODY = b'{"status":"IN_PROGRESS","logs":null}'
_ANSWER = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_BODY), _BODY)
)
_UNKNOWN = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

Polls = dict[str, list[int]]


class Asked(asyncio.Protocol):
    """One connection of a client that asks one thing at a time."""

    def __init__(self, polls: Polls, answer_after_s: float) -> None:
        self._polls = polls
        self._after_s = answer_after_s
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._request += data
        if not self._request.endswith(b"\r\n\r\n"):
            return
        found, self._request = _STATUS.match(self._request), b""
        if found:
            self._polls.setdefault(found[1].decode(), []).append(time.time_ns())
        answer = _ANSWER if found else _UNKNOWN
        asyncio.get_running_loop().call_later(self._after_s, self._transport.write, answer)


async def serve(order: dict[str, Any]) -> Polls:
    """Answer until SIGTERM and return when each task was asked about (clock of the machine, ns)."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    polls: Polls = {}
    server = await loop.create_server(
        lambda: Asked(polls, order["answer_after_s"]), "127.0.0.1", 0, backlog=512
    )
    print(f"ready {server.sockets[0].getsockname()[1]}", flush=True)
    await stopping.wait()
    server.close()
    return polls


def answer() -> None:
    """Read the order from stdin, write the result to stdout."""
    order = json.loads(sys.stdin.readline())
    print(json.dumps(asyncio.run(serve(order))))


if __name__ == "__main__":
    answer()
