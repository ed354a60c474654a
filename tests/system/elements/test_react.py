"""The npm package in a React page, in StrictMode, on a product's origin and with its sign-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Request, expect

from tests.system.serving import token

from .package import WEB, Installed
from .page import A_WHILE_MS
from .product import Product
from .test_every_state import violations

pytestmark = pytest.mark.system
PAGE = Path(__file__).parent / "react" / "page.tsx"
_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A product</title><link rel="icon" href="/picture.jpg">
<link rel="stylesheet" href="/page.css"><script type="module" src="/react.js"></script></head>
<body><main></main></body></html>"""
BUTTON = "animate-button [part=button]"


class ReactPage:
    """One part of the React page, for a user of its own."""

    def __init__(self, context: BrowserContext, product: Product, show: str) -> None:
        self.page = context.new_page()
        self.product = product
        self.bearer = token(uuid4())
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda m: m.type == "error" and self._note(m.text))
        # The service itself would recognise a second wish for the same.
        self.keys: list[str] = []
        self.page.on("request", self._note_key)
        self.page.add_init_script(
            f"window.service = '{product.service}'; window.bearer = '{self.bearer}';"
        )
        self.page.goto(f"{product.address}/react.html?show={show}")

    def _note(self, text: str) -> None:
        if "Failed to load resource" not in text:
            self.faults.append(text)

    def _note_key(self, request: Request) -> None:
        if request.url.endswith("/animate") and request.method == "POST":
            self.keys.append((request.post_data_json or {})["clientRequestId"])

    @property
    def jobs(self) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.bearer}"}
        answer = self.page.request.get(f"{self.product.service}/api/video/jobs", headers=headers)
        return answer.json()["data"]["items"]

    def see(self, element: str, state: str) -> None:
        expect(self.page.locator(element)).to_have_attribute("state", state, timeout=A_WHILE_MS)


@pytest.fixture
def show(
    context: BrowserContext, product: Product, installed: Installed
) -> Iterator[Callable[[str], ReactPage]]:
    """Open a part of the page; fails the test on any error that React or a script reports."""
    if "/react.js" not in product.files:
        product.add("/react.js", "text/javascript", installed.bundle(PAGE))
        product.add("/react.html", "text/html", _HTML)
    pages: list[ReactPage] = []

    def open_it(part: str) -> ReactPage:
        pages.append(ReactPage(context, product, part))
        return pages[-1]

    yield open_it
    assert [fault for page in pages for fault in page.faults] == []


def test_package_has_what_it_exports_and_its_types_hold(installed: Installed) -> None:
    page = f"{installed.take(PAGE.parent).name}/{PAGE.name}"
    examples = installed.take(WEB / "examples").name
    uses = installed.folder / "elements.ts"
    uses.write_text(
        """import { configure, type Job } from "@photoplay/elements";
import { PhotoplayPlayer } from "@photoplay/elements/photoplay-player";
configure({ token: async (wasRefused: boolean) => (wasRefused ? null : "bearer") });
const player = document.querySelector("photoplay-player");
if (player instanceof PhotoplayPlayer) player.job satisfies Job | null;
document.addEventListener("jobend", ({ detail }) => detail.job satisfies Job);
"""
    )
    both = (page, f"{examples}/react.tsx", uses.name)
    assert installed.types_of(*both, resolution="nodenext") == ""
    nextjs = f"{examples}/next/app/page.tsx"
    assert installed.types_of(*both, resolution="bundler") == ""
    # As in a new project of Next.js: others' declarations are not looked into.
    assert installed.types_of(nextjs, resolution="bundler", skipLibCheck=True) == ""
    # A prop that does not exist is a mistake, so the types are really there.
    wrong = installed.folder / "wrong.tsx"
    wrong.write_text(
        'import { AnimateButton } from "@photoplay/elements/react";\n'
        'export const wrong = <AnimateButton imageID="a" />;\n'
    )
    assert "imageID" in installed.types_of(wrong.name, resolution="bundler")
    assert {"dist/LICENSE", "dist/react/index.js", "dist/elements/index.js"} <= installed.files


