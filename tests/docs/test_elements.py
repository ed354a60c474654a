"""docs/elements.md says of each element what its source has, and its examples are files that run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, text_of

WEB = ROOT / "web"
PAGE = text_of(ROOT / "docs" / "elements.md")
ELEMENTS = ("animate-button", "video-job", "photoplay-player", "photoplay-gallery")
# Every element has these from its base.
INHERITED_ATTRIBUTES = {"endpoint", "lang"}


def source_of(name: str) -> str:
    return (WEB / "src" / name).read_text("utf-8")


def documented(section: str, kind: str) -> set[str]:
    """The names in the first column of a section's table of this kind."""
    heading = f"`{section}`" if section in ELEMENTS else section
    text = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = re.search(rf"^\| {kind} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table, f"{section} has no table of {kind}"
    rows: list[str] = table.group(1).splitlines()
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    assert len(names) == len(set(names))
    return set(names)


def style_of(source: str) -> str:
    files = set(re.findall(r'"\./styles/(\w+\.css)"', source)) - {"note.css"}
    return "".join((WEB / "src" / "styles" / file).read_text("utf-8") for file in files)


def union_of(source: str, name: str) -> set[str]:
    """The words of a type that is a union of words."""
    found = re.search(rf"type {name} = ([^;]+);", source)
    assert found
    return set(re.findall(r'"([\w-]+)"', found.group(1)))


@pytest.mark.parametrize("element", ELEMENTS)
def test_attributes_are_those_of_the_source(element: str) -> None:
    source = source_of(f"{element}.ts")
    described = set(re.findall(r"^ \* @attr ([\w-]+) -", source, re.MULTILINE))
    read = set(re.findall(r'(?:get|has)Attribute\("([\w-]+)"\)', source))
    set_by_itself = set(
        re.findall(r'(?:reflect\(this, |this\.toggleAttribute\()"([\w-]+)"', source)
    )
    assert described | INHERITED_ATTRIBUTES == documented(element, "attribute")
    assert read | set_by_itself <= described | INHERITED_ATTRIBUTES


@pytest.mark.parametrize("element", ELEMENTS)
def test_events_are_those_of_the_source(element: str) -> None:
    source = source_of(f"{element}.ts")
    uttered = set(re.findall(r'this\.(?:announce|wish)\("(\w+)"', source))
    assert uttered == documented(element, "event")


def test_every_event_is_documented() -> None:
    names = source_of("names.ts").partition("export type Events")[0]
    declared = set(re.findall(r"^  (\w+): (?:null|\{)", names, re.MULTILINE))
    assert declared == set[str]().union(*(documented(name, "event") for name in ELEMENTS))


@pytest.mark.parametrize("element", ELEMENTS)
def test_parts_are_those_of_the_source(element: str) -> None:
    source = source_of(f"{element}.ts")
    if '"./note.ts"' in source:
        source += source_of("note.ts")
    parts = set(re.findall(r'part: "(\w+)"|tool\("(\w+)"', source))
    made = {one or other for one, other in parts}
    # A job that is there is never idle: its note has no hint to give.
    assert made - ({"hint"} if element == "video-job" else set()) == documented(element, "part")


def test_properties_are_those_of_the_styles() -> None:
    note = (WEB / "src" / "styles" / "note.css").read_text("utf-8")
    looks, _, said = note.partition(":host([hidden])")
    variables = r"var\((--photoplay-[\w-]+)"
    assert set(re.findall(variables, looks)) == documented("Looks", "property")
    for element in ELEMENTS:
        source = source_of(f"{element}.ts")
        style = style_of(source) + (said if '"./note.ts"' in source else "")
        assert set(re.findall(variables, style)) == documented(element, "property")


def test_states_are_those_of_the_source() -> None:
    types = (WEB / "types" / "photoplay.ts").read_text("utf-8")
    status = re.search(r"^  status: (.+);$", types.partition("export interface Job {")[2], re.M)
    assert status
    statuses = set(re.findall(r'"(\w+)"', status.group(1)))
    button = union_of(source_of("logic/wished-job.ts"), "State")
    assert statuses | button == documented("animate-button", "state")
    assert statuses | {"signed-out"} == documented("video-job", "state")
    player = union_of(source_of("photoplay-player.ts"), "PlayerState")
    assert player == documented("photoplay-player", "state")


def test_react_props_are_those_of_the_source() -> None:
    table = PAGE.partition("| component | props |")[2].partition("\n\n")[0]
    for component, props in re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE):
        file = re.sub(r"(?<!^)([A-Z])", r"-\1", component).lower() + ".tsx"
        source = (WEB / "react" / file).read_text("utf-8")
        declared = source.partition(f"interface {component}Props {{")[2].partition("\n}")[0]
        names = re.findall(r"^  (\w+)\??:", declared, re.MULTILINE)
        assert sorted(re.findall(r"`(\w+)`", props)) == sorted(names)
    assert table.count("\n| `") == 3


@pytest.mark.parametrize(
    "example",
    sorted(p for p in (WEB / "examples").rglob("*") if p.is_file()),
    ids=lambda p: p.relative_to(WEB / "examples").as_posix(),
)
def test_examples_are_the_files_that_are_run(example: Path) -> None:
    assert f"\n{example.read_text('utf-8')}```\n" in PAGE
