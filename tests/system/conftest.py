"""A served installation with its worker, and a browser in front of it. Nothing is replaced."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from .serving import served

# Debian builds it without the windows that nobody sees here; with them each page costs twice the time.
CHROMIUM = "chromium-headless-shell"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def local_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Local mode, with room for all tests."""
    with served(tmp_path_factory.mktemp("local"), VIDEO_DAILY_LIMIT="500") as address:
        yield address


@pytest.fixture(scope="session")
def sandbox_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With providers that cost money, imitated."""
    with served(tmp_path_factory.mktemp("sandbox"), "--sandbox") as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # A busy machine may take its time; what is wrong stays wrong.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which(CHROMIUM), args=_FLAGS)
        yield browser
        browser.close()