def test_server_renders_the_components_without_a_browser(installed: Installed) -> None:
    html = installed.run(
        """
import { createElement as make } from "react";
import { renderToString } from "react-dom/server";
import { AnimateButton, JobStatusIndicator, useAnimation, VideoPlayerCard } from "@photoplay/elements/react";
const Own = () => make("i", null, useAnimation({ picture: { imageId: "a" } }).state);
const shown = [make(AnimateButton, { imageId: "a", options: { durationSec: 4 } }, "Go"), make(Own),
  make(JobStatusIndicator, { jobId: "b" }), make(VideoPlayerCard, { jobId: "b" })];
console.log(renderToString(make("main", null, ...shown)));
"""
    )
    assert html.strip() == (
        '<main><animate-button image-id="a" options="{&quot;durationSec&quot;:4}">Go</animate-button>'
        '<i>idle</i><video-job job-id="b"></video-job>'
        '<photoplay-player job-id="b" controls=""></photoplay-player></main>'
    )


def test_double_click_status_player_and_cancel(show: Callable[[str], ReactPage]) -> None:
    shown = show("components")
    page = shown.page
    expect(page.locator("animate-button")).to_contain_text("Bring it to life")
    page.dblclick(BUTTON, delay=5)
    shown.see("video-job", "running")
    shown.see("photoplay-player", "playing")
    assert page.locator("photoplay-player [part=video]").evaluate("v => v.controls")
    shown.see("animate-button", "succeeded")
    assert [job["status"] for job in shown.jobs] == ["succeeded"]
    assert len(shown.keys) == 1
    assert violations(page) == []
    # Another one is stopped where its status is shown.
    page.click(BUTTON)
    shown.see("video-job", "running")
    page.click("video-job [part=cancel]")
    shown.see("video-job", "cancelled")
    assert page.evaluate("heard") == ["cancelled"]
    shown.see("animate-button", "cancelled")


def test_button_that_leaves_midway_leaves_its_job(
    context: BrowserContext, show: Callable[[str], ReactPage]
) -> None:
    context.clock.install()
    shown = show("leaving")
    page = shown.page
    page.click(BUTTON)
    shown.see("animate-button", "running")
    page.click("#toggle")
    expect(page.locator("animate-button")).to_have_count(0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward("05:00")
    # Whoever has left asks no more; the job goes on, and is found again.
    assert asked == []
    page.click("#toggle")
    shown.see("animate-button", "succeeded")
    assert len(shown.jobs) == 1
    assert len(shown.keys) == 1


def test_strict_mode_that_mounts_twice_makes_one_job(show: Callable[[str], ReactPage]) -> None:
    shown = show("at-once")
    expect(shown.page.locator("output")).to_have_text("succeeded", timeout=A_WHILE_MS)
    shown.see("photoplay-player", "playing")
    assert len(shown.jobs) == 1
    assert len(set(shown.keys)) == 1
    assert violations(shown.page) == []


def test_own_button_stops_its_job_and_hears_the_quota(show: Callable[[str], ReactPage]) -> None:
    shown = show("own")
    own, state = shown.page.locator("#own"), shown.page.locator("output")
    for made in (1, 2):
        own.click()
        expect(state).to_have_text("running", timeout=A_WHILE_MS)
        assert len(shown.jobs) == made
        if made == 1:
            own.click()
            expect(state).to_have_text("cancelled", timeout=A_WHILE_MS)
    expect(state).to_have_text("succeeded", timeout=A_WHILE_MS)
    # The one that was cancelled gave its unit back.
    own.click()
    expect(state).to_have_text("running", timeout=A_WHILE_MS)
    expect(state).to_have_text("succeeded", timeout=A_WHILE_MS)
    own.click()
    expect(state).to_have_text("quota", timeout=A_WHILE_MS)
    assert len(shown.jobs) == 3
