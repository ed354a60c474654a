"""Every scripted fault strikes, as our own sender and downloader see it on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from photoplay.domain.http import HttpRequest, HttpResponse
from photoplay.network.addresses import AddressPolicy
from photoplay.network.download import Downloader
from photoplay.network.errors import (
    DownloadError,
    NotSentError,
    UnansweredError,
    UrlNotAllowedError,
)
from photoplay.network.guard import SystemResolver
from photoplay.network.sender import Sender
from photoplay.network.transfer import DownloadLimits
from photoplay.sandbox import CATALOGUE, Fault, Sandbox, SandboxOptions
from tests.conftest import until

POLICY = AddressPolicy.parse(["127.0.0.0/8"])
FAL = "fal-ai/kling-video/v3/pro/image-to-video"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    options = SandboxOptions(quick=True, queue_s=0, run_s=0, fetch_pictures=False)
    async with Sandbox(options) as opened:
        yield opened


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    resolver = SystemResolver()
    async with Sender(POLICY, resolver) as opened:
        yield opened
    resolver.close()


def submission(sandbox: Sandbox, provider: str = "fal", mark: str = "a1") -> HttpRequest:
    env = sandbox.environment
    picture = f"https://cdn.example.com/in/{mark}.png"
    match provider:
        case "fal":
            url, key = f"{env['FAL_QUEUE_BASE_URL']}/{FAL}", "Key " + env["FAL_KEY"]
            body: dict[str, object] = {"prompt": "x", "start_image_url": picture, "duration": "5"}
        case "runway":
            url = env["RUNWAY_API_BASE_URL"] + "/v1/image_to_video"
            key = "Bearer " + env["RUNWAYML_API_SECRET"]
            body = {"model": "gen4_turbo", "promptImage": picture, "ratio": "1280:720"}
        case _:
            url = env["KLING_API_BASE_URL"] + "/image-to-video/kling-3.0"
            key = "Bearer " + env["KLING_API_KEY"]
            body = {"contents": [{"type": "first_frame", "url": picture}]}
    headers = {"Authorization": key, "X-Runway-Version": "2024-11-06"}
    return HttpRequest.with_json("POST", url, body, headers)


async def send(sender: Sender, request: HttpRequest, deadline_s: float = 10.0) -> HttpResponse:
    return await sender.send(request, deadline_s=deadline_s, max_body_bytes=100_000)


def reading(sandbox: Sandbox, url: str) -> HttpRequest:
    return HttpRequest("GET", url, {"Authorization": "Key " + sandbox.environment["FAL_KEY"]})


@pytest.mark.parametrize(
    ("name", "created"),
    [
        ("lost_answer", 1), ("closed_after_accepting", 1), ("cut_accepted", 1),
        ("garbage_accepted", 1), ("reset_before_accepting", 0), ("closed_before_accepting", 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("provider", ["fal", "runway", "kling"])
async def test_answer_is_lost_and_exactly_one_post_arrived(
    sandbox: Sandbox, sender: Sender, provider: str, name: str, created: int
) -> None:
    sandbox.add(name)
    with pytest.raises(UnansweredError):
        await send(sender, submission(sandbox, provider))
    assert sandbox.count("submit", provider) == 1
    assert len(sandbox.tasks(provider)) == created
    assert [armed.hits for armed in sandbox.faults] == [1]
    # The fault is used up.
    assert (await send(sender, submission(sandbox, provider))).status == 200


@pytest.mark.parametrize(("name", "created"), [("never_answers", 1), ("never_accepts", 0)])
async def test_answer_never_comes(
    sandbox: Sandbox, sender: Sender, name: str, created: int
) -> None:
    sandbox.add(name)
    with pytest.raises(UnansweredError):
        await send(sender, submission(sandbox), deadline_s=0.3)
    assert len(sandbox.tasks()) == created


async def test_refused_connections_are_certainly_not_sent(sandbox: Sandbox, sender: Sender) -> None:
    request = submission(sandbox)
    async with sandbox.unreachable():
        with pytest.raises(NotSentError):
            await send(sender, request)
    assert sandbox.count() == 0
    assert (await send(sender, request)).status == 200
    sandbox.add("refused_connection")
    with pytest.raises((NotSentError, UnansweredError)):
        await send(sender, request)
    assert sandbox.count() == 1


async def is_html(answer: HttpResponse) -> bool:
    return answer.status == 200 and answer.content_type == "text/html"


async def is_huge(answer: HttpResponse) -> bool:
    return answer.status == 200 and answer.truncated


async def has_no_id(answer: HttpResponse) -> bool:
    names = set(json.loads(answer.body))
    return answer.status == 200 and not names & {"id", "request_id", "status_url"}


async def is_gateway_page(answer: HttpResponse) -> bool:
    return answer.status == 502 and b"nginx" in answer.body


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("html_accepted", is_html), ("huge_accepted", is_huge), ("accepted_without_id", has_no_id),
        ("proxy_error_after_accepting", is_gateway_page),
    ],
)  # fmt: skip
async def test_unreadable_answers_still_made_a_task(
    sandbox: Sandbox,
    sender: Sender,
    name: str,
    holds: Callable[[HttpResponse], Awaitable[bool]],
) -> None:
    sandbox.add(name)
    assert await holds(await send(sender, submission(sandbox)))
    assert len(sandbox.tasks("fal")) == 1


@pytest.mark.parametrize(
    ("name", "provider", "status", "says"),
    [
        ("busy", "fal", 429, "detail"), ("busy", "kling", 429, "1302"),
        ("overloaded", "fal", 503, "runner_scheduling_failure"),
        ("overloaded", "runway", 503, "error"), ("overloaded", "kling", 503, "5001"),
        ("plain_503", "fal", 503, "upstream"),
        ("withdrawn_404", "fal", 404, "not found"), ("withdrawn_410", "runway", 410, "retired"),
        ("withdrawn_410", "kling", 410, "1203"),
        ("out_of_credit", "fal", 403, "Exhausted balance"),
        ("out_of_credit", "runway", 400, "enough credits"), ("out_of_credit", "kling", 429, "1102"),
        ("account_locked", "fal", 403, "locked"), ("account_locked", "kling", 429, "1100"),
        ("bad_key", "fal", 401, "Authentication"), ("bad_key", "runway", 401, "authorized"),
        ("bad_key", "kling", 401, "1000"), ("moderated_before", "kling", 400, "1301"),
    ],
)  # fmt: skip
async def test_refusals_come_in_the_providers_own_words_and_make_no_task(
    sandbox: Sandbox, sender: Sender, name: str, provider: str, status: int, says: str
) -> None:
    sandbox.add(name)
    answer = await send(sender, submission(sandbox, provider))
    assert answer.status == status
    assert says in answer.body.decode()
    assert (answer.header("retry-after") is not None) is (
        name in {"busy", "overloaded", "plain_503"}
    )
    assert sandbox.tasks() == []


FAL_ERRORS = {
    "request_timeout": 504, "startup_timeout": 504, "runner_scheduling_failure": 503,
    "runner_connection_timeout": 503, "runner_disconnected": 503, "runner_connection_refused": 503,
    "runner_connection_error": 503, "runner_incomplete_response": 502, "runner_server_error": 500,
    "internal_error": 500, "concurrent_requests_limit": 429, "bad_request": 400,
    "internal_server_error": 500, "generation_timeout": 504, "downstream_service_error": 400,
    "downstream_service_unavailable": 500, "content_policy_violation": 422,
    "no_media_generated": 422, "image_too_large": 422, "face_detection_error": 422,
}  # fmt: skip


@pytest.mark.parametrize("header", ["X-Fal-Retryable", "X-Fal-Needs-Retry"])
async def test_every_error_type_of_fal_shows_in_the_result(
    sandbox: Sandbox, sender: Sender, header: str
) -> None:
    sandbox.configure(fal={"retry_header": header, "retry_words": "1"})
    for code, status in FAL_ERRORS.items():
        sandbox.add(Fault(do="fail", code=code, at="queue"))
        made = json.loads((await send(sender, submission(sandbox))).body)
        answer = await send(sender, reading(sandbox, made["response_url"]))
        assert answer.status == status
        assert answer.header("x-fal-error-type") == code
        retryable = status in {429, 500, 502, 503, 504} or code == "downstream_service_error"
        assert answer.header(header) == ("1" if retryable else "0")
        assert answer.header("x-fal-billable-units") == "0"


@pytest.mark.parametrize(
    ("name", "running_first"),
    [("moderated_before", False), ("moderated_during", True), ("moderated_after", True)],
)
async def test_moderation_before_during_and_after_the_run(
    sandbox: Sandbox, sender: Sender, name: str, running_first: bool
) -> None:
    sandbox.configure(frozen=True, queue_s=5, run_s=10)
    sandbox.add(name)
    await send(sender, submission(sandbox))
    await send(sender, submission(sandbox, "runway"))
    sandbox.advance(5)
    states = [task.state for task in sandbox.tasks()]
    assert states == (["running"] * 2 if running_first else ["ended"] * 2)
    sandbox.advance(5)
    halfway = [task.state for task in sandbox.tasks()]
    assert halfway == (["running"] * 2 if name == "moderated_after" else ["ended"] * 2)
    sandbox.advance(5)
    assert {task.ending.kind for task in sandbox.tasks()} == {"error"}
    assert any(task.ending.billed for task in sandbox.tasks()) is (name != "moderated_during")


@pytest.mark.parametrize("variant", ["missing", "null", "empty_url", "empty_list"])
async def test_success_without_a_video(sandbox: Sandbox, sender: Sender, variant: str) -> None:
    sandbox.add(Fault(do="no_video", variant=variant))  # pyright: ignore[reportArgumentType]
    made = json.loads((await send(sender, submission(sandbox))).body)
    await until(lambda: sandbox.tasks()[0].state == "ended")
    answer = await send(sender, reading(sandbox, made["response_url"]))
    assert answer.status == 200
    video = json.loads(answer.body).get("video")
    assert not (video and video["url"])


async def test_polls_flap_and_the_task_goes_on(sandbox: Sandbox, sender: Sender) -> None:
    sandbox.configure(frozen=True, run_s=100)
    made = json.loads((await send(sender, submission(sandbox))).body)
    sandbox.add(
        "polls_500",
        Fault(do="html", route="poll", nth=(4,)),
        Fault(do="close", route="poll", nth=(5,)),
    )
    got: list[object] = []
    for _ in range(6):
        try:
            got.append((await send(sender, reading(sandbox, made["status_url"]))).content_type)
        except UnansweredError:
            got.append(None)
    assert got == ["text/plain"] * 3 + ["text/html", None, "application/json"]
    assert sandbox.tasks()[0].state == "running"


async def test_task_is_not_found_for_thirty_seconds(sandbox: Sandbox, sender: Sender) -> None:
    sandbox.configure(frozen=True, run_s=100)
    sandbox.add("polls_404_for_30_s")
    made = json.loads((await send(sender, submission(sandbox))).body)
    assert (await send(sender, reading(sandbox, made["status_url"]))).status == 404
    sandbox.advance(30)
    assert (await send(sender, reading(sandbox, made["status_url"]))).status == 202


async def test_progress_goes_back_but_a_slow_task_ends(sandbox: Sandbox, sender: Sender) -> None:
    sandbox.configure(frozen=True)
    sandbox.add("slow_but_progressing")
    await send(sender, submission(sandbox, "runway"))
    sandbox.add("progress_goes_back")
    sandbox.configure(run_s=900)
    await send(sender, submission(sandbox, "runway"))
    steady, wavering = sandbox.tasks()
    seen: dict[str, list[float]] = {steady.id: [], wavering.id: []}
    for _ in range(8):
        sandbox.advance(100)
        for task in (steady, wavering):
            task.polls += 1
            seen[task.id].append(task.progress(sandbox.now()))
    assert seen[steady.id] == sorted(seen[steady.id])
    assert seen[wavering.id] != sorted(seen[wavering.id])
    sandbox.advance(100)
    await until(lambda: all(task.state == "ended" for task in sandbox.tasks()))


async def test_stuck_tasks_never_end(sandbox: Sandbox, sender: Sender) -> None:
    sandbox.configure(frozen=True)
    sandbox.add("stuck_in_queue", Fault(do="stall", at="run", nth=(2,)))
    await send(sender, submission(sandbox))
    await send(sender, submission(sandbox))
    sandbox.advance(30 * 86_400)
    assert [task.state for task in sandbox.tasks()] == ["queued", "running"]


async def test_cancelled_request_succeeds_all_the_same(sandbox: Sandbox, sender: Sender) -> None:
    sandbox.configure(frozen=True, run_s=10)
    sandbox.add("success_despite_cancel")
    made = json.loads((await send(sender, submission(sandbox))).body)
    sandbox.advance(1)
    key = {"Authorization": "Key " + sandbox.environment["FAL_KEY"]}
    answer = await send(sender, HttpRequest("PUT", made["cancel_url"], key))
    assert json.loads(answer.body) == {"status": "CANCELLATION_REQUESTED"}
    sandbox.advance(10)
    await until(lambda: sandbox.tasks()[0].state == "ended")
    assert sandbox.tasks()[0].ending == sandbox.tasks()[0].ending.__class__()


async def delivered(sandbox: Sandbox, sender: Sender) -> str:
    made = json.loads((await send(sender, submission(sandbox))).body)
    await until(lambda: sandbox.tasks()[-1].state == "ended")
    answer = await send(sender, reading(sandbox, made["response_url"]))
    return json.loads(answer.body)["video"]["url"]


LIMITS = DownloadLimits(max_bytes=1_000_000, deadline_s=5.0, accept=frozenset({"video/mp4"}))


@pytest.mark.parametrize(
    ("name", "arrives"),
    [
        ("result_expired", False), ("result_403", False), ("result_wrong_type", False),
        ("result_redirects_inside", False), ("result_enormous", False),
        ("result_is_private", False), ("result_cut", True), ("result_without_length", True),
        ("result_corrupt", True),
    ],
)  # fmt: skip
async def test_media_faults_end_as_the_downloader_promises(
    sandbox: Sandbox, sender: Sender, tmp_path: Path, name: str, arrives: bool
) -> None:
    sandbox.add(name)
    url = await delivered(sandbox, sender)
    into = tmp_path / "video.mp4"
    resolver = SystemResolver()
    async with Downloader(POLICY, resolver) as downloader:
        if arrives:
            await downloader.download(url, into, LIMITS)
        else:
            with pytest.raises((DownloadError, UrlNotAllowedError)):
                await downloader.download(url, into, LIMITS)
    resolver.close()
    assert into.exists() is arrives
    whole = next(iter(sandbox.fal.files.values()))[0].path.read_bytes() if arrives else b""
    assert arrives is False or (into.read_bytes() == whole) is (name != "result_corrupt")


@pytest.mark.parametrize(
    ("fault", "received", "complete"),
    [
        (Fault(do="cut", route="media", size=100), 100, False),
        (Fault(do="wrong_length", size=100), 100, True),
        (Fault(do="wrong_length"), None, False),
        (Fault(do="no_length"), None, True),
    ],
    ids=["cut", "short", "long", "none"],
)
async def test_lengths_lie_on_the_wire(
    sandbox: Sandbox, sender: Sender, fault: Fault, received: int | None, complete: bool
) -> None:
    url = await delivered(sandbox, sender)
    whole = next(iter(sandbox.fal.files.values()))[0].size_bytes
    sandbox.add(fault)
    got = 0
    ended = True
    async with httpx.AsyncClient(trust_env=False) as web, web.stream("GET", url) as answer:
        try:
            async for piece in answer.aiter_raw():
                got += len(piece)
        except httpx.RemoteProtocolError:
            ended = False
    assert got == (whole if received is None else received)
    assert ended is complete


async def test_slow_media_go_by_the_sandboxs_clock(sandbox: Sandbox, sender: Sender) -> None:
    url = await delivered(sandbox, sender)
    sandbox.configure(frozen=True)
    sandbox.add(Fault(do="drip", size=500, seconds=100))
    async with httpx.AsyncClient(trust_env=False) as web, web.stream("GET", url) as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces)
        waiting = asyncio.ensure_future(anext(pieces))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        await until(lambda: _advanced(sandbox, waiting))


def _advanced(sandbox: Sandbox, waiting: asyncio.Future[bytes]) -> bool:
    sandbox.advance(100)
    return waiting.done()


async def test_media_serve_ranges_heads_and_validators(sandbox: Sandbox, sender: Sender) -> None:
    url = await delivered(sandbox, sender)
    async with httpx.AsyncClient(trust_env=False) as web:
        head = await web.head(url)
        size = int(head.headers["content-length"])
        assert head.headers["accept-ranges"] == "bytes"
        for asked, answered in {
            "bytes=0-1": f"bytes 0-1/{size}",
            "bytes=-2": f"bytes {size - 2}-{size - 1}/{size}",
            f"bytes={size - 1}-": f"bytes {size - 1}-{size - 1}/{size}",
        }.items():
            part = await web.get(url, headers={"Range": asked, "If-Range": head.headers["etag"]})
            assert (part.status_code, part.headers["content-range"]) == (206, answered)
        beyond = await web.get(url, headers={"Range": f"bytes={size}-"})
        assert beyond.status_code == 416
        sandbox.add(Fault(do="no_ranges"))
        assert (await web.get(url, headers={"Range": "bytes=0-1"})).status_code == 200


async def test_no_two_videos_are_alike(sandbox: Sandbox, sender: Sender) -> None:
    first, second = await delivered(sandbox, sender), await delivered(sandbox, sender)
    async with httpx.AsyncClient(trust_env=False) as web:
        assert (await web.get(first)).content != (await web.get(second)).content


async def test_faults_choose_by_number_text_time_and_chance(
    sandbox: Sandbox, sender: Sender
) -> None:
    sandbox.configure(frozen=True)
    sandbox.add(
        Fault(do="status", status=418, nth=(2,)),
        Fault(do="status", status=419, contains="job-7/a2", times=0),
        Fault(do="status", status=420, provider="runway", after_s=60, for_s=60),
        Fault(do="status", status=421, chance=0.0, times=0),
    )

    async def status(provider: str = "fal", mark: str = "a1") -> int:
        return (await send(sender, submission(sandbox, provider, mark))).status

    assert [await status() for _ in range(3)] == [200, 418, 200]
    assert [await status(mark="job-7/a2"), await status(mark="job-7/a3")] == [419, 200]
    assert await status("runway") == 200
    sandbox.advance(60)
    assert [await status("runway"), await status("runway"), await status()] == [420, 420, 200]
    sandbox.advance(60)
    assert await status("runway") == 200


async def test_same_seed_gives_the_same_ids() -> None:
    ids: list[list[str]] = []
    for seed in (3, 3, 4):
        resolver = SystemResolver()
        async with (
            Sandbox(SandboxOptions(seed=seed, quick=True, fetch_pictures=False)) as sandbox,
            Sender(POLICY, resolver) as sender,
        ):
            for provider in ("fal", "runway", "kling"):
                await send(sender, submission(sandbox, provider))
            ids.append([task.id for task in sandbox.tasks()])
        resolver.close()
    assert ids[0] == ids[1] != ids[2]


def test_catalogue_strikes_every_kind_of_request() -> None:
    faults = [fault for group in CATALOGUE.values() for fault in group]
    assert {fault.kind for fault in faults} == {"answer", "run", "callback", "media"}
    assert {fault.route for fault in faults} >= {
        "submit", "poll", "callback", "media", "keys", "connect",
    }  # fmt: skip
