"""Another engine: picture, job, video, in the studio and with the button. All else is tried in Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.support.firefox import Firefox, Tab, firefox
from tests.system.elements.page import BUTTON, PICTURE, POLICY, STYLE, document

pytestmark = pytest.mark.system
_PLAYS_ON = """
  new Promise((resolve) => {
    const look = () => {
      const video = %s;
      if (video?.readyState >= 3 && !video.paused && video.currentTime > 0.2) resolve(video.videoWidth);
      else setTimeout(look, 30);
    };
    look();
  })
"""
_JOBS = """
  fetch("/api/video/jobs?limit=100").then((r) => r.json()).then(({ data }) => data.items.length)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Firefox]:
    program = shutil.which("firefox-esr")
    assert program
    with firefox(program) as session:
        yield session


def part(name: str, element: str) -> str:
    return f"document.querySelector('{element}').shadowRoot.querySelector('[part={name}]')"


def see(tab: Tab, element: str, state: str, attribute: str = "state") -> None:
    tab.until(f"document.querySelector('{element}').getAttribute('{attribute}') === '{state}'")


def test_studio_makes_a_film_of_a_picture_and_plays_it(
    browser: Firefox, local_address: str
) -> None:
    tab = browser.open(local_address)
    before = tab.evaluate(_JOBS)
    tab.click("document.querySelector('[aria-label=\"Sample: coffee\"]')")
    see(tab, "film-stage", "ready", "data-state")
    tab.click("document.querySelector('[value=\"480p\"]').closest('label')")
    tab.evaluate(
        "duration.value = 1, duration.dispatchEvent(new InputEvent('input', {bubbles: true}))"
    )
    tab.click("animate", times=2)
    see(tab, "film-stage", "succeeded", "data-state")
    assert tab.evaluate(_PLAYS_ON % "document.querySelector('video')") == 640
    assert tab.evaluate(_JOBS) == before + 1
    assert browser.faults == []


def test_button_makes_one_job_and_its_player_plays(browser: Firefox, local_address: str) -> None:
    player = f"<photoplay-player for='animate'>{PICTURE}</photoplay-player>"
    body = player + BUTTON.replace("<animate-button", "<animate-button id='animate'")
    address = f"{local_address}/page.html"
    policy = {"Content-Security-Policy": POLICY}
    browser.serve(address, "text/html; charset=utf-8", document(body), **policy)
    browser.serve(f"{local_address}/page.css", "text/css", STYLE)
    tab = browser.open(address)
    before = tab.evaluate(_JOBS)
    tab.click(part("button", "animate-button"), times=2)
    see(tab, "animate-button", "succeeded")
    see(tab, "photoplay-player", "playing")
    video = "document.querySelector('photoplay-player').video"
    assert tab.evaluate(_PLAYS_ON % video) == 640
    assert tab.evaluate(_JOBS) == before + 1
    assert browser.faults == []
