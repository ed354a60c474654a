"""/media: what players ask of a signed address."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from tests.api.serving import Server, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Film:
    """A finished video behind its signed address."""

    def __init__(self, server: Server, link: str, content: bytes) -> None:
        self.server = server
        self.link = link
        self.content = content

    async def get(self, method: str = "GET", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.server.http.request(method, self.link, headers=named)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def film(running_worker) -> Film:
    person = running_worker.person()
    job = await person.ended(await person.new_job())
    return Film(running_worker.server, job["signedVideoUrl"], running_worker.clip.read_bytes())


async def test_a_whole_video_has_the_headers_that_players_need(film):
    answer = await film.get()
    assert answer.status_code == 200
    assert answer.content == film.content
    headers = answer.headers
    assert headers["content-type"] == "video/mp4"
    assert headers["content-length"] == str(len(film.content))
    assert headers["content-disposition"] == "inline"
    assert headers["accept-ranges"] == "bytes"
    assert headers["etag"].startswith('"')
    assert headers["cache-control"].startswith("private")
    assert "last-modified" in headers


async def test_head_is_get_without_the_body(film):
    whole, head = await film.get(), await film.get("HEAD")
    assert (head.status_code, head.content) == (200, b"")
    varying = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in whole.headers.items() if k not in varying
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-1", 0, 2),
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, None),
        ("bytes=100-199", 100, 200),
        ("bytes=-100", -100, None),
        ("bytes=-99999999", 0, None),
        ("bytes=100-99999999", 100, None),
    ],
)
async def test_a_part_is_answered_206(film, asked, start, end):
    answer = await film.get(Range=asked)
    part = film.content[slice(start, end)]
    assert (answer.status_code, answer.content) == (206, part)
    first = start % len(film.content)
    assert (
        answer.headers["content-range"]
        == f"bytes {first}-{first + len(part) - 1}/{len(film.content)}"
    )
    assert answer.headers["content-length"] == str(len(part))


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=99999999-100000000", "bytes=-0"])
async def test_a_part_beyond_the_end_is_416(film, asked):
    answer = await film.get(Range=asked)
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(film.content)}"


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=a-b", "seconds=0-1", "bytes=0-1,5-6", "bytes=", "bytes=-"]
)
async def test_what_makes_no_range_is_answered_whole(film, asked):
    answer = await film.get(Range=asked)
    assert (answer.status_code, answer.content) == (200, film.content)


async def test_if_range_gives_a_part_only_of_the_same_video(film):
    tag = (await film.get("HEAD")).headers["etag"]
    assert (await film.get(Range="bytes=0-9", If_Range=tag)).status_code == 206
    for other in ('"another"', f"W/{tag}", (await film.get("HEAD")).headers["last-modified"]):
        assert (await film.get(Range="bytes=0-9", If_Range=other)).status_code == 200


async def test_what_the_player_has_is_304(film):
    headers = (await film.get("HEAD")).headers
    for held in (
        {"If_None_Match": headers["etag"]},
        {"If_Modified_Since": headers["last-modified"]},
    ):
        answer = await film.get(**held)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == headers["etag"]
    assert (await film.get(If_None_Match='"another"')).status_code == 200


async def test_safari_begins_with_two_bytes_and_reads_the_rest_in_parts(film):
    probe = await film.get(Range="bytes=0-1")
    size = int(probe.headers["content-range"].rpartition("/")[2])
    whole, step = b"", size // 3
    while len(whole) < size:
        answer = await film.get(Range=f"bytes={len(whole)}-{min(len(whole) + step, size) - 1}")
        assert answer.status_code == 206
        whole += answer.content
    assert whole == film.content


async def test_a_signed_address_cannot_be_used_to_change_anything(film):
    for method in ("POST", "DELETE", "PATCH"):
        refused(await film.get(method), 405, "method_not_allowed")
    refused(await film.get("PUT"), 403, "media_link_refused")
    assert (await film.get()).content == film.content
