"""A served installation in a process of its own, wired to the sandbox, and all that it lets out."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import psycopg
from psycopg import sql

from photoplay.sandbox import Sandbox, SandboxOptions
from tests.api.serving import JWT_SECRET, free_of_environment, token
from tests.conftest import copied_database, until


@dataclass
class Outlet:
    """A server process, and all that it let out.

    Attributes:
        errors: headers and body of every answer that was an error.
        secrets: what was handed to its user alone.
    """

    http: httpx.AsyncClient
    owner: psycopg.Connection
    sandbox: Sandbox
    log: bytearray = field(default_factory=bytearray)
    errors: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        answer = await self.http.request(method, path, **rest)
        if answer.status_code >= 400:
            self.errors.append(f"{answer.headers} {answer.text}")
        return answer

    async def wish(self, body: dict[str, Any]) -> dict[str, Any]:
        """Ask for a clip and wait for its end."""
        made = await self.ask("POST", "/api/video/animate", json=body)
        assert made.status_code == 202, made.text
        return await self.ended(made.headers["location"])

    async def ended(self, address: str) -> dict[str, Any]:
        while True:
            answer = await self.ask("GET", f"{address}?wait=30")
            if answer.status_code == 200 and (job := answer.json()["data"])["finished_at"]:
                self._note_addresses(job)
                return job

    async def is_up(self) -> bool:
        try:
            return (await self.ask("GET", "/api/video/quota")).status_code == 200
        except httpx.ConnectError:
            return False

    def _note_addresses(self, job: dict[str, Any]) -> None:
        for name in ("signedVideoUrl", "signedPosterUrl"):
            if job.get(name):
                query = parse_qs(urlsplit(job[name]).query)
                self.secrets[f"signature {len(self.secrets)}"] = query["signature"][0]


@contextmanager
def _owned_database(postgres, template, password: str) -> Iterator[tuple[str, psycopg.Connection]]:
    """A database reached over TCP by an owner with a password."""
    name = sql.Identifier(f"outlet_{uuid4().hex[:8]}")
    with (
        copied_database(postgres, template) as dbname,
        psycopg.connect(postgres.dsn(dbname=dbname), autocommit=True) as owner,
    ):
        owner.execute(sql.SQL("create role {} login superuser password {}").format(name, password))
        login = name.as_string().strip('"')
        yield f"postgresql://{login}:{password}@127.0.0.1:{postgres.port}/{dbname}", owner
        owner.execute(sql.SQL("drop role {}").format(name))


@asynccontextmanager
async def outlet(
    postgres,
    template,
    folder: Path,
    *,
    options: SandboxOptions,
    jwt: str = JWT_SECRET,
    password: str = "of-no-account",
    **settings: str,
) -> AsyncIterator[Outlet]:
    """Serve an installation whose data are in `folder`, with one user signed in.

    Args:
        settings: variables of its environment.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    bearer = token(uuid4(), secret=jwt)
    async with Sandbox(options) as sandbox:
        with _owned_database(postgres, template, password) as (dsn, owner):
            environment = {
                **free_of_environment(),
                **sandbox.environment,
                "DATABASE_URL": dsn,
                "PHOTOPLAY_JWT_SECRET": jwt,
                "PHOTOPLAY_PUBLIC_URL": address,
                "PHOTOPLAY_LOG_LEVEL": "debug",
                "PHOTOPLAY_POLL_MIN_S": "0.05",
                "PHOTOPLAY_POLL_MAX_S": "0.2",
                "VIDEO_PROVIDER_PRIORITY": "fal-pika,kling,runway,local",
                "VIDEO_DAILY_LIMIT": "1000",
                "VIDEO_MAX_OPEN_JOBS": "100",
                "PHOTOPLAY_DEDUPE_OPEN_JOBS": "false",
                **settings,
            }
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "photoplay", "serve", "--port", str(port), "--data-dir", str(folder),
                env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder.parent,
            )  # fmt: skip
            headers = {"Authorization": f"Bearer {bearer}"}
            async with (
                httpx.AsyncClient(
                    base_url=address, headers=headers, timeout=60, trust_env=False
                ) as http,
                _running(process),
            ):
                served = Outlet(http, owner, sandbox, secrets={"bearer": bearer.split(".")[2]})
                reading = asyncio.create_task(_read(process, served.log))
                await until(
                    lambda: b"worker.started" in served.log or process.returncode is not None,
                    within_s=60,
                )
                assert process.returncode is None, served.log.decode()
                await until(served.is_up, within_s=60)
                yield served
            await reading


@asynccontextmanager
async def _running(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """End the process with the block."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(20):
                await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


async def _read(process: asyncio.subprocess.Process, log: bytearray) -> None:
    while chunk := await process.stdout.read(1 << 16):
        log += chunk
