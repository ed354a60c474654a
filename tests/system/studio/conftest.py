"""A served installation with its worker, and a browser in front of it. Nothing is replaced."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from .studio import JWT_SECRET, Studio

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_BANNER = "Photoplay is at "


@contextmanager
def _served(folder: Path, *options: str, **settings: str) -> Iterator[str]:
    """Give the address of a server of its own; ended with the block."""
    ours = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("PHOTOPLAY_", "VIDEO_", "DATABASE_"))
    }
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "photoplay",
            "serve",
            "--port",
            "0",
            "--data-dir",
            str(folder / "data"),
            *options,
        ],
        env={**ours, **settings},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        log: list[str] = []
        for line in server.stdout:
            log.append(line)
            if _BANNER in line:
                break
        else:
            raise AssertionError("the server did not start:\n" + "".join(log[-20:]))
        # What it says afterwards must not fill the pipe.
        drain = Thread(target=log.extend, args=(server.stdout,))
        drain.start()
        try:
            yield log[-1].partition(_BANNER)[2].strip()
            server.send_signal(signal.SIGTERM)
            server.wait(60)
        finally:
            server.kill()
            drain.join()


@pytest.fixture(scope="session")
def local_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Local mode, with room for all tests."""
    with _served(tmp_path_factory.mktemp("local"), VIDEO_DAILY_LIMIT="500") as address:
        yield address


@pytest.fixture(scope="session")
def guarded_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With an identity, and one film a day for each user."""
    settings = {"PHOTOPLAY_JWT_SECRET": JWT_SECRET, "VIDEO_DAILY_LIMIT": "1"}
    with _served(tmp_path_factory.mktemp("guarded"), **settings) as address:
        yield address


@pytest.fixture(scope="session")
def sandbox_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With providers that cost money, imitated."""
    with _served(tmp_path_factory.mktemp("sandbox"), "--sandbox") as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_studio(browser: Browser) -> Iterator[Callable[..., Studio]]:
    """Open the page in a tab of a fresh profile; fails the test on any error of its scripts."""
    contexts: list[BrowserContext] = []
    studios: list[Studio] = []

    def open_it(address: str, **options: object) -> Studio:
        contexts.append(browser.new_context(**options))  # pyright: ignore[reportArgumentType]
        studios.append(Studio(contexts[-1].new_page(), address))
        return studios[-1]

    yield open_it
    for context in contexts:
        context.close()
    assert [fault for studio in studios for fault in studio.faults] == []
