"""docs/adding-a-provider.md is proven by its text: its file and its line make a provider."""

from __future__ import annotations

import asyncio
import re
import sys

import psycopg
import pytest
from aiohttp import web

import photoplay.providers
from photoplay import registry
from photoplay.config import load_settings
from photoplay.db.pool import operator
from photoplay.domain.options import MotionOptions
from photoplay.operations.create_job import NewJob, create_job
from photoplay.registry import open_registry
from photoplay.stack import Stack
from photoplay.worker.run import run_worker
from tests.conftest import until
from tests.docs.pages import ROOT, text_of
from tests.support.clips import make_clip
from tests.support.pictures import stored_picture

FILE, LINE = re.findall(
    r"^```python\n(.*?)^```$", text_of(ROOT / "docs/adding-a-provider.md"), re.M | re.S
)


class CinemaServer:
    """The fictional provider, as its documents would describe it."""

    def __init__(self, clip) -> None:
        self.submissions: list[dict] = []
        self._clip = clip
        self._polls = 0

    async def submit(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer cinema-key"
        self.submissions.append(await request.json())
        return web.json_response({"id": "clip-1"}, status=201)

    async def show(self, request: web.Request) -> web.Response:
        self._polls += 1
        if self._polls < 3:
            return web.json_response({"state": "running", "progress": 0.1})
        return web.json_response(
            {"state": "finished", "video": str(request.url.with_path("/a.mp4"))}
        )

    async def video(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(self._clip)


@pytest.fixture
async def cinema(tmp_path, monkeypatch):
    server = CinemaServer(make_clip(tmp_path / "clip.mp4"))
    app = web.Application(client_max_size=32 << 20)
    app.router.add_post("/clips", server.submit)
    app.router.add_get("/clips/{id}", server.show)
    app.router.add_get("/a.mp4", server.video)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setenv("CINEMA_BASE_URL", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.setenv("CINEMA_KEY", "cinema-key")
    yield server
    await runner.cleanup()


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Do what the page says: put the file where it belongs, and the line into the registry."""
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "cinema.py").write_text(FILE)
    monkeypatch.setattr(
        photoplay.providers, "__path__", [*photoplay.providers.__path__, str(folder)]
    )
    place = LINE.strip().strip('",')
    monkeypatch.setattr(registry, "PROVIDERS", (*registry.PROVIDERS, place))
    yield
    sys.modules.pop("photoplay.providers.cinema", None)


async def test_a_provider_is_one_file_and_one_line(
    added, cinema, settings, database, store, decoders, owner_dsn, app_dsn, user
):
    settings = load_settings(
        data_dir=settings.data_dir,
        allowed_networks="127.0.0.0/8",
        poll_min_s=0.05,
        provider_priority="cinema",
    )
    opened = open_registry(settings)
    stack = Stack(settings, owner_dsn, app_dsn, app_dsn, store, decoders, b"secret" * 8, opened)
    new = NewJob(await stored_picture(database, store, user), MotionOptions(), "cinema")
    job_id = (await create_job(database, operator(user), new)).id
    stopping = asyncio.Event()
    working = asyncio.create_task(run_worker(stack, stopping))

    def ended() -> tuple | None:
        with psycopg.connect(owner_dsn) as owner:
            return owner.execute(
                "select status, failure, cost_usd from public.video_jobs"
                " where id = %s and finished_at is not null",
                (job_id,),
            ).fetchone()

    try:
        status, failure, cost_usd = await until(ended, within_s=60)
    finally:
        stopping.set()
        await working
    assert status == "succeeded", failure
    assert len(cinema.submissions) == 1
    assert float(cost_usd) == pytest.approx(0.05 * cinema.submissions[0]["seconds"])
