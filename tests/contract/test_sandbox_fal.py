"""fal's official Python client drives the sandbox and finds nothing strange."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import timedelta

import av
import fal_client
import fal_client.client
import httpx
import pytest
from PIL import Image

from photoplay.sandbox import FalOptions, Fault, Sandbox, SandboxOptions

KLING = "fal-ai/kling-video/v3/pro/image-to-video"
WAN = "fal-ai/wan-25-preview/image-to-video"


def picture(side: int = 400) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side * 3 // 4), (90, 120, 40)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    options = SandboxOptions(quick=True, queue_s=0, run_s=0, fetch_pictures=False)
    async with Sandbox(options) as opened:
        yield opened


@pytest.fixture
async def client(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[fal_client.AsyncClient]:
    """The client as it is; only the hosts that it has built in lead to the sandbox."""
    lead_to(sandbox, monkeypatch)
    opened = fal_client.AsyncClient(key=sandbox.environment["FAL_KEY"])
    yield opened
    await (await opened._client).aclose()


def lead_to(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = sandbox.environment
    for name, value in {
        "QUEUE_URL_FORMAT": environment["FAL_QUEUE_BASE_URL"] + "/",
        "REST_URL": environment["FAL_REST_BASE_URL"],
        "CDN_URL": sandbox.base_url + "/fal/cdn",
    }.items():
        monkeypatch.setattr(fal_client.client, name, value)


def kling(**changes: object) -> dict[str, object]:
    return {
        "prompt": "slow push-in",
        "start_image_url": "https://cdn.example.com/in/j1/a1.png",
        "duration": "5",
        "generate_audio": False,
        **changes,
    }


async def test_client_submits_waits_and_downloads_a_playable_video(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    handle = await client.submit(KLING, kling())
    result = await handle.get()
    assert set(result["video"]) == {"url", "content_type", "file_name", "file_size"}
    async with httpx.AsyncClient(trust_env=False) as web:
        content = (await web.get(result["video"]["url"])).content
    assert len(content) == result["video"]["file_size"]
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (1280, 720)
        assert stream.codec_context.name == "h264"
    assert sandbox.count("submit", "fal") == 1


async def test_client_reads_every_status(client: fal_client.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.configure(frozen=True, queue_s=5, run_s=10, fal={"concurrency": 1})
    first = await client.submit(KLING, kling())
    second = await client.submit(KLING, kling(), priority="low")
    third = await client.submit(KLING, kling())
    assert await second.status() == fal_client.Queued(position=2)
    assert await third.status() == fal_client.Queued(position=1)
    sandbox.advance(6)
    running = await first.status(with_logs=True)
    assert isinstance(running, fal_client.InProgress)
    assert running.logs is not None
    assert running.logs[0]["message"] == "rendering 10%"
    assert (await first.status()).logs is None
    assert await third.status() == fal_client.Queued(position=0)
    with pytest.raises(fal_client.FalClientHTTPError) as early:
        await client.result(KLING, "00000000-0000-4000-8000-000000000000")
    assert early.value.status_code == 404


async def test_result_before_the_end_is_a_400(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.configure(frozen=True, queue_s=5)
    handle = await client.submit(KLING, kling())
    async with httpx.AsyncClient(trust_env=False) as web:
        key = {"Authorization": "Key " + sandbox.environment["FAL_KEY"]}
        answer = await web.get(handle.response_url, headers=key)
    assert (answer.status_code, answer.json()) == (400, {"detail": "Request is still in progress"})


async def test_failed_request_is_completed_with_an_error(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.add(Fault(do="fail", code="content_policy_violation", message="refused", billed=True))
    handle = await client.submit(KLING, kling())
    statuses = [status async for status in handle.iter_events()]
    assert isinstance(statuses[-1], fal_client.Completed)
    assert statuses[-1].error_type == "content_policy_violation"
    assert statuses[-1].error == "Invalid status code: 422"
    with pytest.raises(fal_client.FalClientHTTPError) as refused:
        await handle.get()
    error = refused.value
    assert (error.status_code, error.error_type) == (422, "content_policy_violation")
    assert error.response.json()["detail"][0]["type"] == "content_policy_violation"
    assert error.response_headers["x-fal-retryable"] == "false"
    assert error.response_headers["x-fal-billable-units"] == "5"


async def test_bad_input_is_accepted_and_fails_as_it_runs(client: fal_client.AsyncClient) -> None:
    handle = await client.submit(KLING, kling(duration=5))
    with pytest.raises(fal_client.FalClientHTTPError) as refused:
        await handle.get()
    detail = refused.value.response.json()["detail"]
    assert detail[0]["loc"] == ["body", "duration"]
    assert detail[0]["type"] == "literal_error"


async def test_client_cancels_in_every_state(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.configure(frozen=True, queue_s=1, run_s=10)
    queued = await client.submit(KLING, kling())
    await client.cancel(KLING, queued.request_id)
    done = await queued.status()
    assert isinstance(done, fal_client.Completed)
    assert done.error_type == "client_cancelled"
    with pytest.raises(fal_client.FalClientHTTPError, match="ALREADY_COMPLETED"):
        await queued.cancel()
    running = await client.submit(KLING, kling())
    sandbox.advance(2)
    await running.cancel()
    assert [task.ending.billed for task in sandbox.tasks("fal")] == [False, True]
    with pytest.raises(fal_client.FalClientHTTPError) as unknown:
        await client.cancel(KLING, "00000000-0000-4000-8000-000000000000")
    assert unknown.value.status_code == 404


async def test_start_limit_ends_a_waiting_request(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.configure(frozen=True)
    sandbox.add(Fault(do="stall", at="queue"))
    handle = await client.submit(KLING, kling(), start_timeout=30)
    sandbox.advance(31)
    with pytest.raises(fal_client.FalClientHTTPError) as late:
        await handle.get()
    assert late.value.status_code == 504
    assert late.value.response_headers["x-fal-request-timeout-type"] == "user"
    assert late.value.error_type == "request_timeout"


@pytest.mark.parametrize("repository", ["fal_v3", "fal"])
async def test_client_uploads_the_picture_that_a_request_then_uses(
    client: fal_client.AsyncClient, sandbox: Sandbox, repository: str
) -> None:
    sandbox.configure(fetch_pictures=True)
    url = await client.upload(picture(), "image/png", "in.png", repository=repository)  # pyright: ignore[reportArgumentType]
    result = await client.subscribe(WAN, {"prompt": "x", "image_url": url, "resolution": "480p"})
    assert (result["video"]["width"], result["video"]["height"]) == (640, 480)
    assert result["video"]["duration"] == 5.0
    assert result["seed"] == 42


async def test_unusable_picture_fails_the_run(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.configure(fetch_pictures=True)
    small = await client.upload(picture(200), "image/png", "in.png")
    refusals = []
    for url in (small, "http://127.0.0.1:1/gone.png", "data:image/png;base64,AAAA"):
        with pytest.raises(fal_client.FalClientHTTPError) as refused:
            await client.subscribe(KLING, kling(start_image_url=url))
        refusals.append(refused.value.error_type)
    assert refusals == ["image_too_small", "file_download_error", "image_load_error"]


async def test_wrong_key_and_withdrawn_endpoint_are_told_at_once(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    stranger = fal_client.AsyncClient(key="somebody:else")
    with pytest.raises(fal_client.FalClientHTTPError) as locked_out:
        await stranger.submit(KLING, kling())
    await (await stranger._client).aclose()
    assert locked_out.value.status_code == 401
    sandbox.add("out_of_credit")
    with pytest.raises(fal_client.FalClientHTTPError, match="Exhausted balance"):
        await client.submit(KLING, kling())
    sandbox.clear_faults()
    with pytest.raises(fal_client.FalClientHTTPError) as gone:
        await client.submit("fal-ai/long-gone", kling())
    assert gone.value.status_code == 404
    assert sandbox.tasks() == []


async def test_official_client_pays_twice_for_a_lost_answer(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    """The trap that Photoplay's own sending avoids: the client sends a lost submission again."""
    sandbox.add("lost_answer")
    await client.submit(KLING, kling())
    assert sandbox.count("submit", "fal") == 2
    assert len(sandbox.tasks("fal")) == 2


