"""Pages with elements, each in a profile of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from .package import Installed
from .page import ElementsPage
from .product import Product, running


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product on another origin, whose users have two videos a day."""
    with running(tmp_path_factory.mktemp("elsewhere")) as product:
        yield product


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A product's folder with the npm package."""
    return Installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile; its tabs share storage."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., ElementsPage]]:
    """Open a page in a fresh profile, or in a given one; fails the test on any error of its scripts."""
    contexts: list[BrowserContext] = []
    pages: list[ElementsPage] = []

    def open_it(
        address: str, *body: str, context: BrowserContext | None = None, **html: str
    ) -> ElementsPage:
        if context is None:
            contexts.append(browser.new_context())
        pages.append(ElementsPage((context or contexts[-1]).new_page(), address, *body, **html))
        return pages[-1]

    yield open_it
    for context in contexts:
        context.close()
    assert [fault for page in pages for fault in page.faults] == []
