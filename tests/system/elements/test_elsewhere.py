"""A product's page on another origin, with its own sign-in: script, API and media come from the service."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.system.serving import JWT_SECRET, served, token

from .page import A_WHILE_MS, OPTIONS, STYLE

pytestmark = pytest.mark.system
SAMPLE = Path(__file__).parents[2] / "samples" / "coffee.jpg"
_SCRIPT = """
import {{ configure }} from "{service}/elements/index.js";
window.asked = [];
configure({{
  endpoint: "{service}",
  token: async (wasRefused) => (asked.push(wasRefused), window.bearer ?? null),
}});
"""
_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A product</title><link rel="icon" href="/picture.jpg">
<link rel="stylesheet" href="/page.css"><script type="module" src="/page.js"></script></head>
<body><main><h1>A product</h1>
<photoplay-player for="animate">
<img id="photo" src="/picture.jpg" alt="Coffee" width="600" height="400">
</photoplay-player>
<animate-button id="animate" for="photo" options='{OPTIONS}'></animate-button>
<photoplay-gallery for="animate"></photoplay-gallery>
</main></body></html>"""


class _Product(BaseHTTPRequestHandler):
    """The product's own server; `service` is set before it serves."""

    service = ""

    def do_GET(self) -> None:
        files = {
            "/": ("text/html; charset=utf-8", _PAGE.encode()),
            "/page.js": ("text/javascript", _SCRIPT.format(service=self.service).encode()),
            "/page.css": ("text/css", STYLE.encode()),
            "/picture.jpg": ("image/jpeg", SAMPLE.read_bytes()),
        }
        kind, content = files[self.path]
        # Only what is needed of the service, and nothing inline.
        parts = ("script-src", "connect-src", "img-src", "media-src")
        needed = [f"{part} 'self' {self.service}" for part in parts]
        policy = "; ".join(["default-src 'none'", "style-src 'self'", *needed])
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header(
            "Content-Security-Policy", policy + "; img-src 'self' data: " + self.service
        )
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a product whose origin the service allows; two videos a day for each user."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = ThreadingHTTPServer(("127.0.0.1", port), _Product)
    address = f"http://localhost:{port}"
    Thread(target=server.serve_forever, daemon=True).start()
    settings = {
        "PHOTOPLAY_JWT_SECRET": JWT_SECRET,
        "PHOTOPLAY_CORS_ORIGINS": address,
        "VIDEO_DAILY_LIMIT": "2",
    }
    with served(tmp_path_factory.mktemp("elsewhere"), **settings) as service:
        _Product.service = service
        yield address
    server.shutdown()
    server.server_close()


def test_sign_in_video_quota_across_origins(context: BrowserContext, product: str) -> None:
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if "Content Security" in m.text else None)
    page.goto(product)
    button = page.locator("animate-button")
    page.evaluate("addEventListener('signinrequest', () => (window.wanted = true))")
    page.click("animate-button [part=button]")
    expect(button).to_have_attribute("state", "signed-out", timeout=A_WHILE_MS)
    assert page.evaluate("[window.wanted, asked.at(-1)]") == [True, True]
    # Signing in and pressing again goes on with the same wish.
    page.evaluate("(bearer) => (window.bearer = bearer)", token(uuid4()))
    page.click("animate-button [part=button]")
    expect(button).to_have_attribute("state", "succeeded", timeout=A_WHILE_MS)
    expect(page.locator("photoplay-player").first).to_have_attribute("state", "playing")
    # The finished video is in the gallery, and plays from there.
    expect(page.locator("photoplay-gallery [part=item]")).to_have_count(1)
    page.click("photoplay-gallery [part=open]")
    expect(page.locator("photoplay-gallery dialog photoplay-player")).to_have_attribute(
        "state", "playing"
    )
    page.keyboard.press("Escape")
    expect(page.locator("photoplay-gallery [part=open]")).to_be_focused()
    # Another origin's file is saved all the same.
    with page.expect_download() as saved:
        page.locator("photoplay-player [part=download]").first.click()
    assert saved.value.path().read_bytes()[4:8] == b"ftyp"
    page.click("animate-button [part=button]")
    expect(button).to_have_attribute("state", "running", timeout=A_WHILE_MS)
    expect(button).to_have_attribute("state", "succeeded", timeout=A_WHILE_MS)
    page.click("animate-button [part=button]")
    expect(button).to_have_attribute("state", "quota", timeout=A_WHILE_MS)
    expect(page.locator("animate-button [part=alert]")).to_contain_text("New ones from")
    assert faults == []
