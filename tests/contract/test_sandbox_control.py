"""The control API, the command, the journal, the pool of films, and who may come in at all."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import av
import httpx
import pytest

from photoplay.sandbox import CATALOGUE, Fault, Sandbox, SandboxOptions
from photoplay.sandbox.faults import (
    AnswerFault,
    CallbackFault,
    MediaFault,
    RouteName,
    RunFault,
)
from tests.conftest import SAMPLES, until

FAL = "fal-ai/kling-video/v3/pro/image-to-video"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    options = SandboxOptions(quick=True, queue_s=0, run_s=0, fetch_pictures=False)
    async with Sandbox(options, folder=tmp_path / "sandbox") as opened:
        yield opened


@pytest.fixture
async def control(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=sandbox.base_url + "/_sandbox", trust_env=False
    ) as opened:
        yield opened


async def submit(sandbox: Sandbox, web: httpx.AsyncClient, prompt: str = "x") -> httpx.Response:
    env = sandbox.environment
    return await web.post(
        f"{env['FAL_QUEUE_BASE_URL']}/{FAL}",
        json={"prompt": prompt, "start_image_url": "https://x.example/a.png"},
        headers={"Authorization": "Key " + env["FAL_KEY"]},
    )


async def test_faults_are_added_listed_struck_and_removed(
    sandbox: Sandbox, control: httpx.AsyncClient
) -> None:
    added = await control.post(
        "/faults",
        json=[{"do": "status", "status": 503, "nth": 1}, {"name": "busy"}, "lost_callback"],
    )
    assert added.status_code == 201
    assert [fault["route"] for fault in added.json()] == ["submit", "submit", "callback"]
    assert (await submit(sandbox, control)).status_code == 503
    listed = (await control.get("/faults")).json()
    assert [(fault["do"], fault["seen"], fault["hits"]) for fault in listed] == [
        ("status", 1, 1), ("error", 1, 0), ("drop", 0, 0),
    ]  # fmt: skip
    assert (await control.delete(f"/faults/{listed[1]['number']}")).status_code == 204
    assert (await control.delete("/faults/999")).status_code == 404
    assert (await submit(sandbox, control)).status_code == 200
    assert (await control.delete("/faults")).status_code == 204
    assert sandbox.faults == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"do": "explode"},
        {"do": "reset", "tiems": 2},
        {"do": "drop", "chance": 2},
        {"name": "none"},
        7,
    ],
)
async def test_wrong_faults_are_refused_whole(
    sandbox: Sandbox, control: httpx.AsyncClient, wrong: object
) -> None:
    answer = await control.post("/faults", json=[{"do": "reset"}, wrong])
    assert answer.status_code == 422
    assert sandbox.faults == []


async def test_clock_options_tasks_and_requests(
    sandbox: Sandbox, control: httpx.AsyncClient
) -> None:
    await control.post("/clock", json={"frozen": True})
    await control.post("/options", json={"queue_s": 10, "fal": {"history": "all"}})
    assert sandbox.options.fal.history == "all"
    assert (await control.post("/options", json={"queue_s": -1})).status_code == 422
    assert (await control.post("/options", json={"nonsense": 1})).status_code == 422
    made = (await submit(sandbox, control)).json()
    tasks = (await control.get("/tasks", params={"provider": "fal"})).json()
    assert [(task["id"], task["state"]) for task in tasks] == [(made["request_id"], "queued")]
    before = sandbox.now()
    moved = (await control.post("/clock", json={"advance_s": 11})).json()["now"]
    assert moved == sandbox.now().isoformat()
    assert (sandbox.now() - before).total_seconds() == 11
    await until(lambda: sandbox.tasks()[0].state == "ended")
    seen = (await control.get("/requests", params={"route": "submit"})).json()
    assert seen["counts"] == {"fal.submit": 1}
    assert seen["requests"][0]["task_id"] == made["request_id"]
    overview = (await control.get("/")).json()
    assert overview["environment"] == sandbox.environment
    assert overview["tasks"] == {"fal": 1, "runway": 0, "kling": 0}
    old = sandbox.fal.keys.key_set()
    assert (await control.post("/keys")).json() != old
    unknown = await control.post("/callbacks", json={"task": made["request_id"], "do": "forge"})
    assert unknown.status_code == 404
    assert (await control.get("/callbacks")).json() == []
    assert (await control.post("/reset")).status_code == 204
    assert (sandbox.count(), sandbox.tasks()) == (0, [])


async def test_journal_file_holds_no_secret_and_no_prompt(
    sandbox: Sandbox, control: httpx.AsyncClient, tmp_path: Path
) -> None:
    await submit(sandbox, control, prompt="a very private prompt")
    lines = (tmp_path / "sandbox" / "journal.jsonl").read_text().splitlines()
    record = json.loads(lines[0])
    assert (record["kind"], record["provider"], record["route"], record["status"]) == (
        "request", "fal", "submit", 200,
    )  # fmt: skip
    text = "\n".join(lines)
    assert "private" not in text
    assert sandbox.environment["FAL_KEY"] not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"}, {"Host": "evil.example:80"},
        {"Origin": "https://evil.example"}, {"Origin": "null"},
    ],
)  # fmt: skip
async def test_web_pages_are_kept_out(
    sandbox: Sandbox, control: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    keys = sandbox.environment["FAL_REST_BASE_URL"] + "/.well-known/jwks.json"
    for address in ("/", keys):
        assert (await control.get(address)).status_code == 200
        assert (await control.get(address, headers=headers)).status_code == 403


async def test_taken_port_is_said(sandbox: Sandbox) -> None:
    port = int(sandbox.base_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        async with Sandbox(port=port):
            pass


async def test_films_the_picture_once_and_marks_every_copy(tmp_path: Path) -> None:
    """The real renderer, in its child process."""
    options = SandboxOptions(queue_s=0, run_s=0)
    picture = (SAMPLES / "coffee.jpg").read_bytes()
    async with (
        Sandbox(options, folder=tmp_path) as sandbox,
        httpx.AsyncClient(trust_env=False) as web,
    ):
        env = sandbox.environment
        key = {"Authorization": "Key " + env["FAL_KEY"]}
        opened = await web.post(
            f"{env['FAL_REST_BASE_URL']}/storage/upload/initiate?storage_type=fal-cdn-v3",
            json={"file_name": "in.jpg", "content_type": "image/jpeg"}, headers=key,
        )  # fmt: skip
        await web.put(
            opened.json()["upload_url"], content=picture, headers={"Content-Type": "image/jpeg"}
        )
        body = {
            "prompt": "push in", "image_url": opened.json()["file_url"],
            "duration": 1, "resolution": "480p",
        }  # fmt: skip
        made = [
            await web.post(
                f"{env['FAL_QUEUE_BASE_URL']}/xai/grok-imagine-video/image-to-video",
                json=body, headers=key,
            )
            for _ in range(2)
        ]  # fmt: skip
        await until(lambda: all(task.state == "ended" for task in sandbox.tasks()), within_s=60)
        videos: list[bytes] = []
        for answer in made:
            result = (await web.get(answer.json()["response_url"], headers=key)).json()
            assert result["video"]["duration"] == 1.0
            videos.append((await web.get(result["video"]["url"])).content)
        assert videos[0] != videos[1]
        with av.open(io.BytesIO(videos[0])) as container:
            stream = container.streams.video[0]
            assert (stream.height, stream.frames) == (480, 30)
        assert len(list((tmp_path / "clips").glob("*.mp4"))) == 1


def test_command_prints_the_settings_and_stops_on_a_signal() -> None:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "photoplay", "sandbox",
            "--port", "0", "--quick", "--fault", "busy",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    lines: dict[str, str] = {}
    for line in process.stdout:
        name, _, value = line.strip().partition("=")
        lines[name] = value
        if name == "PHOTOPLAY_ALLOWED_NETWORKS":
            break
    assert {"FAL_KEY", "FAL_QUEUE_BASE_URL", "FAL_REST_BASE_URL", "FAL_PLATFORM_BASE_URL"} < set(
        lines
    )
    assert {
        "RUNWAYML_API_SECRET",
        "RUNWAY_API_BASE_URL",
        "KLING_API_KEY",
        "KLING_API_BASE_URL",
    } < set(lines)
    base = lines["RUNWAY_API_BASE_URL"].removesuffix("/runway")
    with httpx.Client(trust_env=False) as web:
        assert len(web.get(f"{base}/_sandbox/faults").json()) == len(CATALOGUE["busy"])
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    process.stdout.close()


async def test_closing_waits_for_nobody() -> None:
    """A stopped clock, a client that waits for an answer, a delay that never ends."""
    waiting: list[asyncio.Task[httpx.Response]] = []
    options = SandboxOptions(quick=True, frozen=True, fetch_pictures=False)
    async with httpx.AsyncClient(trust_env=False, timeout=30) as web:
        async with Sandbox(options) as sandbox:
            sandbox.add(Fault(do="delay", seconds=60), Fault(do="hang", nth=(2,)))
            for number in (1, 2):
                waiting.append(asyncio.create_task(submit(sandbox, web)))
                await until(lambda n=number: sandbox.count() == n)
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, httpx.TransportError) for each in ended)


def test_fault_says_which_field_is_wrong() -> None:
    with pytest.raises(ValueError, match="chance"):
        Fault(do="reset", chance=3)


def test_every_fault_switch_and_name_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z0-9_]+", text))
    kinds = (AnswerFault, RunFault, CallbackFault, MediaFault)
    expected = {
        *CATALOGUE,
        *(do for kind in kinds for do in get_args(kind)),
        *get_args(RouteName),
    } - {"*"}
    assert expected - words == set()
