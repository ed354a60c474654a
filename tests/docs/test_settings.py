"""docs/settings.md says the same as config.py and the settings of the providers."""

from __future__ import annotations

import re

import pytest
from pydantic_core import PydanticUndefined

from photoplay.config import Settings
from photoplay.environment import names_of
from photoplay.registry import provider_settings
from tests.docs.pages import PAGES, ROOT, name_of, text_of

TABLE = re.findall(
    r"^\| (`[A-Z0-9_]+`(?:, `[A-Z0-9_]+`)*) \| ([^|]*) \| (.+) \|$",
    text_of(ROOT / "docs" / "settings.md"),
    re.MULTILINE,
)
DOCUMENTED = {
    name: default for names, default, _ in TABLE for name in re.findall(r"`(\w+)`", names)
}
FIELDS = {
    name: kind.model_fields[attribute]
    for kind in (Settings, *provider_settings())
    for attribute, name in names_of(kind).items()
}
# Read by the libraries below us, or an alias that its row names.
OTHERS = {"RUNWAYML_API_SECRET"}


def test_every_setting_is_documented_and_nothing_else_is():
    assert set(DOCUMENTED) == set(FIELDS)
    assert len(DOCUMENTED) == sum(names.count("`") // 2 for names, _, _ in TABLE)


@pytest.mark.parametrize("name", FIELDS)
def test_the_documented_default_is_the_real_one(name):
    default = FIELDS[name].default
    said = re.fullmatch(r"`([^`]+)`", DOCUMENTED[name].strip())
    if default is None or default is PydanticUndefined or default == ():
        # A sentence says what unset means.
        assert said is None or said[1] == "DATABASE_URL"
    else:
        assert said is not None
        shown = str(default).lower() if isinstance(default, bool) else f"{default}"
        assert said[1] in {shown, shown.removesuffix(".0")}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_setting_that_a_page_mentions_exists(page):
    mentioned = set(
        re.findall(
            r"\b(?:PHOTOPLAY|VIDEO|FAL|RUNWAY|KLING)_[A-Z0-9_]*[A-Z0-9]\b(?!_?…)", text_of(page)
        )
    )
    assert mentioned - OTHERS <= set(FIELDS)
