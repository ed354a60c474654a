"""Components of the older system in front of this service: same origin, its sign-in's cookie, its answers."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.system.serving import token

from .package import Installed
from .page import A_WHILE_MS
from .product import SAMPLE, Product

pytestmark = pytest.mark.system
PAGE = Path(__file__).parent / "seed" / "page.tsx"
_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Older</title><link rel="icon" href="data:,">
<script type="module" src="/older.js"></script></head><body><main></main></body></html>"""
_PLAYS = """
  (video) => new Promise((resolve) => {
    const look = () => (video.currentTime > 0.2 ? resolve(video.duration) : requestAnimationFrame(look));
    video.muted = true;
    video.play();
    look();
  })
"""


@pytest.fixture
def older(context: BrowserContext, product: Product, installed: Installed) -> Page:
    """A tab of somebody who is signed in; its page is at `/older.html` of the service's own origin."""
    session = {"name": "sb-access-token", "value": token(uuid4()), "url": product.service}
    context.add_cookies([session])  # pyright: ignore[reportArgumentType]
    page = context.new_page()
    script = installed.bundle(PAGE)
    page.route("**/older.html**", lambda r: r.fulfill(body=_HTML, content_type="text/html"))
    page.route("**/older.js", lambda r: r.fulfill(body=script, content_type="text/javascript"))
    return page


def test_older_page_makes_one_job_polls_it_to_its_end_and_plays_it(
    older: Page, product: Product
) -> None:
    sent = older.request.post(
        f"{product.service}/api/video/images",
        multipart={
            "file": {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": SAMPLE.read_bytes()}
        },
        headers={"Origin": product.service},
    )
    picture = sent.json()["data"]["imageId"]
    asked: list[tuple[str, str]] = []
    older.on("request", lambda r: asked.append((r.method, r.url.partition("/api/video")[2])))
    older.clock.install()
    older.goto(f"{product.service}/older.html?imageId={picture}")
    # Answered only after both presses: on a slow machine the button could be ready for the second one.
    held: list[Route] = []
    older.route("**/api/video/animate", lambda route: held.append(route))  # noqa: PLW0108 -- Playwright takes no method of a list
    older.dblclick("button", delay=5)
    expect(older.locator("button")).to_be_disabled()
    (first,) = held
    first.continue_()
    older.unroute("**/api/video/animate")
    expect(older.locator(".status")).to_contain_text("succeeded · local", timeout=A_WHILE_MS)
    expect(older.locator(".status")).to_contain_text("/generated-videos/")
    assert older.locator("video").evaluate(_PLAYS) == pytest.approx(1, abs=0.2)
    # It ends by itself: no question after the one that was answered with the end.
    asked_before = list(asked)
    older.clock.fast_forward("01:00")
    assert asked == asked_before
    jobs = older.request.get(f"{product.service}/api/video/jobs").json()["data"]["items"]
    assert [path for method, path in asked if method == "POST"] == ["/animate"]
    assert {path for method, path in asked if method == "GET" and path} == {
        f"/jobs/{jobs[0]['id']}"
    }
    assert len(jobs) == 1
    # The same picture again is another wish; the third is over the day's limit.
    older.click("button")
    expect(older.locator(".status")).not_to_contain_text(jobs[0]["id"], timeout=A_WHILE_MS)
    older.click("button")
    expect(older.locator(".error")).to_have_text("Daily quota exceeded (limit 2, remaining 0)")


def test_older_page_shows_what_is_refused(older: Page, product: Product) -> None:
    older.goto(f"{product.service}/older.html?sourceImagePath=somebody/source-images/else.jpg")
    older.click("button")
    expect(older.locator(".error")).to_have_text("There is no such picture.")
    older.context.clear_cookies()
    older.click("button")
    expect(older.locator(".error")).to_have_text("Send a valid bearer token.")
