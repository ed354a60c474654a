"""The studio in a browser of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.system.serving import JWT_SECRET, served

from .studio import Studio


@pytest.fixture(scope="session")
def guarded_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With an identity, and one film a day for each user."""
    settings = {"PHOTOPLAY_JWT_SECRET": JWT_SECRET, "VIDEO_DAILY_LIMIT": "1"}
    with served(tmp_path_factory.mktemp("guarded"), **settings) as address:
        yield address


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
