"""Debian's Firefox, driven by WebDriver BiDi over its own socket: no driver program in between."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

_LISTENING: Final = "WebDriver BiDi listening on "
_A_WHILE_S: Final = 120.0
_PREFERENCES: Final = (
    'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n'
    'user_pref("app.update.enabled", false);\n'
    'user_pref("browser.shell.checkDefaultBrowser", false);\n'
    'user_pref("network.captive-portal-service.enabled", false);\n'
    'user_pref("network.connectivity-service.enabled", false);\n'
)
_UNTIL: Final = """
  new Promise((resolve) => {
    const look = () => ((%s) ? resolve() : setTimeout(look, 30));
    look();
  })
"""
_CENTRE: Final = """
  (() => {
    const element = %s;
    element.scrollIntoView({ block: "center", behavior: "instant" });
    const { x, y, width, height } = element.getBoundingClientRect();
    return JSON.stringify([Math.round(x + width / 2), Math.round(y + height / 2)]);
  })()
"""


class BidiError(Exception):
    """Firefox refused a command, or a script in the page threw."""


class Firefox:
    """A session with a browser; commands are answered one after another.

    Attributes:
        pages: what is answered in place of a server, by address: media type, body and further headers.
        faults: errors and warnings that pages wrote to the console.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.pages: dict[str, tuple[str, str, Mapping[str, str]]] = {}
        self.faults: list[str] = []
        self._socket = socket
        self._numbers = count(1)
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["network.beforeRequestSent", "log.entryAdded"])

    def ask(self, method: str, **params: Any) -> Any:
        """Send a command and return its result; what happens meanwhile is dealt with."""
        number = self._send(method, params)
        while True:
            message = json.loads(self._socket.recv(timeout=_A_WHILE_S))
            if message.get("id") == number:
                if message["type"] == "error":
                    raise BidiError(f"{method}: {message['error']}: {message['message']}")
                return message["result"]
            if message["type"] == "event":
                self._hear(message["method"], message["params"])

    def _send(self, method: str, params: Mapping[str, Any]) -> int:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        return number

    def _hear(self, method: str, event: Mapping[str, Any]) -> None:
        if method == "log.entryAdded" and event["level"] in {"error", "warn"}:
            self.faults.append(event["text"])
        elif method == "network.beforeRequestSent" and event["isBlocked"]:
            kind, body, headers = self.pages[event["request"]["url"]]
            named = {"Content-Type": kind, **headers}.items()
            answer = {
                "request": event["request"]["request"],
                "statusCode": 200,
                "headers": [{"name": n, "value": {"type": "string", "value": v}} for n, v in named],
                "body": {"type": "string", "value": body},
            }
            self._send("network.provideResponse", answer)

    def serve(self, address: str, media_type: str, body: str, **headers: str) -> None:
        """Answer this address in place of its server."""
        self.pages[address] = (media_type, body, headers)
        patterns = [{"type": "string", "pattern": address}]
        self.ask("network.addIntercept", phases=["beforeRequestSent"], urlPatterns=patterns)

    def open(self, address: str, width: int = 1000, height: int = 900) -> Tab:
        """Open a page in a tab of a profile of its own, and wait until it is loaded."""
        profile = self.ask("browser.createUserContext")["userContext"]
        tab = self.ask("browsingContext.create", type="tab", userContext=profile)["context"]
        size = {"width": width, "height": height}
        self.ask("browsingContext.setViewport", context=tab, viewport=size)
        self.ask("browsingContext.navigate", context=tab, url=address, wait="complete")
        return Tab(self, tab)


class Tab:
    """One tab; elements are named by an expression of the page's script."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context

    def evaluate(self, expression: str) -> Any:
        """Return what an expression is in the page, a promise's value included."""
        answer = self._firefox.ask(
            "script.evaluate",
            expression=expression,
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] != "success":
            raise BidiError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until a condition holds in the page."""
        self.evaluate(_UNTIL % condition)

    def click(self, element: str, times: int = 1) -> None:
        """Click the middle of an element with the mouse."""
        x, y = json.loads(self.evaluate(_CENTRE % element))
        click = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        move = {"type": "pointerMove", "x": x, "y": y}
        mouse = {"type": "pointer", "id": "mouse", "actions": [move, *click * times]}
        self._firefox.ask("input.performActions", context=self._context, actions=[mouse])

    def screenshot(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        shot = self._firefox.ask("browsingContext.captureScreenshot", context=self._context)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def firefox(program: str) -> Iterator[Firefox]:
    """Start Firefox without a window and with an empty profile; end it with the block."""
    with tempfile.TemporaryDirectory(prefix="photoplay-firefox-") as profile:
        Path(profile, "user.js").write_text(_PREFERENCES)
        command = [program, "--headless", "--no-remote", "--profile", profile]
        with subprocess.Popen(
            [*command, "--remote-debugging-port", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            line = next((line for line in process.stderr if _LISTENING in line), "")
            try:
                address = line.partition(_LISTENING)[2].strip()
                with connect(f"{address}/session", max_size=None, proxy=None) as socket:
                    session = Firefox(socket)
                    yield session
                    session.ask("browser.close")
                process.communicate(timeout=_A_WHILE_S)
            finally:
                process.kill()
