"""A product's page on another origin, with its own sign-in: script, API and media come from the service."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.system.serving import token

from .page import A_WHILE_MS
from .product import Product

pytestmark = pytest.mark.system


def test_sign_in_video_quota_across_origins(context: BrowserContext, product: Product) -> None:
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if "Content Security" in m.text else None)
    page.goto(product.address)
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
