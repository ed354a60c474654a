"""Every width, either theme, keyboard only: nothing out of reach, nothing that jumps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from .studio import Studio

pytestmark = pytest.mark.system
Open = Callable[..., Studio]
_WATCH_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (!e.hadRecentInput) shifts.push(e.value);
  }).observe({ type: "layout-shift", buffered: true });
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state_at_any_width(
    open_studio: Open, local_address: str, theme: str
) -> None:
    studio = open_studio(local_address, color_scheme=theme)

    def look(state: str) -> None:
        for width in (320, 768, 1440):
            studio.page.set_viewport_size({"width": width, "height": 900})
            found = Axe().run(studio.page)
            assert found.violations_count == 0, f"{state}, {width} px: {found.generate_report()}"

    look("empty")
    studio.choose("coffee.jpg")
    studio.see("ready")
    look("ready")
    studio.page.click("#animate")
    studio.see("running")
    look("running")
    studio.see("succeeded")
    studio.page.get_by_role("button", name="Compare").click()
    look("compared")
    studio.page.get_by_role("button", name="Erase the film").first.click()
    look("asked before erasing")
