"""Own videos: more as they are scrolled to, and a word when there are none or they cannot be listed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect

from .page import ElementsPage
from .scripted import job
from .test_every_state import violations

pytestmark = pytest.mark.system
Open = Callable[..., ElementsPage]
GALLERY = "<photoplay-gallery page-size='12'></photoplay-gallery>"
LISTED = "**/api/video/jobs?*"
ITEMS = "photoplay-gallery [part=item]"


def _pages(route: Route) -> None:
    """Forty videos, twelve at a time."""
    begin = int(route.request.url.partition("cursor=")[2] or 0)
    items = [
        job(
            id=f"00000000-0000-4000-8000-{n:012}",
            status="succeeded",
            phase="done",
            result={"generative": n % 2 == 0},
            signedPosterUrl="/studio/samples/dogs.jpg",
        )
        for n in range(begin, min(begin + 12, 40))
    ]
    following = str(begin + 12) if begin + 12 < 40 else None
    data = {"items": items, "next_cursor": following}
    route.fulfill(body=json.dumps({"success": True, "data": data}), content_type="application/json")


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_more_come_as_they_are_scrolled_to(
    browser: Browser, open_page: Open, local_address: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 500})
    context.route(LISTED, _pages)
    page = open_page(local_address, GALLERY, context=context)
    items = page.page.locator(ITEMS)
    expect(items.first).to_be_visible()
    assert items.count() < 40
    while items.count() < 40:
        before = items.count()
        items.last.scroll_into_view_if_needed()
        expect(items).not_to_have_count(before)
    expect(page.page.locator("photoplay-gallery [part=more]")).to_be_hidden()
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    labels = page.page.locator("photoplay-gallery [part=label]").all_text_contents()
    assert labels[:2] == ["AI-generated", "Camera motion"]
    assert violations(page.page) == []
    context.close()


def test_without_videos_it_says_so(
    open_page: Open, context: BrowserContext, local_address: str
) -> None:
    empty = json.dumps({"success": True, "data": {"items": [], "next_cursor": None}})
    context.route(LISTED, lambda r: r.fulfill(body=empty))
    page = open_page(local_address, GALLERY, context=context)
    page.see_text("status", "No videos yet.")


def test_what_could_not_be_listed_is_tried_again(
    open_page: Open, context: BrowserContext, local_address: str
) -> None:
    context.route(LISTED, lambda r: r.fulfill(status=503))
    page = open_page(local_address, GALLERY, context=context)
    page.see_text("status", "could not be listed")
    context.unroute_all()
    context.route(LISTED, _pages)
    page.page.click("photoplay-gallery [part=more]")
    expect(page.page.locator(ITEMS).first).to_be_visible()