def test_the_client_for_threads_works_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        options = SandboxOptions(quick=True, queue_s=0, run_s=0, fetch_pictures=False)
        async with Sandbox(options) as sandbox:
            lead_to(sandbox, monkeypatch)
            client = fal_client.SyncClient(key=sandbox.environment["FAL_KEY"])
            result = await asyncio.to_thread(client.subscribe, KLING, kling())
            assert result["video"]["content_type"] == "video/mp4"
            client._client.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("form", "ending"),
    [("short", "fal-ai/kling-video/requests/{}"), ("suffixed", "fal-ai/kling-video/requests/{}/response"),
     ("full", KLING + "/requests/{}")],
)  # fmt: skip
async def test_every_form_of_the_addresses_leads_to_the_result(
    client: fal_client.AsyncClient, sandbox: Sandbox, form: str, ending: str
) -> None:
    sandbox.configure(fal={"url_form": form})
    handle = await client.submit(KLING, kling())
    assert handle.response_url.endswith(ending.format(handle.request_id))
    assert "video" in await handle.get()
    assert "video" in await client.result(KLING, handle.request_id)


async def test_result_and_file_have_a_life(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.configure(fal=FalOptions(result_ttl_s=3600, media_ttl_s=7200).model_dump())
    handle = await client.submit(KLING, kling())
    url = (await handle.get())["video"]["url"]
    sandbox.advance(3600)
    with pytest.raises(fal_client.FalClientHTTPError) as gone:
        await handle.get()
    assert gone.value.status_code == 404
    async with httpx.AsyncClient(trust_env=False) as web:
        assert (await web.get(url)).status_code == 200
        sandbox.advance(3600)
        assert (await web.get(url)).status_code == 404


async def test_history_finds_a_request_whose_id_was_never_learnt(
    client: fal_client.AsyncClient, sandbox: Sandbox
) -> None:
    marked = kling(start_image_url="https://cdn.example.com/in/job-7/attempt-2.png")
    await (await client.submit(KLING, kling())).get()
    lost = await client.submit(KLING, marked)
    await lost.get()
    platform = sandbox.environment["FAL_PLATFORM_BASE_URL"]
    asked = {
        "endpoint_id": KLING,
        "expand": "payloads",
        "limit": 1,
        "start": (sandbox.now() - timedelta(hours=1)).isoformat(),
        "end": sandbox.now().isoformat(),
    }
    async with httpx.AsyncClient(
        trust_env=False, headers={"Authorization": "Key " + sandbox.environment["FAL_KEY"]}
    ) as web:
        page = (await web.get(f"{platform}/models/requests/by-endpoint", params=asked)).json()
        assert page["has_more"] is True
        rest = await web.get(
            f"{platform}/models/requests/by-endpoint",
            params={**asked, "cursor": page["next_cursor"]},
        )
        rows = [*page["items"], *rest.json()["items"]]
        found = [row for row in rows if row["json_input"] == marked]
        assert [row["request_id"] for row in found] == [lost.request_id]
        assert found[0]["status_code"] == 200
        assert "video" in found[0]["json_output"]
        events = (await web.get(f"{platform}/models/billing-events")).json()["billing_events"]
        assert {event["request_id"] for event in events} == {row["request_id"] for row in rows}
        stranger = await web.get(
            f"{platform}/models/requests/by-endpoint", params=asked, headers={"Authorization": ""}
        )
        assert stranger.status_code == 401


@pytest.mark.parametrize(("listing", "seen"), [("ended", 0), ("started", 1), ("all", 2)])
async def test_history_lists_open_requests_as_the_switch_says(
    client: fal_client.AsyncClient, sandbox: Sandbox, listing: str, seen: int
) -> None:
    sandbox.configure(frozen=True, queue_s=1, run_s=60, fal={"history": listing, "concurrency": 1})
    await client.submit(KLING, kling())
    await client.submit(KLING, kling())
    sandbox.advance(2)
    async with httpx.AsyncClient(trust_env=False) as web:
        page = await web.get(
            sandbox.environment["FAL_PLATFORM_BASE_URL"] + "/models/requests/by-endpoint",
            params={"endpoint_id": KLING},
            headers={"Authorization": "Key " + sandbox.environment["FAL_KEY"]},
        )
    assert len(page.json()["items"]) == seen
