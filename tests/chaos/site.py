"""Where chaos happens: an installation of real processes, led to a sandbox instead of the providers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import aiohttp
import jwt
import psycopg
from psycopg.rows import dict_row

from photoplay import embedded
from photoplay.db.migrate import migrate
from photoplay.sandbox import (
    FalOptions,
    KlingOptions,
    RunwayOptions,
    Sandbox,
    SandboxOptions,
)
from photoplay.stack import APP_ROLE, ensure_app_role
from tests.support.boundaries import is_stopped
from tests.support.processes import die_with_parent

ROOT = Path(__file__).parents[2]
LEASE_S = 2.0
_NO_STORE = b"cannot be the folder of the store"
OPEN_JOBS = 6
"""Jobs that a user may have open at once."""
_STOP_WITHIN_S = 45.0
_USERS = UUID("7f0e4bd0-5a0c-4d6a-9f0e-3f6ac7c1d1a5")


class Staff:
    """One process that is kept running: started again whenever it has ended.

    Args:
        name: of its log.
        command: arguments for Python.
        is_worker: it takes a boundary as its last argument.
    """

    def __init__(
        self, name: str, command: list[str], folder: Path, env: dict[str, str], *, is_worker: bool
    ) -> None:
        self.log = folder / f"{name}.log"
        self.boundaries: list[str] = []
        """Where the next ones die or pause, in order; when there is none, they do not."""
        self.started = 0
        self.surprises: list[str] = []
        """How it ended when nobody had killed it."""
        self._command = command
        self._env = env
        self._is_worker = is_worker
        self._process: asyncio.subprocess.Process | None = None
        self._closing = False
        self._keeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start it, and keep it started from now on."""
        self._keeping = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while not self._closing:
            boundary = self.boundaries.pop(0) if self.boundaries else "-"
            with self.log.open("ab") as log:
                begins_at = log.seek(0, os.SEEK_END)
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, *self._command, *([boundary] if self._is_worker else []),
                    cwd=self.log.parent, env=self._env,
                    stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                    preexec_fn=die_with_parent,
                )  # fmt: skip
            self.started += 1
            if self._closing:
                self.send(signal.SIGTERM)
            code = await self._process.wait()
            # Told to stop before it could listen for that, it ends by the signal itself.
            is_told = self._closing and code in {0, -signal.SIGTERM}
            # Killed while the store is away, it says so at its next start.
            is_without_store = code == 1 and _NO_STORE in self._said_since(begins_at)
            if not is_told and code != -signal.SIGKILL and not is_without_store:
                self.surprises.append(f"{self.log.stem} ended with {code}")
            if code == 1:
                # What cannot start would else be started as fast as the machine can.
                await asyncio.sleep(1)

    def _said_since(self, position: int) -> bytes:
        with self.log.open("rb") as log:
            log.seek(position)
            return log.read()

    @property
    def is_stopped(self) -> bool:
        """Whether it is paused by SIGSTOP."""
        return self._process is not None and is_stopped(self._process.pid)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; one that has just ended gets none."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def close(self) -> None:
        """End it in good order, by force when it takes too long."""
        self._closing = True
        if self._keeping is None:
            return
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        done, _ = await asyncio.wait({self._keeping}, timeout=_STOP_WITHIN_S)
        if not done:
            self.surprises.append(f"{self.log.stem} did not stop when told to")
            self.send(signal.SIGKILL)
        await self._keeping


@dataclass
class Site:
    """A running installation and its sandbox."""

    folder: Path
    postgres: embedded.EmbeddedPostgres
    sandbox: Sandbox
    http: aiohttp.ClientSession
    server: Staff
    workers: list[Staff]
    jwt_secret: str = field(repr=False)
    address: str = ""

    @property
    def app_dsn(self) -> str:
        return self.postgres.dsn(APP_ROLE)

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    @property
    def staff(self) -> list[Staff]:
        return [self.server, *self.workers]

    def user(self, n: int) -> UUID:
        """Return the id of the n-th user."""
        return uuid5(_USERS, str(n))

    def token(self, user: UUID) -> dict[str, str]:
        """Return the headers of a signed-in user."""
        claims = {"sub": str(user), "aud": "authenticated", "exp": int(time.time()) + 86_400}
        return {"Authorization": f"Bearer {jwt.encode(claims, self.jwt_secret, 'HS256')}"}

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Return rows as the owner sees them, however often the database goes away meanwhile."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self.postgres.dsn(), autocommit=True, row_factory=dict_row
                ) as connection:
                    cursor = await connection.execute(query, values)
                    return await cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def opened(folder: Path, *, seed: int, workers: int) -> AsyncGenerator[Site]:
    """Set an installation up in a new folder, and end every process of it afterwards."""
    folder.mkdir(parents=True)
    options = SandboxOptions(
        seed=seed,
        queue_s=0.1,
        run_s=0.3,
        quick=True,
        callback_repeats=5,
        fal=FalOptions(concurrency=40),
        runway=RunwayOptions(concurrency=40),
        kling=KlingOptions(concurrency=40),
    )
    async with contextlib.AsyncExitStack() as closing:
        # The operating system survives what is done here, so nothing has to reach the disk.
        postgres = await asyncio.to_thread(embedded.use, folder, settings={"fsync": "off"})
        closing.push_async_callback(_end, postgres)
        await asyncio.to_thread(migrate, postgres.dsn())
        await asyncio.to_thread(ensure_app_role, postgres.dsn())
        sandbox = await closing.enter_async_context(Sandbox(options, folder=folder / "sandbox"))
        http = await closing.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        )
        port, secret = _free_port(), secrets.token_urlsafe(32)
        env = _environment(folder, f"http://127.0.0.1:{port}", secret, sandbox.environment)
        serve = ["-m", "photoplay", "serve", "--no-worker", "--port", str(port)]
        worker = [str(ROOT / "tests/support/worker_process.py")]
        site = Site(
            folder, postgres, sandbox, http, Staff("server", serve, folder, env, is_worker=False),
            [
                Staff(f"worker-{n + 1}", worker, folder, env, is_worker=True)
                for n in range(workers)
            ],
            secret, f"http://127.0.0.1:{port}",
        )  # fmt: skip
        for each in site.staff:
            closing.push_async_callback(each.close)
            await each.open()
        yield site


async def _end(postgres: embedded.EmbeddedPostgres) -> None:
    """Give Postgres up, and return once its folder is nobody's any more."""
    await asyncio.to_thread(postgres.release)
    while embedded.status(postgres.data_dir).status not in {"absent", "stopped", "failed"}:
        await asyncio.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _environment(
    folder: Path, address: str, secret: str, sandbox: dict[str, str]
) -> dict[str, str]:
    ours = ("PHOTOPLAY_", "VIDEO_", "DATABASE_URL", "FAL_", "RUNWAY", "KLING_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        **sandbox,
        "FAL_USER_ID": FalOptions().user_id,
        "PHOTOPLAY_DATA_DIR": str(folder),
        "PHOTOPLAY_PUBLIC_URL": address,
        "PHOTOPLAY_JWT_SECRET": secret,
        "PHOTOPLAY_LEASE_S": str(LEASE_S),
        "PHOTOPLAY_POLL_MIN_S": "0.3",
        "PHOTOPLAY_POLL_MAX_S": "2",
        "PHOTOPLAY_PROVIDER_CONCURRENCY": "fal=20,runway=20,kling=20",
        "VIDEO_DAILY_LIMIT": "100000",
        "VIDEO_MAX_OPEN_JOBS": str(OPEN_JOBS),
        "VIDEO_PROVIDER_PRIORITY": "fal-pika,kling,runway",
    }
