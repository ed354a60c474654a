"""A served installation, people who use it, and what every answer of it must have."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partialmethod
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import numpy as np
import psycopg
import uvicorn
from fastapi import FastAPI
from PIL import Image
from pydantic import SecretStr

from photoplay import embedded
from photoplay.api.app import create_app
from photoplay.api.codes import CODES
from photoplay.config import LOCAL_USER, Settings
from photoplay.domain.api_key import KeyScope
from photoplay.operations.create_key import NewKey, create_key
from photoplay.registry import open_registry
from photoplay.stack import APP_ROLE, Stack
from photoplay.storage.decoders import DecoderPool
from photoplay.storage.objects import open_store
from tests.conftest import copied_database, until

JWT_SECRET = "the shared secret of the tests, 32+ bytes"
MEDIA_SECRET = b"media secret of the tests, 32+ bytes"
HOUR = timedelta(hours=1)
_PROBLEM = {
    "type", "title", "status", "detail", "instance", "code", "retryable", "request_id", "success", "error",
}  # fmt: skip


def token(
    user: UUID | str | None, *, secret: str = JWT_SECRET, algorithm: str = "HS256", **claims: Any
) -> str:
    """A bearer token as the product's sign-in makes it; a claim that is None is left out."""
    payload = {
        "sub": None if user is None else str(user),
        "aud": "authenticated",
        "exp": datetime.now(UTC) + HOUR,
        **claims,
    }
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, secret, algorithm=algorithm)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def noise(width: int = 160, height: int = 120) -> Image.Image:
    """A picture like no other."""
    pixels = np.random.default_rng().integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


async def check_answer(response: httpx.Response) -> None:
    """Hold every answer of every test to what the contract says of all answers."""
    headers = response.headers
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,128}", headers["x-request-id"])
    assert headers["x-content-type-options"] == "nosniff"
    is_form = response.request.url.path.startswith("/admin") and "html" in headers.get(
        "content-type", ""
    )
    assert headers["referrer-policy"] == ("same-origin" if is_form else "no-referrer")
    assert "frame-ancestors" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] in {"same-origin", "cross-origin"}
    assert "camera=()" in headers["permissions-policy"]
    assert "cache-control" in headers
    assert "server" not in headers
    if (
        response.status_code < 400
        or response.status_code == 416
        or response.request.method == "HEAD"
    ):
        return
    if response.request.url.path == "/readyz":
        return
    if response.request.url.path.startswith("/admin"):
        # Pages for people.
        assert headers["content-type"].startswith("text/html")
        return
    await response.aread()
    assert headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) >= _PROBLEM, body
    assert set(body) <= _PROBLEM | {"details", "job_id", "charged"}, body
    assert body["status"] == response.status_code
    assert body["request_id"] == headers["x-request-id"]
    assert body["instance"] == response.request.url.path
    assert body["type"].endswith("#" + body["code"])
    assert body["success"] is False
    assert body["error"] == body["detail"]
    assert CODES[body["code"]][0] == response.status_code
    assert body["retryable"] is (response.status_code in {429, 503})
    if body["retryable"]:
        assert int(headers["retry-after"]) >= 1
    assert "Traceback" not in response.text
    assert "signature=" not in response.text


@dataclass
class Server:
    """A running server and what lies under it."""

    stack: Stack
    app: FastAPI
    address: str
    http: httpx.AsyncClient
    owner: psycopg.Connection

    @property
    def database_name(self) -> str:
        return self.owner.info.dbname

    def person(self, user: UUID | None = None) -> Person:
        """Somebody signed in; in local mode the one user there is."""
        if self.stack.settings.is_local_mode:
            return Person(self, LOCAL_USER, {})
        user = user or uuid4()
        return Person(self, user, {"Authorization": f"Bearer {token(user)}"})

    async def key_holder(self, user: UUID | None = None) -> Person:
        """Somebody with an API key: for a user, or for an operator's server."""
        scope = KeyScope.JOBS if user else KeyScope.ADMIN
        database = self.app.state.service.database
        key, _ = await create_key(database, NewKey("of the tests", scope, user), actor="tests")
        return Person(self, user or uuid4(), {"Authorization": f"Bearer {key}"})

    def allow(self, user: UUID, *, daily: int = 20, opened: int = 5, dedupe: bool = True) -> None:
        """Limits of one user's own, as an operator sets them."""
        self.owner.execute(
            "insert into photoplay.limits values (%s, %s, %s, %s) on conflict (user_id) do update set"
            " daily_limit = excluded.daily_limit, max_open_jobs = excluded.max_open_jobs,"
            " dedupe_open_jobs = excluded.dedupe_open_jobs",
            (user, daily, opened, dedupe),
        )

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.owner.execute(statement, values).fetchall()

    def objects(self, user: UUID) -> list[Path]:
        """Every file that the local store holds for a user."""
        folder = self.stack.settings.data_dir / "objects" / str(user)
        return sorted(path for path in folder.rglob("*") if path.is_file())


