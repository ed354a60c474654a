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


_LOADED: Final = """
  () => {
    const [page] = performance.getEntriesByType("navigation");
    const samples = performance.getEntriesByType("resource").filter((e) => e.initiatorType === "img");
    return [page.domContentLoadedEventEnd, Math.max(0, ...samples.map((e) => e.responseEnd))];
  }
"""


def _load(browser: Browser, address: str) -> dict[str, float]:
    """Return what was reached when, in ms after the navigation began.

    First and largest paint; then the scripts have run, so that the page answers to fingers; then the
    sample photographs are there.
    """
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", _LINE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(address, wait_until="load")
    first, largest = page.evaluate(_PAINTED), page.evaluate(_LARGEST)
    scripts, pictures = page.evaluate(_LOADED)
    context.close()
    return {"first": first, "largest": largest, "scripts": scripts, "pictures": pictures}


def measure(plan: Plan) -> Sheet:
    """Measure with an empty cache."""
    sheet = Sheet("Studio on a slow phone: Slow 4G, processor four times slower")
    bare = sheet.figure("first paint, a line of text", "ms")
    studio: dict[str, Figure] = {
        "first": sheet.figure("first paint, studio", "ms", against=bare, goals=(Goal("≤", 1000),)),
        "largest": sheet.figure("largest paint, studio", "ms", against=bare),
        "scripts": sheet.figure("studio answers to fingers", "ms", against=bare),
        "pictures": sheet.figure("sample photographs are there", "ms", against=bare),
    }
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
            bare.samples.append(_load(browser, f"{address}/healthz")["first"])
            for name, reached in _load(browser, address).items():
                studio[name].samples.append(reached)
        browser.close()
    sheet.notes.append("A fresh profile each time; 390 × 844 px.")
    return sheet
