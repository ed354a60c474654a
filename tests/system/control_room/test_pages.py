"""The control room as whoever is on call sees it: no one kept out, nothing out of reach, no act by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.system.serving import served

pytestmark = pytest.mark.system
SAMPLE = Path(__file__).parents[2] / "samples" / "coffee.jpg"
A_WHILE_MS = 90_000
# Themes differ in colours and widths in what is folded away, so slow axe sees each of them once.
SEEN_BY_AXE = {"light": (320, 1440), "dark": (768,)}


@pytest.fixture(scope="module")
def job_id(browser: Browser, sandbox_address: str) -> str:
    """A job that became a video, with a cost."""
    context = browser.new_context(base_url=sandbox_address)
    request = context.request
    image = request.post("/api/video/images", data=SAMPLE.read_bytes()).json()["data"]
    body = {"imageId": image["imageId"], "options": {"provider": "fal-pika"}}
    made = request.post("/api/video/animate", data=body).json()["data"]
    job: dict[str, str] = {"status": ""}
    while job["status"] not in {"succeeded", "failed"}:
        job = request.get(f"/api/video/jobs/{made['jobId']}?wait=10").json()["data"]
    context.close()
    assert job["status"] == "succeeded"
    return made["jobId"]


def look(page: Page, name: str, theme: str) -> None:
    for width in (320, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (
            name,
            width,
        )
        if width in SEEN_BY_AXE[theme]:
            found = Axe().run(page)
            assert found.violations_count == 0, f"{name}, {width} px: {found.generate_report()}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page_at_any_width(
    browser: Browser, sandbox_address: str, job_id: str, theme: str
) -> None:
    context = browser.new_context(base_url=sandbox_address, color_scheme=theme)  # pyright: ignore[reportArgumentType]
    page = context.new_page()
    for path in (
        "",
        "/jobs",
        f"/jobs/{job_id}",
        "/providers",
        "/providers/fal-pika",
        "/providers/local",
        "/quotas",
        "/workers",
        "/audit",
        "/sign-in",
    ):
        page.goto(f"/admin{path}")
        # The figures of the charts, too.
        for table in page.get_by_text("As a table").all():
            table.click()
        look(page, path, theme)
    page.goto("/admin/find?q=nothing-like-it")
    look(page, "nothing found", theme)
    page.goto(f"/admin/jobs/{job_id}")
    page.get_by_role("link", name="00000000").first.click()
    page.wait_for_load_state()
    look(page, "a user", theme)
    page.get_by_role("button", name="Erase the user").click()
    look(page, "a user to be erased", theme)
    page.keyboard.press("Escape")
    page.get_by_label("Videos in a day").fill("many")
    page.get_by_role("button", name="Set these limits").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")
    look(page, "limits that are none", theme)
    context.close()


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_the_field_at_the_top_finds_an_id_and_shows_all_of_it_where_there_is_room(
    browser: Browser, sandbox_address: str, job_id: str, width: int
) -> None:
    size = {"width": width, "height": 900}
    context = browser.new_context(base_url=sandbox_address, viewport=size)  # pyright: ignore[reportArgumentType]
    page = context.new_page()
    page.goto("/admin/quotas")
    field = page.get_by_role("searchbox")
    field.fill(job_id)
    hidden_px = field.evaluate("(field) => field.scrollWidth - field.clientWidth")
    assert width < 768 or hidden_px == 0
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(job_id)
    context.close()


def test_a_video_and_its_cost_are_found_from_the_request_key_on(
    browser: Browser, sandbox_address: str, job_id: str
) -> None:
    context = browser.new_context(base_url=sandbox_address)
    page = context.new_page()
    page.goto("/admin")
    page.get_by_role("searchbox").fill(job_id)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(job_id)
    expect(page.get_by_text("The video is in the store.")).to_be_visible()
    expect(page.locator(".facts", has_text="Cost")).to_contain_text("$0.20")
    page.locator("video").evaluate(
        """(video) => new Promise((resolve) => {
          video.ontimeupdate = () => video.currentTime > 0.1 && resolve();
          video.play();
        })"""
    )
    expect(page.locator(".timeline")).to_contain_text("job.succeeded")
    context.close()


def test_erasing_asks_first_and_is_then_in_the_audit(
    browser: Browser, sandbox_address: str, job_id: str
) -> None:
    context = browser.new_context(base_url=sandbox_address)
    page = context.new_page()
    page.goto(f"/admin/jobs/{job_id}")
    page.get_by_role("button", name="Erase the job").click()
    dialog = page.get_by_role("dialog", name="Erase this job for good?")
    dialog.get_by_role("button", name="No, keep it").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Erase the job").click()
    dialog.get_by_role("button", name="Erase the job").click()
    page.wait_for_url("**/admin/jobs")
    page.goto("/admin/audit")
    expect(page.get_by_role("row", name="job.erase")).to_contain_text(job_id)
    page.goto(f"/admin/jobs/{job_id}")
    expect(page.get_by_role("alert")).to_contain_text("erased")
    context.close()


def test_limits_are_set_and_taken_away_and_a_user_is_erased_after_being_asked(
    browser: Browser, tmp_path: Path
) -> None:
    with served(tmp_path) as address:
        context = browser.new_context(base_url=address)
        context.request.post("/api/video/images", data=SAMPLE.read_bytes())
        page = context.new_page()
        page.goto("/admin/find?q=00000000")
        page.get_by_label("Videos in a day").fill("3")
        page.get_by_role("button", name="Set these limits").click()
        expect(page.get_by_text("0 of 3")).to_be_visible()
        page.get_by_role("button", name="Take own limits away").click()
        dialog = page.get_by_role("dialog", name="Take this user’s own limits away?")
        dialog.get_by_role("button", name="Take own limits away").click()
        expect(page.get_by_text("0 of 20")).to_be_visible()
        page.get_by_role("button", name="Erase the user").click()
        dialog = page.get_by_role("dialog", name="Erase this user for good?")
        dialog.get_by_role("button", name="Erase the user").click()
        expect(page.locator(".verdict")).to_contain_text("erased")
        expect(page.locator(".figure", has_text="Pictures")).to_contain_text("0")
        page.goto("/admin/audit")
        expect(page.get_by_role("row", name="user.erase")).to_be_visible()
        context.close()
