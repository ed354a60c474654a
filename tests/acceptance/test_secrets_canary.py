"""Fault 45: nothing that must stay secret is found in logs, metrics, error answers or rows, whatever happens.

Two real server processes, one for each form of log at its most talkative, do what succeeds and what
fails; all that they let out is searched for canaries.
"""

from __future__ import annotations

import asyncio
import base64
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
import pytest
from psycopg import sql

from photoplay.sandbox import Fault, Sandbox, SandboxOptions
from photoplay.sandbox.options import FalOptions, KlingOptions, RunwayOptions
from tests.api.serving import encoded, free_of_environment, noise, token
from tests.conftest import copied_database, until

pytestmark = [pytest.mark.fault(45), pytest.mark.xdist_group("providers")]


def canary(name: str) -> str:
    return f"canary-{name}-{uuid4().hex}"


JWT, MEDIA, PASSWORD = canary("jwt"), canary("media"), canary("password")
FAL, RUNWAY, KLING, WHSEC = canary("fal"), canary("runway"), canary("kling"), uuid4().hex
PROMPT, THEIRS = f"a boat, {canary('prompt')}", canary("provider-text")
OPTIONS = SandboxOptions(
    quick=True,
    queue_s=0,
    run_s=0.1,
    fal=FalOptions(key=f"5a4d:{FAL}"),
    runway=RunwayOptions(secret=f"key_{RUNWAY}"),
    kling=KlingOptions(
        api_key=KLING, webhook_secret=f"whsec_{base64.b64encode(WHSEC.encode()).decode()}"
    ),
)


@contextmanager
def owned_database(postgres, template) -> Iterator[tuple[str, psycopg.Connection]]:
    """A database reached over TCP by an owner with a password."""
    name = sql.Identifier(f"canary_{uuid4().hex[:8]}")
    with (
        copied_database(postgres, template) as dbname,
        psycopg.connect(postgres.dsn(dbname=dbname), autocommit=True) as owner,
    ):
        owner.execute(sql.SQL("create role {} login superuser password {}").format(name, PASSWORD))
        login = name.as_string().strip('"')
        yield f"postgresql://{login}:{PASSWORD}@127.0.0.1:{postgres.port}/{dbname}", owner
        owner.execute(sql.SQL("drop role {}").format(name))


def body_of(image: str, provider: str) -> dict[str, Any]:
    return {
        "imageId": image,
        "prompt": PROMPT,
        "options": {"provider": provider, "durationSec": 5},
    }


@dataclass
class Outlet:
    """A server process, and all that it let out."""

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

    async def wish(self, image: str, provider: str) -> dict[str, Any]:
        """Ask for a clip and wait for its end."""
        made = await self.ask("POST", "/api/video/animate", json=body_of(image, provider))
        assert made.status_code == 202, made.text
        return await self.ended(made.headers["location"])

    async def ended(self, address: str) -> dict[str, Any]:
        while True:
            answer = await self.ask("GET", f"{address}?wait=30")
            if answer.status_code == 200 and (job := answer.json()["data"])["finished_at"]:
                self.note_addresses(job)
                return job

    def note_addresses(self, job: dict[str, Any]) -> None:
        for name in ("signedVideoUrl", "signedPosterUrl"):
            if job.get(name):
                query = parse_qs(urlsplit(job[name]).query)
                self.secrets[f"signature {len(self.secrets)}"] = query["signature"][0]


