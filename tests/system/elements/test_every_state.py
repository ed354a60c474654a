"""Every state at every width, in either theme: readable, in its place, and without a fault for axe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from .page import ElementsPage
from .scripted import STATES, Script, failed, job

pytestmark = pytest.mark.system
Open = Callable[..., ElementsPage]
BUTTONS = "<animate-button image-id='idle'></animate-button>" + "".join(
    f"<animate-button image-id='{name}'></animate-button>" for name in STATES
)
_PRESS_ALL = (
    "document.querySelectorAll('animate-button:not([image-id=idle])').forEach((b) => b.press())"
)
# The room for words is fixed; what does not fit would lie over the page.
_TOO_LONG = """
  [...document.querySelectorAll("animate-button")].flatMap((button) => {
    const name = button.getAttribute("image-id");
    // One line has its height; letters of a tall font reach out of it, which hides nothing.
    const tooHigh = (e) => e.matches("[part=note]") && e.scrollHeight > e.clientHeight;
    return [...button.shadowRoot.querySelectorAll("[part=note], .words")]
      .filter((e) => tooHigh(e) || e.scrollWidth > e.clientWidth)
      .map((e) => [name, e.textContent]);
  })
"""
_WATCH_SHIFTS = """
  window.shifts = [];
  const what = ({ node }) => node?.outerHTML ?? node?.data;
  new PerformanceObserver((list) => list.getEntries().forEach((e) => shifts.push(e.sources.map(what))))
    .observe({ type: "layout-shift", buffered: true });
"""


def all_states(
    browser: Browser, address: str, *, width: int, theme: str, lang: str = "en"
) -> ElementsPage:
    """A page with a button in each state."""
    options = {"color_scheme": theme, "viewport": {"width": width, "height": 900}}
    tab = browser.new_context(**options).new_page()  # pyright: ignore[reportArgumentType]
    Script(tab, **STATES)
    page = ElementsPage(tab, address, BUTTONS, lang=lang)
    tab.evaluate(_PRESS_ALL)
    reached = ["starting", "queued", *["running"] * 5, "succeeded", "cancelled", *["failed"] * 7]
    reached += ["quota", "busy", "signed-out", "failed", "failed", "starting"]
    for name, state in zip(STATES, reached, strict=True):
        page.see(state, f"[image-id={name}]")
    # The last to come: what has no answer is tried again first.
    expect(tab.locator("[image-id=down] [part=detail]")).not_to_be_empty()
    return page


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {n['target']} {n['failureSummary']}" for v in found for n in v["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1440])
def test_every_state_is_accessible_and_in_its_place(
    browser: Browser, local_address: str, width: int, theme: str
) -> None:
    page = all_states(browser, local_address, width=width, theme=theme)
    assert violations(page.page) == []
    assert page.page.evaluate(_TOO_LONG) == []
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.page.context.close()


@pytest.mark.parametrize(
    ("lang", "cancel"), [("de-CH", "Abbrechen"), ("es", "Cancelar"), ("ja", "キャンセル")]
)
def test_every_language_fits_on_the_smallest_screen(
    browser: Browser, local_address: str, lang: str, cancel: str
) -> None:
    page = all_states(browser, local_address, width=320, theme="light", lang=lang)
    labels = page.page.locator("animate-button [part=cancel]").all_text_contents()
    assert set(labels) == {cancel}
    assert page.page.evaluate(_TOO_LONG) == []
    page.page.context.close()


_ENDINGS = {
    "succeeded": job(status="succeeded", phase="done", version=9),
    "failed": {**failed("outcome_unknown"), "version": 9},
    "cancelled": job(status="cancelled", phase="done", version=9),
}


@pytest.mark.parametrize("ending", _ENDINGS)
def test_nothing_moves_while_a_job_changes_its_state(
    open_page: Open, local_address: str, ending: str
) -> None:
    button = "<animate-button image-id='one'></animate-button>"
    page = open_page(local_address, f"<p>Before.</p>{button}<p>After.</p>")
    script = Script(page.page, one=job(status="queued", phase="accepted"))
    page.page.evaluate(_WATCH_SHIFTS)
    # Not a click: what moves soon after one would not be counted.
    page.page.evaluate("document.querySelector('animate-button').press()")
    page.see("queued")
    for version, share in enumerate((0.1, 0.5), 2):
        script.answers["one"] = job(progress=share, version=version)
        expect(page.page.locator("[part=percent]")).to_have_text(f"{share:.0%}")
    script.answers["one"] = _ENDINGS[ending]
    page.see(ending)
    assert page.page.evaluate("shifts") == []


def test_right_to_left_fills_from_the_right(open_page: Open, local_address: str) -> None:
    body = "<animate-button image-id='one'></animate-button>"
    page = open_page(local_address, body, lang="ar", direction="rtl")
    Script(page.page, one=job(progress=0.5))
    page.press()
    page.see("running")
    expect(page.page.locator("[part=progress]")).to_have_attribute("aria-valuenow", "50")
    sides = page.page.evaluate(
        """() => {
          const root = document.querySelector("animate-button").shadowRoot;
          const sideOf = (part) => root.querySelector(part).getBoundingClientRect();
          const [bar, fill] = [sideOf("[part=progress]"), sideOf(".fill")];
          const [note, cancel] = [sideOf("[part=note]"), sideOf("[part=cancel]")];
          return [Math.abs(bar.right - fill.right) < 1, Math.abs(note.left - cancel.left) < 1];
        }"""
    )
    assert sides == [True, True]


def test_another_language_can_be_added(open_page: Open, local_address: str) -> None:
    page = open_page(
        local_address, "<animate-button image-id='one'></animate-button>", lang="fr-CA"
    )
    Script(page.page, one=job(progress=0.5))
    page.page.evaluate(
        """async () => {
          const { addTexts } = await import("/elements/index.js");
          addTexts("fr", { animate: "Animer", cancel: "Annuler" });
          document.querySelector("animate-button").lang = "fr";
        }"""
    )
    expect(page.page.locator("[part=button]")).to_have_text("Animer")
    page.press()
    expect(page.page.locator("[part=cancel]")).to_have_text("Annuler")
    # What is left out is said in English.
    expect(page.page.locator("[part=status]")).to_have_text("Making the video")
