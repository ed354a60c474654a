"""The video: over its picture, playing by itself, renewed, labelled, kept and given on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Route, expect

from .page import BUTTON, PICTURE, ElementsPage
from .test_every_state import violations

pytestmark = pytest.mark.system
Open = Callable[..., ElementsPage]
PLAYER = f"<photoplay-player for='animate'>{PICTURE}</photoplay-player>"
BODY = PLAYER + BUTTON.replace("<animate-button", "<animate-button id='animate'")
_MOVES_ON = """
  () => new Promise((resolve) => {
    const look = () => {
      const video = document.querySelector("photoplay-player").video;
      if (video && !video.paused && video.currentTime > 0.2) resolve(video.currentTime);
      else requestAnimationFrame(look);
    };
    look();
  })
"""


def test_video_plays_over_its_picture_with_an_honest_label(
    open_page: Open, local_address: str
) -> None:
    page = open_page(local_address, BODY)
    page.page.evaluate(
        """() => {
          window.heard = [];
          const hear = (e) => heard.push(e.type === "jobchange" ? e.detail.job.status : e.type);
          const names = ["animaterequest", "jobcreated", "jobchange", "jobend"];
          for (const name of names) addEventListener(name, hear);
        }"""
    )
    page.press()
    page.see("playing", "photoplay-player")
    page.page.evaluate(_MOVES_ON)
    video = page.page.locator("photoplay-player [part=video]")
    assert video.evaluate("v => [v.muted, v.loop, v.playsInline, v.controls]") == [
        True,
        True,
        True,
        False,
    ]
    assert video.get_attribute("aria-label") == "A cup of coffee"
    # The picture has never gone: nothing flashed.
    expect(page.page.locator("#photo")).to_be_visible()
    expect(page.page.locator("[part=label]").first).to_have_text("Camera motion")
    expect(page.page.locator("[part=how]")).to_contain_text("Nothing is generated")
    heard = page.page.evaluate("heard")
    assert heard[:2] == ["animaterequest", "jobcreated"]
    assert heard[-2:] == ["succeeded", "jobend"]
    with page.page.expect_download() as saved:
        page.page.click("photoplay-player [part=download]")
    assert saved.value.suggested_filename == "A cup of coffee.mp4"
    assert saved.value.path().read_bytes()[4:8] == b"ftyp"
    assert violations(page.page) == []
    # The same after a refresh, without another press.
    page.page.reload()
    page.see("playing", "photoplay-player")
    assert len(page.new_jobs) == 1


def test_dead_address_is_renewed(open_page: Open, local_address: str) -> None:
    page = open_page(local_address, BODY)
    asked: list[str] = []

    def first_dead(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) <= 2:
            route.fulfill(status=403)
        else:
            route.continue_()

    page.page.route("**/media/**/*.mp4*", first_dead)
    page.press()
    page.see("playing", "photoplay-player")
    page.page.evaluate(_MOVES_ON)
    assert len(asked) > 2
    page.page.unroute_all()


def test_address_that_dies_midway_loses_neither_place_nor_pause(
    open_page: Open, local_address: str
) -> None:
    page = open_page(local_address, BODY)
    page.press()
    page.see("playing", "photoplay-player")
    page.page.evaluate("document.querySelector('photoplay-player').toggle()")
    page.see("paused", "photoplay-player")
    # What a browser says when a part that it does not hold yet is refused.
    page.page.evaluate(
        """() => new Promise((resolve) => {
          const player = document.querySelector("photoplay-player");
          const before = player.video;
          before.onseeked = () => before.dispatchEvent(new Event("error"));
          before.currentTime = 0.7;
          const look = () => (before.isConnected ? requestAnimationFrame(look) : resolve());
          look();
        })"""
    )
    page.see("paused", "photoplay-player")
    position = page.page.evaluate("document.querySelector('photoplay-player').video.currentTime")
    assert position == pytest.approx(0.7, abs=0.05)


def test_address_that_stays_dead_can_be_tried_again(open_page: Open, local_address: str) -> None:
    page = open_page(local_address, BODY)
    page.page.route("**/media/**", lambda route: route.fulfill(status=403))
    page.press()
    page.see("broken", "photoplay-player")
    expect(page.page.locator("photoplay-player [part=alert]")).to_contain_text("cannot be played")
    assert violations(page.page) == []
    page.page.unroute_all()
    page.page.click("photoplay-player [part=retry]")
    page.see("playing", "photoplay-player")


def test_reduced_motion_waits_for_the_user(
    browser: Browser, open_page: Open, local_address: str
) -> None:
    calm = browser.new_context(reduced_motion="reduce")
    page = open_page(local_address, BODY, context=calm)
    page.press()
    page.see("paused", "photoplay-player")
    assert page.page.evaluate("document.querySelector('photoplay-player').video.currentTime") == 0
    page.page.click("photoplay-player [part=play]")
    page.see("playing", "photoplay-player")
    calm.close()


_SHARE_SHEET = """
  navigator.canShare = ({ files }) => Boolean(files);
  window.shared = new Promise((resolve) => {
    navigator.share = async ({ files: [file] }) => resolve([file.name, file.type, file.size]);
  });
"""


def test_what_is_shared_is_the_video_itself(open_page: Open, local_address: str) -> None:
    page = open_page(local_address, BODY)
    # This browser has no share sheet; what one would be given is looked at.
    page.page.add_init_script(_SHARE_SHEET)
    page.page.reload()
    page.press()
    page.see("playing", "photoplay-player")
    page.page.click("photoplay-player [part=share]")
    # A promise, since the page's own policy forbids the evaluations that waiting for a function repeats.
    shared = page.page.evaluate("shared")
    size = page.new_jobs[0]["video"]["bytes"]
    assert shared == ["A cup of coffee.mp4", "video/mp4", size]
