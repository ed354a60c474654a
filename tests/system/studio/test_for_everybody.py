"""Every width, either theme, keyboard only: nothing out of reach, nothing that jumps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .studio import Studio

pytestmark = pytest.mark.system
Open = Callable[..., Studio]
_WATCH_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (!e.hadRecentInput) shifts.push(e.value);
  }).observe({ type: "layout-shift", buffered: true });
"""
# What is said by itself: everything that changes in a live region.
_LISTEN = """
  window.heard = [];
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const region = target.closest("[role=status], [role=alert]");
      if (region?.textContent) heard.push(region.textContent);
    }
  }).observe(document.body, { childList: true, subtree: true });
"""
_OUTLINE = """
  () => {
    const element = document.activeElement;
    return getComputedStyle(element.closest(".choice label") ?? element).outlineStyle;
  }
"""


def _overflow_px(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_a_job_from_wish_to_film_moves_nothing(
    open_studio: Open, local_address: str, width: int
) -> None:
    studio = open_studio(local_address, viewport={"width": width, "height": 900})
    studio.choose("coffee.jpg")
    studio.see("ready")
    studio.page.evaluate(_WATCH_SHIFTS)
    studio.page.evaluate("shifts.length = 0")
    studio.page.click("#animate")
    studio.see("running")
    assert _overflow_px(studio.page) <= 0
    studio.see("succeeded")
    assert _overflow_px(studio.page) <= 0
    # A tenth of what Core Web Vitals call good: only words that change their length are left.
    assert sum(studio.page.evaluate("shifts")) < 0.01


def test_keyboard_alone_makes_a_film(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    page = studio.page

    def go_to(expression: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(f"Boolean({expression})"):
                assert page.evaluate(_OUTLINE) == "solid"
                return
        raise AssertionError(expression)

    go_to("document.activeElement.ariaLabel === 'Sample: coffee'")
    page.keyboard.press("Enter")
    studio.see("ready")
    go_to("document.activeElement.name === 'resolution'")
    page.keyboard.press("ArrowLeft")
    go_to("document.activeElement.name === 'duration'")
    page.keyboard.press("Home")
    go_to("document.activeElement.id === 'animate'")
    page.keyboard.press("Enter")
    studio.see("succeeded")
    (job,) = studio.new_jobs
    assert job["options"] == {"durationSec": 1, "resolution": "480p", "motionStrength": "medium"}


def test_targets_are_large_enough_for_a_finger(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address, viewport={"width": 320, "height": 640}, has_touch=True)
    small = studio.page.evaluate(
        """() => [...document.querySelectorAll("button, select, textarea, summary, .choice label, .check")]
          .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 44)
          .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert small == []


def test_axe_finds_nothing_from_wish_to_film(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    studio.look("empty")
    studio.choose("coffee.jpg", "dandelion.jpg", "dogs.jpg")
    studio.see("ready")
    expect(studio.page.locator(".tile[data-state=ready]")).to_have_count(3)
    studio.look("several are ready")
    studio.hold("**/jobs/*")
    studio.page.click("#animate")
    studio.see("running")
    studio.look("running")
    studio.page.unroute_all()
    studio.see("succeeded")
    studio.page.get_by_role("button", name="Compare").click()
    studio.look("compared")
    studio.page.get_by_role("button", name="Erase the film").first.click()
    studio.look("asked before erasing")


def test_axe_finds_nothing_where_something_is_wrong(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    studio.choose("coffee.jpg")
    studio.see("ready")
    studio.page.context.set_offline(True)
    studio.page.click("#animate")
    studio.see_text("status", "No connection")
    studio.look("offline")
    broken = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"}
    studio.page.context.set_offline(False)
    studio.page.set_input_files("#picker", [broken])  # pyright: ignore[reportArgumentType]
    studio.see("refused")
    studio.look("no picture")


def test_a_screen_reader_hears_each_step_once_and_no_figures(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.choose("coffee.jpg")
    studio.see("ready")
    studio.page.evaluate(_LISTEN)
    studio.page.click("#animate")
    studio.see("succeeded")
    heard = studio.page.evaluate("heard")
    assert heard[0] == "Asking for the film…"
    assert heard[-1] == "Here is your film"
    assert len(heard) == len(set(heard))
    # How far it is stands in a progress bar, which is read when it is asked for.
    assert not [words for words in heard if "%" in words]
    expect(studio.page.locator("film-strip")).to_match_aria_snapshot(
        """
        - list "Your pictures":
          - listitem:
            - 'button "coffee.jpg: Here is your film"'
            - button "Remove coffee.jpg"
        """
    )
