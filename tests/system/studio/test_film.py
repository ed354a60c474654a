"""The film itself: played, renewed, saved, labelled, erased."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Route, expect

from tests.system.serving import token

from .studio import Studio

pytestmark = pytest.mark.system
Open = Callable[..., Studio]


def test_film_plays_by_itself_muted_with_an_honest_label(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.page.fill("#prompt", "slowly orbit, the cat jumps")
    studio.choose_and_animate()
    studio.see("succeeded")
    studio.see_film_running()
    video = studio.page.locator("video")
    assert video.evaluate("v => [v.muted, v.loop, v.playsInline, v.controls, v.videoHeight]") == [
        True, True, True, True, 480,
    ]  # fmt: skip
    studio.see_text("how", "made on this machine from your photo; nothing is generated")
    studio.see_text("rows", "“slowly”, “orbit”")
    studio.see_text("rows", "“the cat jumps”")
    with studio.page.expect_download() as saved:
        studio.page.click("[data-part=save]")
    assert saved.value.suggested_filename == "coffee.mp4"
    assert saved.value.path().read_bytes()[4:8] == b"ftyp"


def test_dead_address_is_renewed(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    dead = 2

    def first_dead(route: Route) -> None:
        nonlocal dead
        dead -= 1
        if dead >= 0:
            route.fulfill(status=403)
        else:
            route.continue_()

    studio.page.route("**/jobs/*/video", first_dead)
    studio.choose_and_animate()
    studio.see("succeeded")
    studio.see_film_running()
    assert dead < 0


def test_reduced_motion_waits_for_the_user(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address, reduced_motion="reduce")
    studio.choose_and_animate()
    studio.see("succeeded")
    video = studio.page.locator("video")
    video.evaluate("v => v.readyState || new Promise((r) => (v.onloadedmetadata = r))")
    assert video.evaluate("v => [v.paused, v.currentTime, v.controls]") == [True, 0, True]


def test_film_is_erased_only_after_confirmation(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    studio.choose_and_animate()
    studio.see("succeeded")
    (job,) = studio.new_jobs
    films = studio.page.locator("[data-part=sheet] li")
    before = films.count()
    erase = films.first.get_by_role("button", name="Erase the film")
    erase.click()
    studio.page.get_by_role("button", name="Keep it").click()
    assert [j["id"] for j in studio.new_jobs] == [job["id"]]
    erase.click()
    studio.page.locator("#erase").click()
    expect(films).to_have_count(before - 1)
    studio.see("ready")
    assert studio.new_jobs == []


def test_unusable_picture_says_so(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    broken = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"}
    studio.page.set_input_files("#picker", [broken])  # pyright: ignore[reportArgumentType]
    studio.see("refused")
    studio.see_text("alert", "Use a JPEG")
    expect(studio.page.locator("#animate")).to_have_attribute("aria-disabled", "true")


def test_token_is_asked_for_and_the_daily_limit_is_told(
    open_studio: Open, guarded_address: str
) -> None:
    studio = open_studio(guarded_address)
    field = studio.page.locator("#token")
    expect(field).to_be_focused()
    studio.look("asked for a token")
    field.fill("not a token")
    field.press("Enter")
    expect(studio.page.locator("#identity-why")).to_contain_text("not accepted")
    field.fill(token(uuid4()))
    field.press("Enter")
    expect(studio.page.locator("#quota")).to_contain_text("0 of 1 films today")
    studio.choose_and_animate()
    studio.see("succeeded")
    # The player cannot send the token: it got itself a ticket.
    studio.see_film_running()
    expect(studio.page.locator("#quota")).to_contain_text("1 of 1 films today")
    studio.page.click("#animate")
    studio.see("stopped")
    studio.see_text("alert", "Nothing was charged")
    studio.look("used up")
    studio.page.click("#sign-out")
    expect(field).to_be_focused()