@asynccontextmanager
async def outlet(form: str, postgres, template, folder: Path) -> AsyncIterator[Outlet]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    bearer = token(uuid4(), secret=JWT)
    async with Sandbox(OPTIONS) as sandbox:
        with owned_database(postgres, template) as (dsn, owner):
            environment = {
                **free_of_environment(),
                **sandbox.environment,
                "DATABASE_URL": dsn,
                "PHOTOPLAY_JWT_SECRET": JWT,
                "PHOTOPLAY_MEDIA_SECRET": MEDIA,
                "PHOTOPLAY_PUBLIC_URL": address,
                "PHOTOPLAY_LOG_FORMAT": form,
                "PHOTOPLAY_LOG_LEVEL": "debug",
                "PHOTOPLAY_POLL_MIN_S": "0.05",
                "PHOTOPLAY_POLL_MAX_S": "0.2",
                "VIDEO_PROVIDER_PRIORITY": "fal-pika,kling,runway,local",
                "VIDEO_DAILY_LIMIT": "1000",
                "VIDEO_MAX_OPEN_JOBS": "100",
                "PHOTOPLAY_DEDUPE_OPEN_JOBS": "false",
            }
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "photoplay", "serve", "--port", str(port), "--data-dir", str(folder),
                env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder.parent,
            )  # fmt: skip
            headers = {"Authorization": f"Bearer {bearer}"}
            async with httpx.AsyncClient(
                base_url=address, headers=headers, timeout=60, trust_env=False
            ) as http:
                served = Outlet(http, owner, sandbox, secrets={"bearer": bearer.split(".")[2]})
                reading = asyncio.create_task(read(process, served.log))
                try:
                    await until(lambda: b"worker.started" in served.log, within_s=60)
                    await until(lambda: is_up(served), within_s=60)
                    yield served
                finally:
                    process.send_signal(signal.SIGTERM)
                    try:
                        async with asyncio.timeout(20):
                            await process.wait()
                    finally:
                        with contextlib.suppress(ProcessLookupError):
                            process.kill()
                    await reading


async def read(process: asyncio.subprocess.Process, log: bytearray) -> None:
    while chunk := await process.stdout.read(1 << 16):
        log += chunk


async def do_what_succeeds(served: Outlet, image: str) -> None:
    for provider in ("fal-pika", "kling", "runway", "local"):
        job = await served.wish(image, provider)
        assert job["status"] == "succeeded", (job["failure"], job["attempts"])
    await served.ask("GET", f"/api/video/jobs/{job['id']}/video")
    ticket = (await served.ask("POST", f"/api/video/jobs/{job['id']}/ticket")).json()["data"]
    served.secrets["ticket"] = ticket["ticket"].rpartition(".")[2]
    await served.ask("GET", f"/api/video/jobs/{job['id']}/events?ticket={ticket['ticket']}")


async def let_providers_fail(served: Outlet, image: str) -> None:
    """Whatever they say, also with our secrets in it, and wherever they lead to."""
    said = f"{THEIRS} {PROMPT} Key 5a4d:{FAL}"
    cases = [
        Fault(do="fail", message=said),
        Fault(do="fail", code="content_policy_violation", message=said, provider="fal"),
        Fault(do="error", code="unauthorized", message=said),
        Fault(do="status", status=500, body=said, when="after"),
        Fault(do="html", when="after", body=f"<h1>{said}</h1>"),
        Fault(do="garbage", when="after", body=said),
        Fault(do="error", route="poll", message=said),
        Fault(do="wrong_type", content_type="text/html"),
        Fault(do="forge"),
    ]
    for case in cases:
        served.sandbox.clear_faults()
        served.sandbox.add(case)
        job = await served.wish(image, "fal-pika")
        served.errors.append(str({**job, "signedVideoUrl": None, "signedPosterUrl": None}))
    served.sandbox.clear_faults()
    # A clip at such an address is asked for as long as the provider keeps it.
    bad = Fault(do="result_url", location=f"https://10.0.0.1/{THEIRS}?X-Amz-Signature={THEIRS}")
    served.sandbox.add(bad)
    made = await served.ask("POST", "/api/video/animate", json=body_of(image, "fal-pika"))
    await until(lambda: b"video.address_refused" in served.log)
    await served.ask("POST", f"{made.headers['location']}/cancel")
    served.sandbox.clear_faults()


async def ask_for_what_is_refused(served: Outlet, image: str) -> None:
    animate = "/api/video/animate"
    for body in (
        {"imageId": image, "prompt": PROMPT, "wish": PROMPT},
        {"imageId": image, "prompt": [PROMPT]},
        {"imageId": image, "prompt": PROMPT * 100},
        {"imageId": PROMPT, "prompt": PROMPT},
        {"sourceImagePath": PROMPT, "prompt": PROMPT},
        {"sourceImageUrl": f"https://user:{PASSWORD}@example.com/?key={FAL}", "prompt": PROMPT},
        {"sourceImageUrl": f"https://10.0.0.1/?token={FAL}", "prompt": PROMPT},
        {"imageId": image, "prompt": PROMPT, "options": {"provider": PROMPT}},
    ):
        assert (await served.ask("POST", animate, json=body)).status_code in {400, 422}
    await served.ask("POST", animate, content=f'{{"prompt": "{PROMPT}')
    for bad in (f"Bearer {JWT}", f"Bearer pp_{FAL}", f"Basic {PASSWORD}"):
        await served.ask("GET", "/api/video/quota", headers={"Authorization": bad})
    await served.ask("GET", f"/media/{uuid4()}/generated-videos/x.mp4?signature={MEDIA}&expires=1")
    await served.ask("POST", f"/api/video/callbacks/fal-pika/{uuid4().hex}", content=PROMPT)


