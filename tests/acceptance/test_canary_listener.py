"""Fault 41: a listener inside that nobody may ever reach, whoever names its address, however it is spelt."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from photoplay.db.pool import operator
from photoplay.operations.cancel_job import cancel_job
from photoplay.sandbox import Fault, Sandbox, SandboxOptions
from tests.conftest import until

pytestmark = pytest.mark.fault(41)
# Beside the one address that the installation may reach, 127.0.0.1.
HOST = "127.0.0.2"
SPELLINGS = [
    HOST, "127.2", "2130706434", "0x7f000002", "0x7f.0.0.2", "0177.0.0.2", "127.0.0.2.", "[::ffff:127.0.0.2]",
    "[::ffff:7f00:2]", "[::127.0.0.2]", "[64:ff9b::7f00:2]", "[2002:7f00:2::]", "①②⑦.0.0.2", "127。0。0。2",
    "127.0.0.2%00", "user@127.0.0.2", "example.com@127.0.0.2", "0.0.0.0", "[::]", "[::1]",
]  # fmt: skip


@dataclass
class Canary:
    """A server of the inside.

    Attributes:
        visits: connections that were made to it.
    """

    port: int = 0
    visits: int = 0

    def address(self, host: str = HOST, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/latest/meta-data"


@pytest.fixture
async def sandbox(monkeypatch) -> AsyncIterator[Sandbox]:
    """The providers' look-alikes are all of the inside that may be reached."""
    storing = importlib.import_module("photoplay.worker.phases.storing")
    monkeypatch.setattr(storing, "_GONE_PAUSE", timedelta(seconds=0.1))
    async with Sandbox(SandboxOptions(quick=True, queue_s=0.0, run_s=0.1)) as opened:
        for name, value in opened.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PHOTOPLAY_ALLOWED_NETWORKS", "127.0.0.1/32")
        yield opened


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    """Listening on the loopback's second address, and on IPv6 where there is one."""
    canary = Canary()

    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        canary.visits += 1
        writer.close()

    async with contextlib.AsyncExitStack() as closing:
        server = await asyncio.start_server(meet, HOST, 0)
        await closing.enter_async_context(server)
        canary.port = server.sockets[0].getsockname()[1]
        with contextlib.suppress(OSError):
            await closing.enter_async_context(await asyncio.start_server(meet, "::1", canary.port))
        yield canary
        assert canary.visits == 0
        # It was there all the time.
        _, writer = await asyncio.open_connection(HOST, canary.port)
        await until(lambda: canary.visits == 1)
        writer.close()
        await writer.wait_closed()


async def test_no_address_that_a_user_names_is_visited(shop, canary):
    async with httpx.AsyncClient(base_url=shop.stack.settings.public_url) as http:
        for host in SPELLINGS:
            for scheme in ("http", "https", "HTTP", "gopher", "file"):
                body = {"sourceImageUrl": canary.address(host, scheme)}
                answer = await http.post("/api/video/animate", json=body)
                assert (answer.status_code, answer.json()["code"]) == (400, "url_not_allowed"), body


async def test_no_redirect_of_a_users_server_is_followed_inside(shop, canary):
    targets = [
        canary.address(host, scheme) for host in SPELLINGS[:8] for scheme in ("http", "https")
    ]

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        target = targets[int(head.split(b" ")[1].strip(b"/"))]
        writer.write(
            f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient(base_url=shop.stack.settings.public_url) as http:
        jobs = []
        for number in range(len(targets)):
            body = {"sourceImageUrl": f"http://127.0.0.1:{port}/{number}"}
            jobs.append((await http.post("/api/video/animate", json=body)).json()["data"]["jobId"])
        for job_id in jobs:
            job = await shop.ended(job_id)
            assert job["failure"]["code"] == "image_rejected"


@pytest.mark.parametrize("provider", ["fal-pika", "runway", "kling"])
async def test_no_address_that_a_provider_names_is_visited(shop, canary, provider):
    """As its result, as a redirect from anywhere, or as where it says that its own answers are."""
    hosts = [HOST, "2130706434", "[::ffff:127.0.0.2]", "[::1]"]
    faults = [Fault(do="result_url", location=canary.address(host)) for host in hosts]
    faults += [
        Fault(do="redirect", route=route, location=canary.address())
        for route in ("submit", "poll", "media")
    ]
    if provider == "fal-pika":
        named = dict.fromkeys(("status_url", "response_url", "cancel_url"), canary.address())
        faults += [Fault(do="patch", body=named), Fault(do="patch", route="poll", body=named)]
    for fault in faults:
        (armed,) = shop.sandbox.add(fault)
        job_id = await shop.wish(provider)
        await until(lambda armed=armed: armed.hits)
        if fault.do == "result_url":
            await until(lambda job_id=job_id: shop.attempts(job_id)[-1]["status"] == "succeeded")
            # The worker comes back to it again and again, and leaves the address alone.
            seen = claims(shop, job_id)
            await until(lambda job_id=job_id, seen=seen: claims(shop, job_id) >= seen + 2)
        elif fault.route != "submit" or fault.do == "patch":
            await shop.ended(job_id)
        if not shop.job(job_id)["finished_at"]:
            await cancel_job(shop.database, operator(shop.user), job_id)


def claims(shop, job_id) -> int:
    """How often a worker has taken the job up."""
    return shop.owner.execute(
        "select fence from photoplay.leases where job_id = %s", (job_id,)
    ).fetchone()[0]
