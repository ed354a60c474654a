"""The clip of the README: a photograph becomes a film in the studio. Usage: make flow

A real server, a real browser and a real film. Only time is ours: what waits is shortened, and previews and film
are set to the next frame before each picture is taken, so that a slow machine records the same smooth clip.
"""

from __future__ import annotations

import math
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect, sync_playwright

from tests.system.serving import served

TO = Path(__file__).resolve().parent.parent / "docs" / "images" / "studio.webp"
SIZE = {"width": 992, "height": 744}
# Pixels of the clip for each pixel of the page: text is drawn for this size, not shrunk to it.
SCALE = 0.75
FPS = 10
QUALITY = 50
# A pointer as everybody knows it; its tip is at the origin.
POINTER = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (13, 12))
SOONEST_MS = 60
IN_THE_WORKS = 14

_SET_PREVIEWS = """
  (ms) => document.getAnimations().filter((a) => a.animationName === "move").forEach((a) => {
    a.pause();
    a.currentTime = ms;
  })
"""
# Controls are drawn over a film that stands, as it does here between two pictures.
_HOLD_FILM = """
  async () => {
    const video = document.querySelector("video");
    if (video.readyState < 3) await new Promise((resolve) => (video.oncanplay = resolve));
    video.pause();
    video.controls = false;
  }
"""
_SET_FILM = """
  (seconds) => new Promise((resolve) => {
    const video = document.querySelector("video");
    video.requestVideoFrameCallback(() => requestAnimationFrame(resolve));
    video.currentTime = seconds % video.duration;
  })
"""


class Recording:
    """One tab, a pointer that is drawn, and the pictures taken so far."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.at = (SIZE["width"] * 0.62, SIZE["height"] * 0.9)
        self.clock = 0
        self.before_each: Callable[[int], None] = lambda _: None

    def take(self, count: int = 1, *, pressed: bool = False) -> None:
        """Take pictures, each a frame later than the one before."""
        for _ in range(count):
            self.before_each(self.clock)
            shot = Image.open(BytesIO(self.page.screenshot(animations="allow", scale="device")))
            self.frames.append(self._pointed(shot.convert("RGB"), pressed))
            self.clock += 1

    def _pointed(self, shot: Image.Image, pressed: bool) -> Image.Image:
        # Drawn large and shrunk, for smooth edges.
        layer = Image.new("RGBA", (shot.width * 3, shot.height * 3))
        draw = ImageDraw.Draw(layer)
        x, y = (place * SCALE * 3 for place in self.at)
        if pressed:
            draw.ellipse((x - 40, y - 40, x + 40, y + 40), fill=(239, 143, 88, 150))
        tip = [(x + dx * 3, y + dy * 3) for dx, dy in POINTER]
        draw.polygon(tip, fill="black", outline="white", width=3)
        layer = layer.resize(shot.size, Image.Resampling.LANCZOS)
        return Image.alpha_composite(shot.convert("RGBA"), layer).convert("RGB")

    def move(self, x: float, y: float, count: int = 9) -> None:
        """Lead the pointer somewhere, slower at both ends."""
        x0, y0 = self.at
        for step in range(1, count + 1):
            share = (1 - math.cos(math.pi * step / count)) / 2
            self.at = (x0 + (x - x0) * share, y0 + (y - y0) * share)
            self.page.mouse.move(*self.at)
            self.take()

    def go_to(self, selector: str, count: int = 9) -> None:
        box = self.page.locator(selector).bounding_box()
        assert box is not None, selector
        self.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.6, count)

    def press(self, selector: str, count: int = 9) -> None:
        self.go_to(selector, count)
        self.take(2, pressed=True)
        self.page.mouse.click(*self.at)


def _see(page: Page, state: str) -> None:
    stage = page.locator("film-stage")
    expect(stage).to_have_attribute("data-state", state, timeout=300_000)


def _shares(page: Page) -> Iterator[float]:
    """Give the share of the film that is made, whenever it has grown, until it is there."""
    last = -1.0
    while page.locator("film-stage").get_attribute("data-state") != "succeeded":
        share = page.evaluate("document.querySelector('progress').value")
        if share > last:
            last = share
            yield share
        page.wait_for_timeout(SOONEST_MS)


def _wish(recording: Recording) -> None:
    page = recording.page
    recording.take(6)
    recording.press("#samples button:nth-child(2)", 12)
    _see(page, "ready")
    # The preview of the move that is chosen is the only thing that moves here.
    recording.before_each = lambda clock: page.evaluate(_SET_PREVIEWS, clock * 1000 / FPS)
    recording.take(4)
    recording.press("#prompt")
    for letter in "slowly, snow falling":
        page.keyboard.type(letter)
        recording.take()
    recording.press("move-picker label:has(.dolly_in)")
    recording.take(18)


def _wait(recording: Recording) -> None:
    page = recording.page
    recording.press("#animate")
    recording.go_to("#stage .caption", 8)
    kept = len(recording.frames)
    for _ in _shares(page):
        recording.take()
    # However many pictures the making took, it is told in as many frames.
    taken = recording.frames[kept:]
    step = max(1, len(taken) / IN_THE_WORKS)
    recording.frames[kept:] = [taken[int(k * step)] for k in range(int(len(taken) / step))]


def _watch(recording: Recording) -> None:
    page = recording.page
    page.evaluate(_HOLD_FILM)
    start = recording.clock
    recording.before_each = lambda clock: page.evaluate(_SET_FILM, (clock - start) / FPS)
    recording.take(24)
    recording.press("[data-part=beside]", 8)
    slider = page.locator("film-compare input").bounding_box()
    assert slider is not None
    x, y, width = slider["x"], slider["y"] + slider["height"] / 2, slider["width"]
    recording.move(x + width / 2, y, 7)
    page.mouse.down()
    recording.move(x + width * 0.85, y, 10)
    recording.move(x + width * 0.15, y, 15)
    recording.move(x + width * 0.5, y, 9)
    page.mouse.up()
    recording.take(6)


def main() -> int:
    """Record the clip anew; returns the exit code."""
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, device_scale_factor=SCALE, color_scheme="light")
        page.goto(address, wait_until="networkidle")
        recording = Recording(page)
        for part in (_wish, _wait, _watch):
            part(recording)
        browser.close()
    first, *others = recording.frames
    first.save(
        TO,
        save_all=True,
        append_images=others,
        duration=[1000 // FPS] * len(others) + [1500],
        loop=0,
        quality=QUALITY,
        method=4,
    )
    sys.stdout.write(f"{TO}: {len(recording.frames)} frames, {TO.stat().st_size / 1e6:.2f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
