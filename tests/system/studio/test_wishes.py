"""What is asked for: moves with previews, price and time before asking, pictures no browser shows."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from .studio import SAMPLES, Studio

pytestmark = pytest.mark.system
Open = Callable[..., Studio]


def test_a_move_is_chosen_on_the_picture_itself(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    studio.choose("coffee.jpg")
    studio.see("ready")
    tile = studio.page.locator("move-picker label", has_text="Pan left")
    tile.click()
    moving, shot = tile.locator("i").evaluate(
        "i => [getComputedStyle(i).animationName, getComputedStyle(i).backgroundImage]"
    )
    assert moving == "move"
    assert shot.startswith('url("data:image/jpeg')
    studio.page.click("#animate")
    studio.see("succeeded")
    (job,) = studio.new_jobs
    assert job["result"]["move"] == "pan_left"  # pyright: ignore[reportIndexIssue]
    studio.see_text("rows", "pan left")


def test_previews_stand_still_where_motion_is_not_wanted(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address, reduced_motion="reduce")
    studio.choose("coffee.jpg")
    chosen = studio.page.locator("move-picker label:has(:checked) i")
    assert chosen.evaluate("i => getComputedStyle(i).animationName") == "none"


def test_price_and_time_are_known_before_asking(open_studio: Open, sandbox_address: str) -> None:
    studio = open_studio(sandbox_address)
    facts = studio.page.locator("#offers .facts")
    expect(facts).to_contain_text("$")
    cheap = facts.text_content()
    studio.page.locator("#duration").fill("10")
    expect(facts).not_to_have_text(cheap or "")
    # The built-in camera knows moves that can be named; the others only words.
    expect(studio.page.locator("#moves")).to_be_hidden()
    studio.page.select_option("#provider", "local")
    expect(facts).to_contain_text("Free")
    expect(studio.page.locator("#moves")).to_be_visible()
    studio.choose_and_animate()
    studio.see("succeeded")
    studio.page.locator("#duration").fill("2")
    expect(facts).to_contain_text("about")
    assert studio.new_jobs[0]["provider"] == "local"


def test_photograph_and_film_are_compared_with_the_keyboard(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    studio.choose_and_animate()
    studio.see("succeeded")
    compare = studio.page.get_by_role("button", name="Compare")
    compare.press("Enter")
    expect(compare).to_have_attribute("aria-pressed", "true")
    slider = studio.page.get_by_role("slider", name="How much of the photograph")
    slider.press("End")
    cut = "i => getComputedStyle(i).clipPath"
    assert studio.page.locator("film-compare img").evaluate(cut) == "inset(0px 0% 0px 0px)"
    slider.press("Home")
    assert studio.page.locator("film-compare img").evaluate(cut) in {
        "inset(0px 100% 0px 0px)",
        "inset(0px calc(100% + 0%) 0px 0px)",
    }
    compare.press("Enter")
    expect(slider).to_be_hidden()


def test_a_picture_that_no_browser_shows_is_shown_all_the_same(
    open_studio: Open, local_address: str
) -> None:
    studio = open_studio(local_address)
    content = io.BytesIO()
    with Image.open(SAMPLES / "coffee.jpg") as picture:
        picture.save(content, "TIFF")
    file = {"name": "scan.tiff", "mimeType": "image/tiff", "buffer": content.getvalue()}
    studio.page.set_input_files("#picker", [file])  # pyright: ignore[reportArgumentType]
    studio.see("ready")
    shown = studio.page.locator('[data-part="picture"]')
    expect(shown).to_be_visible()
    assert shown.evaluate("i => i.decode().then(() => i.naturalWidth)") > 100


def test_it_can_be_put_on_the_home_screen(open_studio: Open, local_address: str) -> None:
    studio = open_studio(local_address)
    # The browser's own list of what keeps a page from being installed.
    session = studio.page.context.new_cdp_session(studio.page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # The tests' own profile is one that keeps nothing, which no page can help.
    assert [e for e in errors if e["errorId"] != "in-incognito"] == []


@pytest.mark.fault(43)
def test_what_a_person_writes_is_never_taken_for_markup(
    open_studio: Open, local_address: str, tmp_path: Path
) -> None:
    markup = "\"'></textarea><img src=x onerror=window.owned=1><script>window.owned=1</script>"
    named = tmp_path / "'><img src=x onerror=window.owned=1>.jpg"
    shutil.copy(SAMPLES / "coffee.jpg", named)
    studio = open_studio(local_address)
    studio.page.set_input_files("#picker", named)
    studio.page.locator("#duration").fill("1")
    studio.page.locator("#prompt").fill(f"zoom in, {markup}")
    studio.see("ready")
    studio.page.click("#animate")
    studio.see("succeeded")
    # Also where the page is built anew from what it kept.
    studio.page.reload()
    studio.see("succeeded")
    expect(studio.page.locator("img[src=x]")).to_have_count(0)
    assert studio.page.evaluate("window.owned") is None
    # `open_studio` fails a page whose content policy had to stop something.
