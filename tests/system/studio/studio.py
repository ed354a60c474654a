"""The page as a person sees it."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Route, expect

SAMPLES = Path(__file__).parents[2] / "samples"
A_WHILE_MS = 90_000
# Themes differ in colours and widths in what is folded away, so slow axe sees each of them once.
SEEN_BY_AXE = {("light", 320), ("dark", 768), ("light", 1440)}


class Studio:
    """One tab with the studio.

    Attributes:
        faults: what its scripts or its content policy complained about.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._hear)
        page.goto(address)
        self.jobs_before = {job["id"] for job in self._jobs()} if self._is_local() else set[str]()

    def _hear(self, message: ConsoleMessage) -> None:
        # Refusals and lost connections are part of several tests; the browser notes them by itself.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def _is_local(self) -> bool:
        return self.page.request.get(f"{self.address}/api/video/quota").ok

    def _jobs(self) -> list[dict[str, object]]:
        return self.page.request.get(f"{self.address}/api/video/jobs?limit=100").json()["data"][
            "items"
        ]

    @property
    def new_jobs(self) -> list[dict[str, object]]:
        """Jobs that exist since the tab was opened (local mode)."""
        return [job for job in self._jobs() if job["id"] not in self.jobs_before]

    def choose(self, *names: str) -> None:
        """Choose sample pictures, and the quickest film there is."""
        self.page.set_input_files("#picker", [SAMPLES / name for name in names])
        self.page.locator("#duration").fill("1")
        self.page.get_by_text("480p").click()

    def choose_and_animate(self, name: str = "coffee.jpg") -> None:
        self.choose(name)
        self.see("ready")
        self.page.click("#animate")

    def see(self, state: str) -> None:
        """Wait until the stage shows this state."""
        expect(self.page.locator("film-stage")).to_have_attribute(
            "data-state", state, timeout=A_WHILE_MS
        )

    def look(self, state: str) -> None:
        """Find no fault with what is shown, at any width and in either theme."""
        for theme in ("light", "dark"):
            self.page.emulate_media(color_scheme=theme)
            for width in (320, 768, 1440):
                self.page.set_viewport_size({"width": width, "height": 900})
                where = f"{state}, {width} px, {theme}"
                if (theme, width) in SEEN_BY_AXE:
                    found = Axe().run(self.page)
                    assert found.violations_count == 0, f"{where}: {found.generate_report()}"
                wider = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wider <= 0, where

    def see_text(self, part: str, text: str) -> None:
        expect(self.page.locator(f'[data-part="{part}"]')).to_contain_text(text, timeout=A_WHILE_MS)

    def see_film_running(self) -> None:
        """Wait until the video has moved on by itself."""
        self.page.evaluate(
            """() => new Promise((resolve) => {
              const video = document.querySelector("video");
              const look = () => video.currentTime > 0.1 && resolve();
              video.addEventListener("timeupdate", look);
              look();
            })"""
        )

    def hold(self, address: str) -> list[Route]:
        """Keep every request to these addresses unanswered; return where they gather."""
        held: list[Route] = []

        def keep(route: Route) -> None:
            held.append(route)

        self.page.route(address, keep)
        return held

    @property
    def kept_intent(self) -> dict[str, object] | None:
        return self.page.evaluate("JSON.parse(sessionStorage['photoplay.roll']).frames[0].intent")
