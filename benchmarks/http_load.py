"""Load over HTTP: some clients, each with one request at a time on a connection that stays open.

A process of its own. Requests are bytes made beforehand and answers are hardly looked at, so that it
takes little of the machine that it shares with the server; what it takes is in its answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import percentile

# Stands in a request for a fresh key; of the same length, so that Content-Length stays right.
KEY = b"<32-characters-of-a-fresh-key>!!"
_PATIENCE_S = 60.0
_LENGTH = b"\r\ncontent-length: "


def get(path: str, token: str, etag: str | None = None) -> bytes:
    """Return the bytes of a reading request."""
    condition = f"If-None-Match: {etag}\r\n" if etag else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"{condition}\r\n"
    ).encode()


def post(path: str, token: str, body: bytes) -> bytes:
    """Return the bytes of a writing request; `KEY` in its body becomes a fresh key every time."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Run:
    """What all clients found."""

    counted_from: float
    ends_at: float
    latencies_ms: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    keys: int = 0

    def fresh_key(self) -> bytes:
        self.keys += 1
        return b"%08x%08x%016x" % (os.getpid(), int(self.ends_at) & 0xFFFFFFFF, self.keys)


class Client(asyncio.Protocol):
    """One connection: sends the next request when the answer is complete."""

    def __init__(self, requests: list[list[bytes]], run: Run) -> None:
        self._requests = requests
        self._run = run
        self._next = 0
        self._answer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        parts = self._requests[self._next % len(self._requests)]
        self._next += 1
        request = parts[0] if len(parts) == 1 else self._run.fresh_key().join(parts)
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        answer = self._answer + data if self._answer else data
        head = answer.find(b"\r\n\r\n")
        if head < 0:
            self._answer = answer
            return
        at = answer.find(_LENGTH, 0, head + 2)
        length = int(answer[at + len(_LENGTH) : answer.find(b"\r", at + 2)]) if at >= 0 else 0
        if len(answer) < head + 4 + length:
            self._answer = answer
            return
        self._answer = b""
        now, run = time.perf_counter(), self._run
        run.statuses[answer[9:12].decode()] += 1
        if self._sent >= run.counted_from and now <= run.ends_at:
            run.latencies_ms.append((now - self._sent) * 1000)
        if now < run.ends_at:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if time.perf_counter() < self._run.ends_at:
            self._run.statuses["lost"] += 1
        if not self.done.done():
            self.done.set_result(None)


async def press(port: int, clients: int, requests: list[bytes], *, warm_s: float, s: float) -> Run:
    """Send requests with `clients` clients; the first `warm_s` seconds are not counted."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    run = Run(began + warm_s, began + warm_s + s)
    split = [request.split(KEY) for request in requests]
    made = [Client(split[n::clients] or split, run) for n in range(clients)]
    for client in made:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
    async with asyncio.timeout(warm_s + s + _PATIENCE_S):
        await asyncio.gather(*(client.done for client in made))
    return run


def answer() -> None:
    """Read the order from stdin, write the result to stdout."""
    order = json.loads(sys.stdin.readline())
    requests = Path(order["requests"]).read_bytes().split(b"\0")
    cpu = time.process_time()
    run = asyncio.run(
        press(
            order["port"],
            order["clients"],
            requests,
            warm_s=order["warm_s"],
            s=order["seconds"],
        )
    )
    cpu = time.process_time() - cpu
    print(
        json.dumps(
            {
                "per_s": len(run.latencies_ms) / order["seconds"],
                "p50_ms": percentile(run.latencies_ms, 0.5),
                "p99_ms": percentile(run.latencies_ms, 0.99),
                "answers": sum(run.statuses.values()),
                "statuses": run.statuses,
                "cpu_s": cpu,
            }
        )
    )


if __name__ == "__main__":
    answer()
