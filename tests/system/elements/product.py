"""A product on an origin of its own, with its own sign-in, in front of the service."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.system.serving import JWT_SECRET, served

from .page import OPTIONS, STYLE

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


@dataclass
class Product:
    """A product that is served.

    Attributes:
        address: of its own origin, which the service allows.
        service: the service's address.
        files: what it answers, by path: type and content.
    """

    address: str
    service: str
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def add(self, path: str, kind: str, text: str) -> None:
        self.files[path] = (f"{kind}; charset=utf-8", text.encode())

    @property
    def policy(self) -> str:
        """Only what is needed of the service, and nothing inline."""
        parts = ("script-src", "connect-src", "media-src")
        needed = [f"{part} 'self' {self.service}" for part in parts]
        images = f"img-src 'self' data: {self.service}"
        return "; ".join(["default-src 'none'", "style-src 'self'", images, *needed])


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, product: Product, *connection: Any) -> None:
        self._product = product
        super().__init__(*connection)

    def do_GET(self) -> None:
        kind, content = self._product.files[self.path.partition("?")[0]]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", self._product.policy)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running(folder: Path) -> Iterator[Product]:
    """Serve a product and its service, with two videos a day for each user."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    product = Product(f"http://localhost:{port}", "")
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, product))
    Thread(target=server.serve_forever, daemon=True).start()
    settings = {
        "PHOTOPLAY_JWT_SECRET": JWT_SECRET,
        "PHOTOPLAY_CORS_ORIGINS": product.address,
        "VIDEO_DAILY_LIMIT": "2",
        "VIDEO_DEFAULT_DURATION": "1",
        "VIDEO_DEFAULT_RESOLUTION": "480p",
    }
    with served(folder, **settings) as service:
        product.service = service
        product.add("/", "text/html", _PAGE)
        product.add("/page.js", "text/javascript", _SCRIPT.format(service=service))
        product.add("/page.css", "text/css", STYLE)
        product.files["/picture.jpg"] = ("image/jpeg", SAMPLE.read_bytes())
        yield product
    server.shutdown()
    server.server_close()
