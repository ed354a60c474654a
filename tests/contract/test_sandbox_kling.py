"""The sandbox's Kling against the vendor's published contract; there is no official client."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from PIL import Image

from photoplay.sandbox import Fault, Sandbox, SandboxOptions
from tests.conftest import until

LEGACY = "/v1/videos/image2video"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    options = SandboxOptions(quick=True, queue_s=0, run_s=0, fetch_pictures=False)
    async with Sandbox(options) as opened:
        yield opened


@pytest.fixture
async def kling(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    environment = sandbox.environment
    async with httpx.AsyncClient(
        base_url=environment["KLING_API_BASE_URL"],
        headers={"Authorization": "Bearer " + environment["KLING_API_KEY"]},
        trust_env=False,
    ) as opened:
        yield opened


def submission(external_id: str | None = "J1-a1", **settings: object) -> dict[str, Any]:
    options = {"external_task_id": external_id} if external_id else {}
    return {
        "contents": [
            {"type": "prompt", "text": "slow push-in, leaves drift"},
            {"type": "first_frame", "url": "https://cdn.example.com/in/7f2c.png"},
        ],
        "settings": {"resolution": "720p", "duration": 5, "audio": "off", **settings},
        "options": {**options, "watermark_info": {"enabled": False}},
    }


def encoded(width: int, height: int, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (80, 90, 100)).save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


async def query(kling: httpx.AsyncClient, external_id: str = "J1-a1") -> list[dict[str, Any]]:
    answer = await kling.get("/tasks", params={"external_task_ids": external_id})
    return answer.json()["data"]


async def ended(kling: httpx.AsyncClient, external_id: str = "J1-a1") -> dict[str, Any]:
    async def done() -> dict[str, Any] | None:
        tasks = await query(kling, external_id)
        return tasks[0] if tasks[0]["status"] in {"succeeded", "failed"} else None

    return await until(done)


async def test_task_is_submitted_found_by_our_id_and_downloaded(
    kling: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    answer = await kling.post("/image-to-video/kling-3.0", json=submission())
    body = answer.json()
    assert (answer.status_code, body["code"], body["message"]) == (200, 0, "SUCCEED")
    assert set(body["data"]) == {"id", "status", "external_id", "create_time", "update_time"}
    assert body["data"]["status"] == "submitted"
    assert body["data"]["id"].isdecimal()
    task = await ended(kling)
    assert task["id"] == body["data"]["id"]
    assert task["billing"] == [{"charge_type": "cash", "amount": "0.42", "currency": "USD"}]
    output = task["outputs"][0]
    assert (output["type"], output["duration"]) == ("video", "5.000")
    async with httpx.AsyncClient(trust_env=False) as web:
        assert (await web.get(output["url"])).content[4:8] == b"ftyp"
        hot = await web.get(output["url"], headers={"Referer": "https://elsewhere.example/"})
        assert hot.status_code == 403
    assert sandbox.count("submit", "kling") == 1


async def test_states_go_by_the_clock(kling: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.configure(frozen=True, queue_s=2, run_s=8)
    await kling.post("/image-to-video/kling-3.0-turbo", json=submission())
    assert (await query(kling))[0]["status"] == "submitted"
    sandbox.advance(3)
    assert (await query(kling))[0]["status"] == "processing"
    sandbox.advance(8)
    assert (await ended(kling))["status"] == "succeeded"
    assert (await query(kling, "never-sent")) == []


async def test_used_id_is_refused_so_that_nothing_runs_twice(
    kling: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.add("lost_answer")
    with pytest.raises(httpx.TransportError):
        await kling.post("/image-to-video/kling-3.0", json=submission())
    again = await kling.post("/image-to-video/kling-3.0", json=submission())
    assert (again.status_code, again.json()["code"]) == (400, 1201)
    assert len(await query(kling)) == 1
    assert len(sandbox.tasks("kling")) == 1
    assert (sandbox.count("resolve"), sandbox.count("poll")) == (1, 0)
    await kling.get("/tasks", params={"task_ids": sandbox.tasks()[0].id})
    assert (sandbox.count("resolve"), sandbox.count("poll")) == (1, 1)


async def test_older_style_says_succeed_and_takes_either_id(kling: httpx.AsyncClient) -> None:
    body = {
        "model_name": "kling-v2-6", "image": "https://cdn.example.com/in/7f2c.png",
        "prompt": "x", "duration": "5", "mode": "std", "external_task_id": "J2-a1",
    }  # fmt: skip
    data = (await kling.post(LEGACY, json=body)).json()["data"]
    assert data["task_status"] == "submitted"
    assert data["task_info"] == {"external_task_id": "J2-a1"}

    async def done() -> dict[str, Any] | None:
        task = (await kling.get(f"{LEGACY}/J2-a1")).json()["data"]
        return task if task["task_status"] == "succeed" else None

    task = await until(done)
    assert task["task_id"] == data["task_id"]
    assert task["task_result"]["videos"][0]["url"].endswith(".mp4")
    assert (await kling.get(f"{LEGACY}/{data['task_id']}")).json()["data"] == task
    page = (await kling.get(LEGACY, params={"pageNum": 1, "pageSize": 30})).json()["data"]
    assert [t["task_id"] for t in page] == [data["task_id"]]
    unknown = await kling.get(f"{LEGACY}/nobody")
    assert (unknown.status_code, unknown.json()["code"]) == (404, 1203)


def token(sandbox: Sandbox, *, exp: int = 1800, nbf: int = -5, secret: str | None = None) -> str:
    now = int(time.time())
    return jwt.encode(
        {"iss": sandbox.environment["KLING_ACCESS_KEY"], "exp": now + exp, "nbf": now + nbf},
        secret or sandbox.environment["KLING_SECRET_KEY"],
        algorithm="HS256",
    )


async def test_tokens_open_the_older_addresses_only(
    kling: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    async def code(path: str, authorization: str) -> tuple[int, int]:
        answer = await kling.get(path, headers={"Authorization": authorization})
        return answer.status_code, answer.json()["code"]

    good = token(sandbox)
    assert await code(LEGACY, f"Bearer {good}") == (200, 0)
    assert await code("/tasks?task_ids=1", f"Bearer {good}") == (401, 1002)
    assert await code(LEGACY, "Bearer " + token(sandbox, exp=-1)) == (401, 1004)
    assert await code(LEGACY, "Bearer " + token(sandbox, nbf=600)) == (401, 1003)
    forged = token(sandbox, secret="a forger's secret, of thirty-two bytes")
    assert await code(LEGACY, f"Bearer {forged}") == (401, 1002)
    assert await code(LEGACY, "") == (401, 1001)
    assert await code(LEGACY, f"Key {good}") == (401, 1002)


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
async def test_published_token_vector_is_accepted_in_its_time() -> None:
    """The vector of the provider's contract: compact JSON, keys in this order."""
    vector = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJpc3MiOiJhay1kZW1vIiwiZXhwIjoxNzAwMDAxODAwLCJuYmYiOjE2OTk5OTk5OTV9."
        "kH6HGn-ssFUwQGVcz9eFoUFQzJuOlnqG0XQ8jn5X4M8"
    )
    options = SandboxOptions.model_validate(
        {"frozen": True, "kling": {"access_key": "ak-demo", "secret_key": "sk-demo"}}
    )
    async with Sandbox(options) as sandbox, httpx.AsyncClient(trust_env=False) as web:
        seconds = 1_700_000_000 - sandbox.now().timestamp()
        sandbox.advance(seconds)
        url = sandbox.environment["KLING_API_BASE_URL"] + LEGACY
        headers = {"Authorization": f"Bearer {vector}"}
        assert (await web.get(url, headers=headers)).status_code == 200
        sandbox.advance(1800)
        assert (await web.get(url, headers=headers)).json()["code"] == 1004


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"contents": [{"type": "prompt", "text": "x"}]}, 1201),
        ({"settings": {"duration": "5"}}, 1201),
        ({"settings": {"resolution": "540p"}}, 1201),
        ({"settings": {"aspect_ratio": "16:9"}}, 1201),
        ({"options": {"external_task_id": "x" * 65}}, 1201),
        ({"callback_url": "https://api.example.com"}, 1201),
    ],
)
async def test_parameters_are_checked(
    kling: httpx.AsyncClient, sandbox: Sandbox, change: dict[str, Any], code: int
) -> None:
    answer = await kling.post("/image-to-video/kling-3.0", json={**submission(None), **change})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert set(answer.json()) == {"code", "message", "request_id"}
    assert sandbox.tasks() == []


