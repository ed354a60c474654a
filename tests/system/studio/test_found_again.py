"""Reloaded, copied, closed, cut off: a tab finds what it left, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from .studio import A_WHILE_MS, Studio

pytestmark = pytest.mark.system
Open = Callable[..., Studio]


def test_refresh_when_ready_keeps_the_picture_and_asks_for_nothing(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.choose("coffee.jpg")
    studio.see("ready")
    studio.page.reload()
    studio.see("ready")
    assert (studio.page.get_attribute("[data-part=picture]", "src") or "").startswith("data:image/")
    assert studio.new_jobs == []
    studio.page.click("#animate")
    studio.see("succeeded")
    assert len(studio.new_jobs) == 1


def test_refresh_after_cancelling_leaves_it_cancelled(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    asked = studio.hold("**/api/video/animate")
    studio.choose("dogs.jpg")
    studio.see("ready")
    with studio.page.expect_request("**/api/video/animate"):
        studio.page.click("#animate")
    studio.page.click("[data-part=cancel]")
    asked[0].continue_()
    studio.see("cancelled")
    studio.page.unroute_all()
    studio.page.reload()
    studio.see("cancelled")
    assert [job["status"] for job in studio.new_jobs] == ["cancelled"]


def test_refresh_while_some_wait_for_the_others_makes_each_film_once(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    pictures = ("coffee", "dandelion", "dogs", "astronaut", "mountains", "rocket", "stream")
    studio.choose(*(f"{name}.jpg" for name in pictures))
    tiles = studio.page.locator(".tile[data-state=ready]")
    expect(tiles).to_have_count(len(pictures), timeout=A_WHILE_MS)
    studio.page.click("#animate-all")
    waiting = studio.page.get_by_role("button", name="Waiting for the others")
    expect(waiting).not_to_have_count(0, timeout=A_WHILE_MS)
    studio.page.reload()
    made = studio.page.locator(".tile[data-state=succeeded]")
    expect(made).to_have_count(len(pictures), timeout=4 * A_WHILE_MS)
    assert len(studio.new_jobs) == len(pictures)


def test_a_copied_tab_shows_the_same_film(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    asked = studio.hold("**/api/video/animate")
    studio.choose("coffee.jpg")
    studio.see("ready")
    with studio.page.expect_request("**/api/video/animate"):
        studio.page.click("#animate")
    # The copy begins with what the tab remembers, its wish included.
    with studio.page.context.expect_page() as copied:
        studio.page.evaluate("void open(location.href)")
    copy = Studio(copied.value, local_address)
    copy.see("succeeded")
    asked[0].continue_()
    studio.see("succeeded")
    assert len(studio.new_jobs) == 1
    assert copy.faults == []


def test_connection_that_goes_while_the_film_is_made_changes_nothing(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.page.route("**/events", lambda route: route.fulfill(status=502))
    studio.choose_and_animate("dandelion.jpg")
    studio.page.route("**/jobs/*", lambda route: route.abort("internetdisconnected"))
    studio.see_text("status", "No connection")
    studio.page.unroute_all()
    studio.page.evaluate("dispatchEvent(new Event('online'))")
    studio.see("succeeded")
    assert len(studio.new_jobs) == 1


def test_lid_closed_for_half_an_hour(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    studio.page.clock.install()
    studio.page.reload()
    studio.choose("coffee.jpg")
    studio.see("ready")
    with studio.page.expect_response("**/api/video/animate"):
        studio.page.click("#animate")
    studio.page.context.set_offline(True)
    studio.page.clock.fast_forward("30:00")
    studio.page.context.set_offline(False)
    studio.see("succeeded")
    studio.see_film_running()
    assert len(studio.new_jobs) == 1


def test_page_closed_for_half_an_hour_finds_its_film_in_the_gallery(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.choose("coffee.jpg")
    studio.see("ready")
    with studio.page.expect_response("**/api/video/animate") as asked:
        studio.page.click("#animate")
    job_id = asked.value.json()["data"]["jobId"]
    tab = studio.page.context.new_page()
    studio.page.close()
    job = f"{local_address}/api/video/jobs/{job_id}"
    status = "queued"
    while status in {"queued", "running"}:
        status = tab.request.get(f"{job}?wait=30").json()["data"]["status"]
    assert status == "succeeded"
    tab.clock.install(time=datetime.now(UTC) + timedelta(minutes=30))
    later = Studio(tab, local_address)
    later.page.locator("film-gallery .play").first.click()
    later.see("succeeded")
    later.see_film_running()
    # The same film, and no other one was asked for.
    address = later.page.locator("video").get_attribute("src") or ""
    assert job_id in address
    assert later.new_jobs == []
    assert later.faults == []
