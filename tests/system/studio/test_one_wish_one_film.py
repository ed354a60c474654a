"""Whatever fingers, tabs and networks do: one wish makes one job, and its state is found again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .studio import A_WHILE_MS, Studio

pytestmark = pytest.mark.system
Open = Callable[..., Studio]


def test_double_click_makes_one_job(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    studio.choose("coffee.jpg")
    studio.see("ready")
    studio.page.dblclick("#animate", delay=5)
    studio.see("succeeded")
    assert len(studio.new_jobs) == 1


def test_held_enter_makes_one_job(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    studio.choose("coffee.jpg")
    studio.see("ready")
    studio.page.focus("#animate")
    for _ in range(30):
        studio.page.keyboard.down("Enter")
    studio.page.keyboard.up("Enter")
    studio.see("succeeded")
    assert len(studio.new_jobs) == 1


def test_refresh_while_the_picture_is_sent_keeps_the_wish(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.hold("**/api/video/images")
    with studio.page.expect_request("**/api/video/images"):
        studio.choose("coffee.jpg")
    studio.page.click("#animate")
    studio.page.evaluate(
        """() => new Promise((resolve) => {
          const look = () => {
            const open = indexedDB.open("photoplay", 1);
            open.onsuccess = () => {
              const count = open.result.transaction("pictures").objectStore("pictures").count();
              count.onsuccess = () => (count.result ? resolve() : look());
            };
          };
          look();
        })"""
    )
    studio.page.unroute("**/api/video/images")
    studio.page.reload()
    studio.see("succeeded")
    assert len(studio.new_jobs) == 1


def test_refresh_before_the_answer_finds_the_same_job(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.page.route("**/api/video/animate", lambda route: route.fetch() and None)
    studio.choose("coffee.jpg")
    studio.see("ready")
    with studio.page.expect_request("**/api/video/animate"):
        studio.page.click("#animate")
    key = (studio.kept_intent or {})["key"]
    studio.page.unroute_all()
    studio.page.reload()
    studio.see("succeeded")
    assert [job["client_request_id"] for job in studio.new_jobs] == [key]


def test_refresh_while_running_and_after_the_end_shows_the_same_film(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.choose_and_animate("dandelion.jpg")
    studio.see("running")
    studio.page.reload()
    studio.see("running")
    assert (studio.page.get_attribute("[data-part=picture]", "src") or "").startswith("data:image/")
    studio.see("succeeded")
    studio.page.reload()
    studio.see("succeeded")
    studio.see_film_running()
    assert len(studio.new_jobs) == 1
    assert studio.kept_intent is None


def test_wish_made_offline_is_asked_once_when_the_connection_is_back(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.choose("coffee.jpg")
    studio.see("ready")
    studio.page.context.set_offline(True)
    studio.page.click("#animate")
    studio.see_text("status", "No connection")
    studio.page.context.set_offline(False)
    studio.see("succeeded")
    assert len(studio.new_jobs) == 1


@pytest.mark.parametrize("fault", ["refused", "silent"])
def test_film_is_found_without_an_event_stream(
    open_studio: Open, local_address: str, fault: str
) -> None:
    studio = open_studio(local_address)
    if fault == "refused":
        studio.page.route("**/events", lambda route: route.fulfill(status=502))
    else:
        studio.hold("**/events")
    studio.choose_and_animate()
    studio.see("succeeded")
    studio.page.unroute_all()


def test_cancel_before_the_answer_cancels_the_job(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    asked = studio.hold("**/api/video/animate")
    studio.choose("dogs.jpg")
    studio.see("ready")
    with studio.page.expect_request("**/api/video/animate"):
        studio.page.click("#animate")
    studio.page.click("[data-part=cancel]")
    asked[0].continue_()
    studio.see("cancelled")
    assert [job["status"] for job in studio.new_jobs] == ["cancelled"]
    # The button has gone; the keyboard is not lost.
    assert studio.page.evaluate("document.activeElement.dataset.part") == "caption"


def test_several_pictures_each_make_one_film(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    studio.choose("coffee.jpg", "dandelion.jpg", "dogs.jpg")
    ready = studio.page.locator(".tile[data-state=ready]")
    expect(ready).to_have_count(3)
    studio.page.click("#animate-all")
    made = studio.page.locator(".tile[data-state=succeeded]")
    expect(made).to_have_count(3, timeout=2 * A_WHILE_MS)
    assert len(studio.new_jobs) == 3
