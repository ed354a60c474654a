"""Serving an object as browsers' video players ask for it, Safari's two-byte probe included."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from photoplay.domain.errors import NotFoundError
from photoplay.storage.errors import StorageUnavailableError
from photoplay.storage.media import serve_object
from photoplay.storage.objects import ObjectStore, open_store

CLIP = random.Random(7).randbytes(1_500_000)
SHA256 = hashlib.sha256(CLIP).hexdigest()
ETAG = f'"{SHA256}"'


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    async def chunks() -> AsyncIterator[bytes]:
        yield CLIP

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    with open_store(tmp_path.as_uri()) as opened:
        await opened.put_stream(chunks(), "user/clip.mp4", content_type="video/mp4")
        await opened.put_stream(nothing(), "user/empty.mp4", content_type="video/mp4")
        yield opened


@pytest.fixture
async def client(store: ObjectStore) -> AsyncIterator[httpx.AsyncClient]:
    async def media(request: Request) -> Response:
        return await serve_object(
            request,
            store,
            request.path_params["key"],
            content_type="video/mp4",
            cors_origins=["https://app.example"],
            sha256=SHA256 if request.path_params["key"] == "user/clip.mp4" else None,
        )

    async def not_found(request: Request, error: Exception) -> Response:
        return PlainTextResponse("not found", 404)

    async def unavailable(request: Request, error: Exception) -> Response:
        return PlainTextResponse("unavailable", 503)

    app = Starlette(
        routes=[Route("/media/{key:path}", media)],
        exception_handlers={NotFoundError: not_found, StorageUnavailableError: unavailable},
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://clips.example") as opened:
        yield opened


async def test_whole_clip(client: httpx.AsyncClient) -> None:
    answer = await client.get("/media/user/clip.mp4")
    assert answer.status_code == 200
    assert answer.content == CLIP
    assert answer.headers["content-length"] == str(len(CLIP))
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == "inline"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == ETAG
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"].startswith("private")
    assert "content-range" not in answer.headers


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-1", 0, 2),
        ("bytes=0-", 0, len(CLIP)),
        ("bytes=1000000-", 1_000_000, len(CLIP)),
        ("bytes=700000-700009", 700_000, 700_010),
        ("bytes=-100", len(CLIP) - 100, len(CLIP)),
        ("bytes=10-99999999", 10, len(CLIP)),
    ],
)
async def test_part_of_the_clip(
    client: httpx.AsyncClient, header: str, start: int, end: int
) -> None:
    answer = await client.get("/media/user/clip.mp4", headers={"Range": header})
    assert answer.status_code == 206
    assert answer.content == CLIP[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CLIP)}"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["etag"] == ETAG


async def test_safari_plays(client: httpx.AsyncClient) -> None:
    """Two bytes first, then the whole by ranges, each tied to the first answer's tag."""
    probe = await client.get("/media/user/clip.mp4", headers={"Range": "bytes=0-1"})
    assert (probe.status_code, probe.content) == (206, CLIP[:2])
    size = int(probe.headers["content-range"].rpartition("/")[2])
    played = b""
    while len(played) < size:
        headers = {
            "Range": f"bytes={len(played)}-{len(played) + 399_999}",
            "If-Range": probe.headers["etag"],
        }
        part = await client.get("/media/user/clip.mp4", headers=headers)
        assert part.status_code == 206
        played += part.content
    assert played == CLIP


async def test_changed_object_is_sent_whole(client: httpx.AsyncClient) -> None:
    headers = {"Range": "bytes=0-1", "If-Range": '"the one before"'}
    answer = await client.get("/media/user/clip.mp4", headers=headers)
    assert (answer.status_code, answer.content) == (200, CLIP)


async def test_several_ranges_get_the_whole(client: httpx.AsyncClient) -> None:
    answer = await client.get("/media/user/clip.mp4", headers={"Range": "bytes=0-1,5-6"})
    assert (answer.status_code, answer.content) == (200, CLIP)


async def test_range_beyond_the_end(client: httpx.AsyncClient) -> None:
    answer = await client.get("/media/user/clip.mp4", headers={"Range": "bytes=1500000-"})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == "bytes */1500000"


async def test_head_tells_the_length_and_ignores_ranges(client: httpx.AsyncClient) -> None:
    for headers in ({}, {"Range": "bytes=0-1"}, {"Range": "bytes=9999999-"}):
        answer = await client.head("/media/user/clip.mp4", headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(CLIP))
        assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize("held", [ETAG, f"W/{ETAG}", f'"other", {ETAG}', "*"])
async def test_known_object_is_not_sent_again(client: httpx.AsyncClient, held: str) -> None:
    for method in ("GET", "HEAD"):
        headers = {"If-None-Match": held, "Range": "bytes=0-1"}
        answer = await client.request(method, "/media/user/clip.mp4", headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == ETAG


async def test_dates_count_only_without_a_tag(client: httpx.AsyncClient) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    earlier = "Sun, 06 Nov 1994 08:49:37 GMT"

    async def status(**headers: str) -> int:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await client.get("/media/user/clip.mp4", headers=given)).status_code

    assert await status(If_Modified_Since=later) == 304
    assert await status(If_Modified_Since=earlier) == 200
    assert await status(If_Modified_Since="yesterday") == 200
    assert await status(If_Modified_Since=later, If_None_Match='"other"') == 200


async def test_tag_of_an_unhashed_object_works_too(client: httpx.AsyncClient) -> None:
    first = await client.get("/media/user/empty.mp4")
    assert (first.status_code, first.content) == (200, b"")
    assert first.headers["content-length"] == "0"
    assert first.headers["etag"].startswith('"')
    headers = {"If-None-Match": first.headers["etag"]}
    assert (await client.get("/media/user/empty.mp4", headers=headers)).status_code == 304
    headers = {"Range": "bytes=0-1"}
    assert (await client.get("/media/user/empty.mp4", headers=headers)).status_code == 416


async def test_only_configured_origins_may_read_from_a_page(client: httpx.AsyncClient) -> None:
    async def allowed(origin: str) -> str | None:
        answer = await client.get("/media/user/clip.mp4", headers={"Origin": origin})
        assert answer.headers["vary"] == "Origin"
        return answer.headers.get("access-control-allow-origin")

    assert await allowed("https://app.example") == "https://app.example"
    assert await allowed("https://app.example.evil") is None
    assert await allowed("null") is None


@pytest.mark.parametrize(
    "path", ["user/none.mp4", "user", "tmp/x", "user/clip.mp4%00", "user/clip%252emp4", "%2e%2e/x"]
)
async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/media/{path}")).status_code == 404


async def test_deleted_object_is_not_found(client: httpx.AsyncClient, store: ObjectStore) -> None:
    await store.delete(["user/clip.mp4"])
    headers = {"If-None-Match": ETAG}
    assert (await client.get("/media/user/clip.mp4", headers=headers)).status_code == 404


async def test_store_that_cannot_be_read_is_unavailable(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    # A file where a folder should be is an error of the system, whoever we run as.
    (tmp_path / "broken").write_bytes(b"")
    assert (await client.get("/media/broken/clip.mp4")).status_code == 503