async def let_things_break(served: Outlet, image: str) -> None:
    """Errors that nobody foresaw, with a traceback and the database's own words."""
    refuses = "alter table public.video_jobs add constraint canary check (prompt is null) not valid"
    served.owner.execute(refuses)
    body = {"imageId": image, "prompt": PROMPT, "clientRequestId": canary("key")}
    answer = await served.ask("POST", "/api/video/animate", json=body)
    assert answer.status_code == 500
    served.owner.execute("alter table public.video_jobs drop constraint canary")
    # A worker that is refused in the middle, and everybody's connections lost.
    served.owner.execute("revoke update on photoplay.attempts from photoplay_worker")
    await served.ask("POST", "/api/video/animate", json=body_of(image, "fal-pika"))
    await until(lambda: b"InsufficientPrivilege" in served.log)
    served.owner.execute("grant update on photoplay.attempts to photoplay_worker")
    served.owner.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    await until(lambda: is_up(served))
    assert (await served.wish(image, "runway"))["status"] == "succeeded"


async def is_up(served: Outlet) -> bool:
    try:
        return (await served.ask("GET", "/api/video/quota")).status_code == 200
    except httpx.ConnectError:
        return False


def rows_of_everything(owner: psycopg.Connection) -> str:
    """Every row, without the columns that are there to hold what is searched for.

    Those are read by nobody but the worker; a prompt also by its own user.
    """
    tables = owner.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema in ('public', 'photoplay') and table_type = 'BASE TABLE'"
    ).fetchall()
    found: list[str] = []
    for name in tables:
        rows = owner.execute(
            sql.SQL(
                "select (to_jsonb(t) - '{{prompt,callback_token,outcome}}'::text[])::text from {} t"
            ).format(sql.Identifier(*name))
        )
        found += [f"{'.'.join(name)}: {row}" for (row,) in rows]
    return "\n".join(found)


@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_canary_leaves_by_any_way(form, postgres, template, tmp_path):
    folder = tmp_path / "data"
    async with outlet(form, postgres, template, folder) as served:
        picture = encoded(noise(640, 480))
        uploaded = await served.ask("POST", "/api/video/images", content=picture)
        image = uploaded.json()["data"]["imageId"]
        await do_what_succeeds(served, image)
        await let_providers_fail(served, image)
        await ask_for_what_is_refused(served, image)
        await let_things_break(served, image)
        metrics = (await served.ask("GET", "/metrics")).text
        stored = (folder / "objects" / uploaded.json()["data"]["path"]).read_bytes()
        tokens = served.owner.execute("select callback_token from photoplay.attempts").fetchall()
        database = rows_of_everything(served.owner)
    secrets = {
        "jwt": JWT, "media": MEDIA, "password": PASSWORD, "fal": FAL, "runway": RUNWAY, "kling": KLING,
        "webhook": base64.b64encode(WHSEC.encode()).decode(), "prompt": PROMPT.split(", ")[1],
        "provider text": THEIRS, **served.secrets,
        **{f"callback {n}": value for n, (value,) in enumerate(tokens)},
        **{f"picture {n}": base64.b64encode(b[600:660]).decode() for n, b in enumerate((picture, stored))},
    }  # fmt: skip
    assert len(tokens) > 10
    assert sum(name.startswith("signature") for name in secrets) > 8
    places = {
        "log": served.log.decode(),
        "metrics": metrics,
        "errors": "\n".join(served.errors),
        "rows": database,
    }
    # What is searched is what it should be.
    assert "Traceback" in places["log"]
    assert "job.failed" in places["log"] or "[VideoJobs] Job" in places["log"]
    assert "photoplay_http_request_seconds" in metrics
    assert len(served.errors) > 20
    assert "photoplay.events: " in database
    found = [
        f"{name} in {place}: …{text[max(text.index(secret) - 200, 0) :][:400]}…"
        for name, secret in secrets.items()
        for place, text in places.items()
        if secret in text
    ]
    assert found == [], "\n".join(found)
