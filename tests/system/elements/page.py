"""A page with elements, as anybody could write it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Route, expect

A_WHILE_MS = 90_000
OPTIONS = '{"durationSec": 1, "resolution": "480p"}'
PICTURE = '<img id="photo" src="/studio/samples/coffee.jpg" alt="A cup of coffee" width="600" height="400">'
BUTTON = f"<animate-button for='photo' options='{OPTIONS}'></animate-button>"
# No inline script, no inline style, nothing from elsewhere.
POLICY = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; base-uri 'none'"
STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; color: light-dark(#241d18, #f0e8dd);
  background: light-dark(#f7f3ec, #171310); }
body { margin: 0; } main { display: grid; gap: 1rem; max-width: 40rem; margin: 0 auto; padding: 1rem; }
#photo { max-width: 100%; height: auto; }
animate-button:not(:defined) { display: block; height: 8.75rem; }
"""


class ElementsPage:
    """One tab with a page of the server's own origin.

    Attributes:
        faults: what its scripts or its content policy complained about.
    """

    def __init__(self, page: Page, address: str, body: str = PICTURE + BUTTON, **html: str) -> None:
        self.page = page
        self.address = address
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._hear)
        serve(page, f"{address}/page.html", document(body, **html))
        page.route("**/page.css", lambda r: r.fulfill(body=STYLE, content_type="text/css"))
        self.jobs_before = {job["id"] for job in self._jobs()}
        page.goto(f"{address}/page.html")

    def _hear(self, message: ConsoleMessage) -> None:
        # Refusals and lost connections are part of several tests; the browser notes them by itself.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def _jobs(self) -> list[dict[str, Any]]:
        answer = self.page.request.get(f"{self.address}/api/video/jobs?limit=100")
        return answer.json()["data"]["items"] if answer.ok else []

    @property
    def new_jobs(self) -> list[dict[str, Any]]:
        """Jobs that exist since the tab was opened (local mode)."""
        return [job for job in self._jobs() if job["id"] not in self.jobs_before]

    def press(self) -> None:
        self.page.click("animate-button [part=button]")

    def cancel(self) -> None:
        self.page.click("[part=cancel]")

    def see(self, state: str, element: str = "animate-button") -> None:
        """Wait until an element is in this state."""
        expect(self.page.locator(element)).to_have_attribute("state", state, timeout=A_WHILE_MS)

    def see_text(self, part: str, text: str) -> None:
        expect(self.page.locator(f"[part={part}]")).to_contain_text(text, timeout=A_WHILE_MS)

    def hold(self, address: str) -> list[Route]:
        """Keep every request to these addresses unanswered; return where they gather."""
        held: list[Route] = []

        def keep(route: Route) -> None:
            held.append(route)

        self.page.route(address, keep)
        return held


def document(body: str, *, lang: str = "en", direction: str = "ltr", script: str = "") -> str:
    """A whole page; `script` is the address of one more module."""
    more = f'<script type="module" src="{script}"></script>' if script else ""
    return f"""<!doctype html>
<html lang="{lang}" dir="{direction}">
<head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css">
<script type="module" src="/elements/index.js"></script>{more}</head>
<body><main><h1>A page</h1>{body}</main></body>
</html>"""


def serve(page: Page, address: str, html: str) -> None:
    """Let the browser find a page at this address."""
    headers = {"Content-Security-Policy": POLICY}
    page.route(
        address,
        lambda r: r.fulfill(body=html, content_type="text/html; charset=utf-8", headers=headers),
    )
