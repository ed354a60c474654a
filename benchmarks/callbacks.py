"""A callback of a provider until a waiting client sees `succeeded`, transfer of the clip left out.

`photoplay serve` with its worker and `photoplay sandbox` are processes of their own, Postgres is durable,
and polls are so far apart that only the callback can be what wakes a job. Counted is from the instant
the provider's task ended, so its own way of sending is in it, until `GET …?wait` has answered. What the
transfer took (fetching, looking at and storing the clip) is what the worker's log says.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from datetime import datetime
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from benchmarks.figures import Goal, Plan, Sheet, percentile
from benchmarks.installation import SECRET, Command, Installation, new_installation, token
from photoplay.db.pool import Database
from photoplay.storage.objects import open_store
from tests.support.pictures import stored_picture

JOBS = 120
# As many as a new account at fal runs at once.
CLIENTS = 2
RUN_S = 0.5

_ASKED = "select id::text, provider_job_id from public.video_jobs where status = 'succeeded'"
_NOTES = """
create table if not exists public.benchmark_notes (at timestamptz not null);
create or replace function public.benchmark_tell() returns trigger language plpgsql as $$
begin perform pg_notify('benchmark', new.at::text); return null; end $$;
create or replace trigger benchmark_tell after insert on public.benchmark_notes
    for each row execute function public.benchmark_tell();
"""


def measure(plan: Plan) -> Sheet:
    """Let jobs run to their end, a few at a time, and look at the last moments of each."""
    sheet = Sheet(
        "Callback → visible to a waiting client (serve with its worker, durable Postgres)"
    )
    with new_installation(plan.folder) as installation:
        for _ in range(min(plan.runs, 3)):
            installation.forget_jobs()
            _bare(sheet, installation)
            _one_run(sheet, installation)
    sheet.notes += [
        f"{JOBS} jobs a run by {CLIENTS} clients; the bare way is one commit that notifies a listener.",
        "Transfer: download, checks, poster, store; of a small clip on the same machine.",
    ]
    return sheet


def _bare(sheet: Sheet, installation: Installation) -> None:
    """Commit with a notification, and wait for it on another connection."""
    waits: list[float] = []
    with installation.owner() as writer, installation.owner() as listener:
        writer.execute(_NOTES)
        listener.execute("listen benchmark")
        for _ in range(JOBS):
            began = time.perf_counter()
            writer.execute("insert into public.benchmark_notes values (now())")
            next(listener.notifies(timeout=10))
            waits.append((time.perf_counter() - began) * 1000)
    sheet.figure("commit → listener, bare, p50", "ms").samples.append(percentile(waits, 0.5))
    sheet.figure("commit → listener, bare, p99", "ms").samples.append(percentile(waits, 0.99))


def _one_run(sheet: Sheet, installation: Installation) -> None:
    public = f"http://127.0.0.1:{_free_port()}"
    speed = ("--quick", "--queue-seconds", "0", "--run-seconds", str(RUN_S))
    with Command(installation, "sandbox", "--port", "0", *speed) as sandbox:
        settings = _settings(sandbox)
        with Command(
            installation,
            *("serve", "--port", public.rpartition(":")[2]),
            **settings,
            PHOTOPLAY_PUBLIC_URL=public,
            PHOTOPLAY_JWT_SECRET=SECRET,
            PHOTOPLAY_LOG_FORMAT="json",
            PHOTOPLAY_POLL_MIN_S="60",
            VIDEO_DAILY_LIMIT="1000000",
        ) as server:
            server.read_line(starting="Photoplay is at")
            seen = asyncio.run(_press(installation, public))
            ended = asyncio.run(_endings(settings["FAL_QUEUE_BASE_URL"]))
            log = server.log()
    with installation.owner() as owner:
        tasks: dict[str, str] = dict(owner.execute(_ASKED).fetchall())
    transfers = _transfers(log)
    whole = [(seen[job] - ended[task]) * 1000 for job, task in tasks.items()]
    own = [(seen[job] - ended[task] - transfers[job]) * 1000 for job, task in tasks.items()]
    if len(own) != JOBS:
        raise RuntimeError(f"{JOBS} jobs, {len(own)} succeeded")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        bare = sheet.figure(f"commit → listener, bare, {name}", "ms")
        figure = sheet.figure(
            f"task ended → visible, less transfer, {name}", "ms", against=bare, goals=[Goal("≤", 150)]
        )  # fmt: skip
        figure.samples.append(percentile(own, share))
    for name, values in (("whole", whole), ("transfer", [transfers[j] * 1000 for j in tasks])):
        sheet.figure(f"· {name}, p50", "ms").samples.append(percentile(values, 0.5))
        sheet.figure(f"· {name}, p99", "ms").samples.append(percentile(values, 0.99))


def _settings(sandbox: Command) -> dict[str, str]:
    """Return what the sandbox prints: the settings that lead to it."""
    settings: dict[str, str] = {}
    while "PHOTOPLAY_ALLOWED_NETWORKS" not in settings:
        name, _, value = sandbox.read_line(starting="").partition("=")
        settings[name] = value
    return settings


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


async def _endings(queue_url: str) -> dict[str, float]:
    """Return when each task ended, by the clock of the sandbox, which is the machine's."""
    address = f"http://{urlsplit(queue_url).netloc}/_sandbox/tasks"
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        tasks = await answer.json()
    return {task["id"]: datetime.fromisoformat(task["ended_at"]).timestamp() for task in tasks}


async def _press(installation: Installation, public: str) -> dict[str, float]:
    """Return when each job was seen to have succeeded."""
    user = uuid4()
    async with Database(installation.app_dsn, size=2) as database:
        with open_store((installation.folder / "objects").as_uri()) as store:
            picture = await stored_picture(database, store, user)
    seen: dict[str, float] = {}
    headers = {"Authorization": f"Bearer {token(user)}"}
    async with aiohttp.ClientSession(public, headers=headers) as http:
        wishes = iter(range(JOBS))

        async def client() -> None:
            for _ in wishes:
                body = {"imageId": str(picture.image_id), "clientRequestId": uuid4().hex}
                async with http.post("/api/video/animate", json=body) as answer:
                    job = (await answer.json())["data"]["jobId"]
                await _until_succeeded(http, job)
                seen[job] = time.time()

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return seen


async def _until_succeeded(http: aiohttp.ClientSession, job: str) -> None:
    etag = ""
    while True:
        headers = {"If-None-Match": etag} if etag else {}
        async with http.get(f"/api/video/jobs/{job}?wait=30", headers=headers) as answer:
            etag = answer.headers.get("ETag", etag)
            if answer.status == 304:
                continue
            status = (await answer.json())["data"]["status"]
        if status == "succeeded":
            return
        if status not in {"queued", "running"}:
            raise RuntimeError(f"a job ended as {status}")


def _transfers(log: str) -> dict[str, float]:
    """Return the seconds that each job's transfer took."""
    lines = [json.loads(line) for line in log.splitlines() if "transfer_s" in line]
    return {line["job_id"]: line["transfer_s"] for line in lines}
