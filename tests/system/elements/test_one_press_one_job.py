"""Whatever fingers, tabs and networks do: one press makes one job, and its state is found again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from .page import BUTTON, PICTURE, ElementsPage

pytestmark = pytest.mark.system
Open = Callable[..., ElementsPage]
BUTTON_PART = "animate-button [part=button]"


def test_double_click_makes_one_job(open_page: Open, local_address: str) -> None:
    page = open_page(local_address)
    page.page.dblclick(BUTTON_PART, delay=5)
    page.see("succeeded")
    assert len(page.new_jobs) == 1


def test_held_enter_makes_one_job_and_the_button_keeps_the_focus(
    open_page: Open, local_address: str
) -> None:
    page = open_page(local_address)
    page.page.focus("animate-button")
    for _ in range(40):
        page.page.keyboard.down("Enter")
    page.see("running")
    # A refusal at once would otherwise be pressed away by the key that is still down.
    for _ in range(40):
        page.page.keyboard.down("Enter")
    page.page.keyboard.up("Enter")
    expect(page.page.locator(BUTTON_PART)).to_be_focused()
    expect(page.page.locator(BUTTON_PART)).to_have_attribute("aria-disabled", "true")
    page.see("succeeded")
    assert len(page.new_jobs) == 1


def test_two_tabs_make_one_job_and_both_show_it(
    open_page: Open, context: BrowserContext, local_address: str
) -> None:
    one = open_page(local_address, context=context)
    two = open_page(local_address, context=context)
    one.page.evaluate("document.querySelector('animate-button').press()")
    two.page.evaluate("document.querySelector('animate-button').press()")
    one.see("succeeded")
    two.see("succeeded")
    assert len(one.new_jobs) == 1


def test_another_tab_shows_what_one_has_begun(
    open_page: Open, context: BrowserContext, local_address: str
) -> None:
    one = open_page(local_address, context=context)
    two = open_page(local_address, context=context)
    one.press()
    two.see("running")
    two.cancel()
    one.see("cancelled")
    assert [job["status"] for job in one.new_jobs] == ["cancelled"]


def test_refresh_before_the_answer_finds_the_same_job(open_page: Open, local_address: str) -> None:
    page = open_page(local_address)
    page.page.route("**/api/video/animate", lambda route: route.fetch() and None)
    with page.page.expect_request("**/api/video/animate") as asked:
        page.press()
    key = (asked.value.post_data_json or {})["clientRequestId"]
    page.page.unroute("**/api/video/animate")
    page.page.reload()
    page.see("succeeded")
    assert [job["client_request_id"] for job in page.new_jobs] == [key]


def test_refresh_while_running_and_after_the_end_shows_the_same_job(
    open_page: Open, local_address: str
) -> None:
    page = open_page(local_address)
    page.press()
    page.see("running")
    page.page.reload()
    page.see("running")
    page.see("succeeded")
    page.page.reload()
    page.see("succeeded")
    assert len(page.new_jobs) == 1
    page.press()
    page.see("running")
    page.cancel()
    page.see("cancelled")
    assert len({job["client_request_id"] for job in page.new_jobs}) == 2


def test_tab_that_was_closed_is_taken_up_by_another(
    open_page: Open, context: BrowserContext, local_address: str
) -> None:
    first = open_page(local_address, context=context)
    first.page.route("**/api/video/animate", lambda route: route.fetch() and None)
    with first.page.expect_request("**/api/video/animate"):
        first.press()
    first.page.close()
    later = open_page(local_address, context=context)
    later.see("succeeded")
    # The job was made before this tab was opened.
    assert later.new_jobs == []


def test_press_made_offline_is_asked_once_when_the_connection_is_back(
    open_page: Open, local_address: str
) -> None:
    page = open_page(local_address)
    page.see("idle")
    page.page.context.set_offline(True)
    page.press()
    page.see_text("status", "No answer")
    page.page.context.set_offline(False)
    page.see("succeeded")
    assert len(page.new_jobs) == 1


@pytest.mark.parametrize("fault", ["refused", "silent"])
def test_video_is_found_without_an_event_stream(
    open_page: Open, local_address: str, fault: str
) -> None:
    page = open_page(local_address)
    if fault == "refused":
        page.page.route("**/events", lambda route: route.fulfill(status=502))
    else:
        page.hold("**/events")
    page.press()
    page.see("succeeded")
    page.page.unroute_all()


def test_cancel_before_the_answer_cancels_the_job(open_page: Open, local_address: str) -> None:
    page = open_page(local_address)
    asked = page.hold("**/api/video/animate")
    with page.page.expect_request("**/api/video/animate"):
        page.press()
    page.cancel()
    page.see_text("status", "Cancelling")
    asked[0].continue_()
    page.see("cancelled")
    assert [job["status"] for job in page.new_jobs] == ["cancelled"]
    # The way to cancel has gone; the keyboard is not lost.
    expect(page.page.locator(BUTTON_PART)).to_be_focused()


def test_cancel_before_anything_was_asked_makes_no_job(open_page: Open, local_address: str) -> None:
    page = open_page(local_address)
    page.hold("**/api/video/images")
    with page.page.expect_request("**/api/video/images"):
        page.press()
    page.cancel()
    page.see("cancelled")
    page.page.unroute_all()
    assert page.new_jobs == []


def test_another_picture_in_the_same_place_is_another_wish(
    open_page: Open, local_address: str
) -> None:
    page = open_page(local_address, PICTURE + BUTTON)
    page.press()
    page.see("running")
    page.page.evaluate("photo.src = '/studio/samples/dogs.jpg'")
    page.see("idle")
    page.page.evaluate("photo.src = '/studio/samples/coffee.jpg'")
    page.see("running")
    page.cancel()
    page.see("cancelled")
