"""The elements' scripts, as browsers of any origin fetch them."""

from __future__ import annotations

from importlib import resources

import pytest

from tests.api.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")
FOLDER = resources.files("photoplay.pages").joinpath("elements")
HASHED = next(file.name for file in FOLDER.iterdir() if file.name.startswith("de-"))


async def test_a_page_of_any_origin_may_import_them(jwt_server: Server) -> None:
    headers = {"Origin": "https://product.example", "Accept-Encoding": "gzip"}
    answer = await jwt_server.http.get("/elements/index.js", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == FOLDER.joinpath("index.js").read_bytes()


async def test_a_browser_that_has_one_is_told_so(jwt_server: Server) -> None:
    first = await jwt_server.http.get("/elements/index.js")
    assert first.headers["cache-control"] == "no-cache"
    held = {"If-None-Match": first.headers["etag"]}
    again = await jwt_server.http.get("/elements/index.js", headers=held)
    assert (again.status_code, again.content) == (304, b"")


async def test_what_is_named_by_its_content_is_kept_for_good(jwt_server: Server) -> None:
    answer = await jwt_server.http.get(f"/elements/{HASHED}")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_there_is_nothing_else(jwt_server: Server) -> None:
    for name in ("none.js", "..%2Fstudio%2Findex.html", "__init__.py", ""):
        answer = await jwt_server.http.get(f"/elements/{name}")
        assert answer.status_code == 404
