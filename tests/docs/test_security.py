"""The threat model names tests that exist, and leaves no attack out that has one."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import ROOT, text_of
from tests.test_faults import FAULTS, marked

PAGE = text_of(ROOT / "docs" / "security.md")
_HEAD = "| threat | what stops it | tried by |\n|---|---|---|\n"
THREATS = PAGE.partition(_HEAD)[2].partition("\n\n")[0].splitlines()
# Of the numbered faults those that somebody brings about on purpose.
ATTACKS = {21, 22, 32, 34, 36, 38, 39, 40, 41, 42, 43, 44, 45, 46}


def named(text: str) -> list[tuple[str, str]]:
    """Return file and function of every test that is named; the function may be empty."""
    return re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("row", THREATS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_every_threat_names_tests_that_exist(row):
    _, threat, defence, tests, _ = row.split("|")
    assert threat.strip()
    assert defence.strip()
    assert named(tests), "tried by nothing"
    for file, function in named(tests):
        known = functions(file)
        assert any(name.startswith("test_") for name in known), file
        assert not function or function in known, f"{file}::{function}"


def test_every_attack_that_is_numbered_is_in_the_threat_model():
    assert set(FAULTS) >= ATTACKS
    files = {file for row in THREATS for file, _ in named(row)}
    tried = {number for file in files for number in marked(ROOT / file)}
    assert ATTACKS - tried == set()
