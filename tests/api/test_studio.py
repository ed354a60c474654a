"""The studio's page as a browser fetches it: announced ahead, small, asked for anew."""

from __future__ import annotations

import io
import re
from importlib import resources

import pytest
from PIL import Image

from tests.api.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")
FOLDER = resources.files("photoplay.pages").joinpath("studio")
PAGE = FOLDER.joinpath("index.html").read_text("utf-8")
_IMPORT = re.compile(r'^import (?:[^"]+ from )?"\./([a-z]+\.js)";$', re.MULTILINE)


def _needed_by(module: str) -> set[str]:
    """Return every module that the browser comes to know of only by reading others."""
    found: set[str] = set()
    left = [module]
    while left:
        news = set(_IMPORT.findall(FOLDER.joinpath(left.pop()).read_text("utf-8"))) - found
        found |= news
        left += news
    return found


async def test_the_page_announces_every_module_so_that_none_waits_for_another() -> None:
    announced = re.findall(r'<link rel="modulepreload" href="/studio/([a-z]+\.js)">', PAGE)
    assert len(announced) > 10
    assert sorted(announced) == sorted(_needed_by("main.js"))


async def test_each_sample_is_shown_small_and_taken_whole(jwt_server: Server) -> None:
    samples = re.findall(r'value="([a-z]+)\.jpg" aria-label="[^"]+"><img src="([^"]+)"', PAGE)
    assert len(samples) == PAGE.count('aria-label="Sample: ')
    for name, shown in samples:
        small = await jwt_server.http.get(shown)
        whole = await jwt_server.http.get(f"/studio/samples/{name}.jpg")
        assert (small.headers["content-type"], whole.headers["content-type"]) == (
            "image/webp",
            "image/jpeg",
        )
        assert len(small.content) < 8_000 < len(whole.content)
        with (
            Image.open(io.BytesIO(small.content)) as thumbnail,
            Image.open(io.BytesIO(whole.content)) as picture,
        ):
            # The same view, and sharp where two device pixels make one of the page.
            assert thumbnail.width / thumbnail.height == pytest.approx(
                picture.width / picture.height, rel=0.01
            )
            assert min(thumbnail.size) >= 112


async def test_what_is_text_travels_compressed_and_only_once(jwt_server: Server) -> None:
    for address in ("/", "/studio/studio.css", "/studio/main.js"):
        first = await jwt_server.http.get(address, headers={"Accept-Encoding": "gzip"})
        assert first.headers["content-encoding"] == "gzip"
        held = {"If-None-Match": first.headers["etag"], "Accept-Encoding": "gzip"}
        again = await jwt_server.http.get(address, headers=held)
        assert (again.status_code, again.content) == (304, b"")
