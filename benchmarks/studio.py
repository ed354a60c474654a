"""How soon the studio shows something on a slow line and a slow processor: Chromium, throttled.

The line is the "Slow 4G" of the browser's own tools (1.6 Mbit/s, 150 ms), the processor four times slower than
this one. The reference is a line of text (`/healthz`) from the same server, loaded the same way in the same
run.
"""

from __future__ import annotations

import shutil
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from benchmarks.figures import Figure, Goal, Plan, Sheet
from benchmarks.installation import Server, new_installation

_LINE: Final = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 750e3 / 8,
}
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
)
_PAINTED: Final = """
  () => new Promise((resolve) => {
    new PerformanceObserver((list) => {
      for (const entry of list.getEntriesByName("first-contentful-paint")) resolve(entry.startTime);
    }).observe({ type: "paint", buffered: true });
  })
"""
_LARGEST: Final = """
  () => new Promise((resolve) => {
    let last = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) last = entry.startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
    setTimeout(() => resolve(last), 200);
  })
"""


def _load(browser: Browser, address: str) -> tuple[float, float]:
    """Return when the first and the largest thing were painted, in ms after the navigation began."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", _LINE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(address, wait_until="load")
    painted = float(page.evaluate(_PAINTED)), float(page.evaluate(_LARGEST))
    context.close()
    return painted


def measure(plan: Plan) -> Sheet:
    """Measure first and largest paint with an empty cache."""
    sheet = Sheet("Studio on a slow phone: Slow 4G, processor four times slower")
    bare = sheet.figure("first paint, a line of text", "ms")
    first = sheet.figure("first paint, studio", "ms", against=bare, goals=(Goal("≤", 1000),))
    largest: Figure = sheet.figure("largest paint, studio", "ms", against=bare)
    with (
        new_installation(plan.folder) as installation,
        Server(installation) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(_FLAGS)
        )
        for _ in range(plan.runs):
            address = f"http://127.0.0.1:{server.port}"
            bare.samples.append(_load(browser, f"{address}/healthz")[0])
            painted = _load(browser, address)
            first.samples.append(painted[0])
            largest.samples.append(painted[1])
        browser.close()
    sheet.notes.append("A fresh profile each time; 390 × 844 px.")
    return sheet