@pytest.mark.parametrize(
    ("image", "accepted"),
    [
        (encoded(400, 300), True),
        ("data:image/png;base64," + encoded(400, 300), False),
        (encoded(299, 400), False),
        (encoded(1000, 300), False),
        (encoded(400, 300, "WEBP"), False),
        ("AAAA", False),
    ],
    ids=["good", "data address", "small", "long", "webp", "no picture"],
)
async def test_pictures_are_addresses_or_bare_base64(
    kling: httpx.AsyncClient, sandbox: Sandbox, image: str, accepted: bool
) -> None:
    sandbox.configure(fetch_pictures=True)
    body = submission(None)
    body["contents"][1]["url"] = image
    answer = await kling.post("/image-to-video/kling-3.0", json=body)
    assert answer.json()["code"] == (0 if accepted else 1201)


async def test_429_is_either_too_fast_or_out_of_money(
    kling: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.configure(frozen=True, kling={"concurrency": 1})
    await kling.post("/image-to-video/kling-3.0", json=submission("a"))
    full = await kling.post("/image-to-video/kling-3.0", json=submission("b"))
    assert (full.status_code, full.json()["code"]) == (429, 1303)
    sandbox.add(
        Fault(do="error", code="1102"), Fault(do="error", code="1101", headers={"X-A": "1"})
    )
    broke = await kling.post("/image-to-video/kling-3.0", json=submission("c"))
    assert (broke.status_code, broke.json()["code"]) == (429, 1102)
    assert len(sandbox.tasks()) == 1


async def test_refused_content_fails_with_text_only(
    kling: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.add("moderated_after")
    await kling.post("/image-to-video/kling-3.0", json=submission())
    task = await ended(kling)
    assert (task["status"], task["message"]) == (
        "failed",
        "Failure to pass the risk control system",
    )
    assert "outputs" not in task


async def test_cursor_list_goes_through_all_tasks(kling: httpx.AsyncClient) -> None:
    for number in range(3):
        await kling.post("/image-to-video/kling-3.0", json=submission(f"J{number}"))
    await ended(kling, "J2")
    asked: dict[str, Any] = {"limit": 2, "filters": [{"key": "status", "values": ["succeeded"]}]}
    first = (await kling.post("/tasks", json=asked)).json()["data"]
    assert (first["count"], first["has_more"]) == (2, True)
    rest = (await kling.post("/tasks", json={**asked, "cursor": first["next_cursor"]})).json()[
        "data"
    ]
    assert [t["external_id"] for t in [*first["result"], *rest["result"]]] == ["J0", "J1", "J2"]
    assert rest["has_more"] is False


async def test_two_ways_of_asking_at_once_are_refused(kling: httpx.AsyncClient) -> None:
    both = await kling.get("/tasks", params={"task_ids": "1", "external_task_ids": "J1"})
    assert both.json()["code"] == 1201
    assert (await kling.get("/tasks")).json()["code"] == 1201
    assert (await kling.post("/image-to-video/kling-9.9", json=submission())).status_code == 404
