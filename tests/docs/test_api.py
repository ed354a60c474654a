"""docs/api.md names every address and every error code, and no other."""

from __future__ import annotations

import re

from photoplay.api.codes import CODES
from photoplay.api.openapi import openapi_document
from photoplay.domain.outcomes import FailureCode
from tests.docs.pages import ROOT, text_of

PAGE = text_of(ROOT / "docs" / "api.md")
CODE_LIST = PAGE.partition("## Error codes")[2].partition("\n## ")[0]


def test_every_error_code_has_its_anchor_under_its_status_and_a_meaning():
    documented: dict[str, int] = {}
    for section in CODE_LIST.split("\n### ")[1:]:
        status = int(section[:3])
        for code, shown, meaning in re.findall(
            r'^- <a id="(\w+)"></a>`(\w+)`: (.+)$', section, re.MULTILINE
        ):
            assert code == shown
            assert len(meaning) > 10
            documented[code] = status
    assert documented == {code: status for code, (status, _) in CODES.items()}


def test_every_failure_code_is_explained():
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(FailureCode)


def test_every_address_is_listed_and_nothing_else_is():
    rows = re.findall(r"^\| `(GET|POST|PUT|DELETE) (/[^`]*)` \|", PAGE, re.MULTILINE)
    document = openapi_document()
    served = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method in {"get", "post", "put", "delete"}
    }
    assert set(rows) == served
    assert len(rows) == len(served)


def test_the_fields_of_a_job_that_the_page_names_exist():
    fields = openapi_document()["components"]["schemas"]["Job"]["properties"]
    section = PAGE.partition("## A job")[2].partition("\n## ")[0]
    named = set(re.findall(r"(?:^|\. |\n)`(\w+)` (?:is|are|says)", section))
    assert named
    assert named <= set(fields)
