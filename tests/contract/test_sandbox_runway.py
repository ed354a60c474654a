"""Runway's official Python client drives the sandbox and finds nothing strange."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import runwayml
from aiohttp import web as server
from PIL import Image
from runwayml import AsyncRunwayML

from photoplay.sandbox import Fault, Sandbox, SandboxOptions
from tests.conftest import until

PICTURE = "https://cdn.example.com/in/j1/a1.png"


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((300, 300), 60).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    options = SandboxOptions(quick=True, queue_s=0, run_s=0, fetch_pictures=False)
    async with Sandbox(options) as opened:
        yield opened


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncRunwayML]:
    environment = sandbox.environment
    async with AsyncRunwayML(
        api_key=environment["RUNWAYML_API_SECRET"],
        base_url=environment["RUNWAYML_BASE_URL"],
        max_retries=0,
    ) as opened:
        yield opened


async def submitted(client: AsyncRunwayML, **changes: object) -> str:
    asked: dict[str, object] = {
        "model": "gen4_turbo",
        "prompt_image": PICTURE,
        "prompt_text": "slow push-in",
        "ratio": "1280:720",
        "duration": 5,
    }
    return (await client.image_to_video.create(**{**asked, **changes})).id  # pyright: ignore[reportCallIssue, reportArgumentType]


async def test_client_submits_waits_and_downloads(
    client: AsyncRunwayML, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runwayml.lib.polling.POLL_TIME", 0.02)
    monkeypatch.setattr("runwayml.lib.polling.POLL_JITTER", 0.0)
    created = await client.image_to_video.create(
        model="gen4.5", prompt_image=PICTURE, prompt_text="x", ratio="960:960", duration=2
    )
    task = await created.wait_for_task_output(timeout=20)
    assert task.status == "SUCCEEDED"
    assert task.cost.credits == 24
    async with httpx.AsyncClient(trust_env=False) as web:
        answer = await web.get(task.output[0])
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.content[4:8] == b"ftyp"
    assert sandbox.count("submit", "runway") == 1


async def test_client_reads_every_status(client: AsyncRunwayML, sandbox: Sandbox) -> None:
    sandbox.configure(frozen=True, queue_s=5, run_s=10, runway={"concurrency": 1})
    first, second = await submitted(client), await submitted(client)
    assert (await client.tasks.retrieve(first)).status == "PENDING"
    sandbox.advance(10)
    running = await client.tasks.retrieve(first)
    assert running.status == "RUNNING"
    assert running.progress == 0.5
    held = await client.tasks.retrieve(second)
    assert held.status == "THROTTLED"
    assert held.estimated_cost.credits == 25
    sandbox.advance(5)
    await until(lambda: _is(client, first, "SUCCEEDED"))
    assert (await client.tasks.retrieve(second)).status == "RUNNING"


async def _is(client: AsyncRunwayML, task_id: str, status: str) -> bool:
    return (await client.tasks.retrieve(task_id)).status == status


@pytest.mark.parametrize(
    ("code", "billed"),
    [
        ("SAFETY.INPUT.IMAGE", True), ("SAFETY.OUTPUT.VIDEO.NEW", True), (None, False),
        ("INPUT_PREPROCESSING.INTERNAL", False), ("INTERNAL.BAD_OUTPUT.CODE01", False),
        ("THIRD_PARTY.UNAVAILABLE", False),
    ],
)  # fmt: skip
async def test_failures_say_code_and_cost(
    client: AsyncRunwayML, sandbox: Sandbox, code: str | None, billed: bool
) -> None:
    before = (await client.organization.retrieve()).credit_balance
    sandbox.add(Fault(do="fail", code=code, billed=billed))
    task_id = await submitted(client)
    task = await client.tasks.retrieve(task_id)
    assert task.status == "FAILED"
    assert task.failure_code == code
    assert task.cost.credits == (25 if billed else 0)
    after = (await client.organization.retrieve()).credit_balance
    assert before - after == task.cost.credits


async def test_provider_cancels_a_task(client: AsyncRunwayML, sandbox: Sandbox) -> None:
    sandbox.add(Fault(do="fail", code="CANCELLED"))
    task = await client.tasks.retrieve(await submitted(client))
    assert task.status == "CANCELLED"


async def test_deleted_tasks_are_gone_with_their_output(
    client: AsyncRunwayML, sandbox: Sandbox
) -> None:
    finished = await submitted(client)
    await until(lambda: _is(client, finished, "SUCCEEDED"))
    url = (await client.tasks.retrieve(finished)).output[0]  # pyright: ignore[reportAttributeAccessIssue]
    sandbox.configure(frozen=True, queue_s=5)
    waiting = await submitted(client)
    for task_id in (waiting, finished):
        await client.tasks.delete(task_id)
        with pytest.raises(runwayml.NotFoundError):
            await client.tasks.retrieve(task_id)
        with pytest.raises(runwayml.NotFoundError):
            await client.tasks.delete(task_id)
    async with httpx.AsyncClient(trust_env=False) as web:
        assert (await web.get(url)).status_code == 403


async def test_each_reading_signs_a_fresh_address_and_old_ones_die(
    client: AsyncRunwayML, sandbox: Sandbox
) -> None:
    sandbox.configure(runway={"url_ttl_s": 3600})
    task_id = await submitted(client)
    await until(lambda: _is(client, task_id, "SUCCEEDED"))
    old = (await client.tasks.retrieve(task_id)).output[0]  # pyright: ignore[reportAttributeAccessIssue]
    sandbox.advance(3601)
    new = (await client.tasks.retrieve(task_id)).output[0]  # pyright: ignore[reportAttributeAccessIssue]
    assert new != old
    async with httpx.AsyncClient(trust_env=False) as web:
        assert (await web.get(old)).status_code == 403
        assert (await web.get(new)).status_code == 200
        assert (await web.get(new.partition("?")[0])).status_code == 403


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"ratio": "16:9"}, "ratio"),
        ({"duration": "5"}, "duration"),
        ({"duration": 11}, "duration"),
        ({"model": "gen3a_turbo"}, "model"),
        ({"extra_body": {"externalId": "J1"}}, "externalId"),
        ({"prompt_text": "\N{FILM PROJECTOR}" * 501}, "promptText"),
        ({"prompt_image": [{"uri": PICTURE, "position": "last"}]}, "promptImage"),
    ],
)
async def test_bodies_are_validated_strictly(
    client: AsyncRunwayML, sandbox: Sandbox, changes: dict[str, object], path: str
) -> None:
    with pytest.raises(runwayml.BadRequestError) as refused:
        await submitted(client, **changes)
    body = refused.value.response.json()
    assert body["error"] == "Validation of body failed"
    assert body["issues"][0]["path"] == [path]
    assert sandbox.tasks() == []


async def test_version_key_credits_and_daily_limit(client: AsyncRunwayML, sandbox: Sandbox) -> None:
    with pytest.raises(runwayml.BadRequestError, match="X-Runway-Version"):
        await submitted(client, extra_headers={"X-Runway-Version": "2023-01-01"})
    with pytest.raises(runwayml.AuthenticationError):
        await submitted(client.with_options(api_key="key_wrong"))
    sandbox.configure(runway={"daily_limit": 1})
    await submitted(client)
    with pytest.raises(runwayml.RateLimitError):
        await submitted(client)
    sandbox.advance(timedelta(days=1).total_seconds() + 1)
    await submitted(client)
    sandbox.add("out_of_credit")
    with pytest.raises(runwayml.BadRequestError, match="do not have enough credits"):
        await submitted(client)


async def test_client_uploads_a_picture_and_uses_it(
    client: AsyncRunwayML, sandbox: Sandbox
) -> None:
    sandbox.configure(fetch_pictures=True)
    uploaded = await client.uploads.create_ephemeral(file=("in.png", picture()))
    assert uploaded.uri.startswith("runway://")
    task_id = await submitted(client, prompt_image=uploaded.uri)
    await until(lambda: _is(client, task_id, "SUCCEEDED"))
    with pytest.raises(runwayml.BadRequestError):
        await submitted(client, prompt_image="runway://never-uploaded")


@pytest.mark.parametrize("when", ["submit", "task"])
async def test_pictures_are_asked_for_with_head_and_never_through_a_redirect(
    client: AsyncRunwayML, sandbox: Sandbox, when: str
) -> None:
    asked: list[tuple[str, str]] = []

    async def serve(request: server.Request) -> server.Response:
        asked.append((request.method, request.headers["User-Agent"][:14]))
        if request.path == "/moved":
            raise server.HTTPFound("/good")
        kind = "application/octet-stream" if request.path == "/typeless" else "image/png"
        return server.Response(body=picture(), content_type=kind)

    app = server.Application()
    app.router.add_get("/{name}", serve)
    runner = server.AppRunner(app)
    await runner.setup()
    site = server.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    sandbox.configure(fetch_pictures=True, runway={"bad_picture": when})
    try:
        good = await submitted(client, prompt_image=f"{base}/good")
        await until(lambda: _is(client, good, "SUCCEEDED"))
        assert asked == [("HEAD", "RunwayML API/1"), ("GET", "RunwayML API/1")]
        for bad in ("moved", "typeless"):
            if when == "submit":
                with pytest.raises(runwayml.BadRequestError, match="promptImage"):
                    await submitted(client, prompt_image=f"{base}/{bad}")
            else:
                failed = await submitted(client, prompt_image=f"{base}/{bad}")
                await until(lambda task=failed: _is(client, task, "FAILED"))
                task = await client.tasks.retrieve(failed)
                assert task.failure_code == "ASSET.INVALID"  # pyright: ignore[reportAttributeAccessIssue]
    finally:
        await runner.cleanup()


async def test_organization_counts_what_was_used(client: AsyncRunwayML, sandbox: Sandbox) -> None:
    before = await client.organization.retrieve()
    await submitted(client)
    after = await client.organization.retrieve()
    assert before.credit_balance - after.credit_balance == 25
    assert after.usage.models["gen4_turbo"].daily_generations == 1
    assert after.tier.models["gen4_turbo"].max_concurrent_generations == 2
    usage = await client.organization.retrieve_usage()
    assert usage.results[0].used_credits[0].amount == 25


async def test_lost_submission_cannot_be_listed(client: AsyncRunwayML, sandbox: Sandbox) -> None:
    sandbox.add("lost_answer")
    with pytest.raises(runwayml.APIConnectionError):
        await submitted(client)
    assert len(sandbox.tasks("runway")) == 1
    async with httpx.AsyncClient(trust_env=False) as web:
        for path in ("/v1/tasks", "/v1/tasks?limit=10", "/v1/image_to_video"):
            answer = await web.get(sandbox.environment["RUNWAY_API_BASE_URL"] + path)
            assert answer.status_code in {401, 404, 405}


async def test_official_client_pays_thrice_for_lost_answers(sandbox: Sandbox) -> None:
    """The trap that Photoplay's own sending avoids: by default the client sends it again, twice."""
    sandbox.add(
        Fault(do="status", when="after", status=503, headers={"Retry-After": "0.01"}, times=2)
    )
    environment = sandbox.environment
    async with AsyncRunwayML(
        api_key=environment["RUNWAYML_API_SECRET"], base_url=environment["RUNWAYML_BASE_URL"]
    ) as default:
        await submitted(default)
    assert sandbox.count("submit", "runway") == 3
    assert len(sandbox.tasks("runway")) == 3


def test_the_client_for_threads_works_as_well() -> None:
    async def run() -> None:
        async with Sandbox(
            SandboxOptions(quick=True, queue_s=0, run_s=0, fetch_pictures=False)
        ) as sandbox:
            with runwayml.RunwayML(
                api_key=sandbox.environment["RUNWAYML_API_SECRET"],
                base_url=sandbox.environment["RUNWAYML_BASE_URL"],
            ) as client:
                created = await asyncio.to_thread(
                    client.image_to_video.create,
                    model="gen4_turbo", prompt_image=PICTURE, ratio="1280:720",
                )  # fmt: skip
                task = await asyncio.to_thread(client.tasks.retrieve, created.id)
                assert task.id == created.id

    asyncio.run(run())