@dataclass
class Person:
    """A user of the API."""

    server: Server
    id: UUID
    headers: dict[str, str] = field(repr=False)

    async def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, **rest: Any
    ) -> httpx.Response:
        return await self.server.http.request(
            method, path, headers={**self.headers, **(headers or {})}, **rest
        )

    get = partialmethod(request, "GET")
    head = partialmethod(request, "HEAD")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    delete = partialmethod(request, "DELETE")

    def stream(self, path: str, headers: dict[str, str] | None = None, **rest: Any):
        return self.server.http.stream(
            "GET", path, headers={**self.headers, **(headers or {})}, **rest
        )

    async def upload(self, content: bytes | None = None) -> dict[str, Any]:
        """Send a picture and return what the server says of it."""
        answer = await self.post("/api/video/images", content=content or encoded(noise()))
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]

    async def animate(self, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        return await self.post("/api/video/animate", json=body, headers=headers)

    async def new_job(self, **body: Any) -> str:
        """Animate a fresh picture and return the job's id."""
        body = {"imageId": (await self.upload())["imageId"], **body}
        answer = await self.animate(**body)
        assert answer.status_code == 202, answer.text
        return answer.json()["data"]["jobId"]

    async def job(self, job_id: str, **query: Any) -> dict[str, Any]:
        answer = await self.get(f"/api/video/jobs/{job_id}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def ended(self, job_id: str) -> dict[str, Any]:
        """The job as soon as it is terminal."""
        while (job := await self.job(job_id, wait=30))["status"] in {"queued", "running"}:
            pass
        return job

    async def reached(self, job_id: str, **state: str) -> dict[str, Any]:
        """The job as soon as it is in a state."""

        async def look() -> dict[str, Any] | None:
            job = await self.job(job_id)
            return job if state.items() <= job.items() else None

        return await until(look)

    async def quota(self) -> dict[str, Any]:
        return (await self.get("/api/video/quota")).json()["data"]

    def jobs_in_database(self) -> int:
        return self.server.rows(
            "select count(*) from public.video_jobs where user_id = %s", self.id
        )[0][0]


@contextlib.contextmanager
def installed(
    postgres: embedded.EmbeddedPostgres,
    template: str,
    decoders: DecoderPool,
    folder: Path,
    **changes: Any,
) -> Iterator[Stack]:
    """An installation of its own: a fresh database and an empty store."""
    settings = Settings(_env_file=None, PHOTOPLAY_DATA_DIR=folder / "data", PHOTOPLAY_LEASE_S=1.0)  # pyright: ignore[reportCallIssue]
    settings = settings.model_copy(update=changes)
    settings.data_dir.mkdir(parents=True)
    with (
        copied_database(postgres, template) as name,
        open_store((settings.data_dir / "objects").as_uri()) as store,
    ):
        dsn = postgres.dsn(APP_ROLE, name)
        yield Stack(
            settings,
            postgres.dsn(dbname=name),
            dsn,
            dsn,
            store,
            decoders,
            MEDIA_SECRET,
            open_registry(settings),
        )


def with_identity(**changes: Any) -> dict[str, Any]:
    return {"jwt_secret": SecretStr(JWT_SECRET), **changes}


@asynccontextmanager
async def served(stack: Stack) -> AsyncIterator[Server]:
    """Serve an installation on a free port of the loopback, as `photoplay serve` does."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = create_app(stack, base_url=address)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    async with contextlib.AsyncExitStack() as closing:
        serving = asyncio.create_task(server._serve(sockets=[listener]))

        async def stop() -> None:
            server.should_exit = True
            await serving

        closing.push_async_callback(stop)
        await until(lambda: server.started or serving.done())
        http = await closing.enter_async_context(
            httpx.AsyncClient(
                base_url=address,
                timeout=60,
                verify=False,
                trust_env=False,
                event_hooks={"response": [check_answer]},
            )
        )
        owner = closing.enter_context(psycopg.connect(stack.owner_dsn, autocommit=True))
        yield Server(stack, app, address, http, owner)


@asynccontextmanager
async def in_process(stack: Stack) -> AsyncIterator[Server]:
    """The same without a socket in between, for many requests; a stream comes when it has ended."""
    app = create_app(stack, base_url="http://photoplay.example")
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://photoplay.example",
            event_hooks={"response": [check_answer]},
        ) as http,
    ):
        with psycopg.connect(stack.owner_dsn, autocommit=True) as owner:
            yield Server(stack, app, "http://photoplay.example", http, owner)


def free_of_environment() -> dict[str, str]:
    """The environment without settings of Photoplay."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PHOTOPLAY_", "VIDEO_", "DATABASE_URL"))
    }


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of an answer that must be this refusal."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    return answer.json()
