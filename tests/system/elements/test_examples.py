"""The examples of docs/elements.md, as they stand there, in front of a service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .package import WEB, Installed
from .page import A_WHILE_MS
from .product import SAMPLE

pytestmark = pytest.mark.system
MOUNT = Path(__file__).parent / "react" / "examples.tsx"
_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>React</title><link rel="icon" href="data:,">
<script type="module" src="/example.js"></script></head><body><main></main></body></html>"""


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab whose pages find the picture; fails the test on any error."""
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.route("**/harbour.jpg", lambda r: r.fulfill(path=SAMPLE))
    page.route("**/favicon.ico", lambda r: r.fulfill(status=204))
    yield page
    assert faults == []


def see(page: Page, element: str, state: str) -> None:
    expect(page.locator(element)).to_have_attribute("state", state, timeout=A_WHILE_MS)


def test_plain_page(page: Page, local_address: str) -> None:
    html = (WEB / "examples" / "plain.html").read_text("utf-8")
    page.route("**/plain.html", lambda r: r.fulfill(body=html, content_type="text/html"))
    page.goto(f"{local_address}/plain.html")
    page.click("animate-button [part=button]")
    see(page, "animate-button", "succeeded")
    see(page, "main > photoplay-player", "playing")
    expect(page).to_have_title("The harbour moves")
    job = page.locator("animate-button").get_attribute("job-id")
    newest = page.request.get(f"{local_address}/api/video/jobs?limit=1").json()["data"]["items"]
    assert [item["id"] for item in newest] == [job]
    expect(page.locator("photoplay-gallery [part=item]").first).to_be_visible()


def test_react_components(page: Page, local_address: str, installed: Installed) -> None:
    installed.take(WEB / "examples")
    script = installed.bundle(MOUNT)
    page.route("**/example.js", lambda r: r.fulfill(body=script, content_type="text/javascript"))
    page.route("**/react.html*", lambda r: r.fulfill(body=_HTML, content_type="text/html"))
    page.goto(f"{local_address}/react.html")
    page.click("animate-button [part=button]")
    see(page, "animate-button", "succeeded")
    see(page, "photoplay-player", "playing")
    page.goto(f"{local_address}/react.html?show=own")
    page.get_by_role("button", name="Animate", exact=True).click()
    see(page, "video-job", "running")
    page.get_by_role("button", name="Stop").click()
    see(page, "video-job", "cancelled")
