"""What the pages show works: commands, links, addresses; and nothing says where it was written."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer

from photoplay import __version__
from photoplay.api.openapi import openapi_document
from photoplay.cli.root import command
from tests.docs.pages import (
    PAGES,
    ROOT,
    anchors_of,
    inline_code,
    name_of,
    prose_of,
    shell_lines,
    text_of,
)

COMMAND = typer.main.get_command(command())
TARGETS = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
ID = "00000000-0000-4000-8000-000000000001"


def leaves(group: typer.core.TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple]:
    for name, leaf in group.commands.items():
        if isinstance(leaf, typer.core.TyperGroup):
            yield from leaves(leaf, (*path, name))
        else:
            yield (*path, name), leaf


LEAVES = list(leaves(COMMAND))


def check_photoplay(words: list[str]) -> None:
    """Parse `photoplay …` as the command would, without running it."""
    group = COMMAND
    while isinstance(group, typer.core.TyperGroup):
        if not words:
            return
        name, *words = words
        if name.startswith("-"):
            group.make_context("photoplay", [name, *words], resilient_parsing=True)
            return
        assert name in group.commands, f"photoplay {name}"
        group = group.commands[name]
    # `photoplay migrate --plan`, `--sql`: what stands for an id is one.
    given = [ID if word in {"ID", "…"} else word for word in words]
    group.make_context("photoplay", given, resilient_parsing=not given)


def check(line: str) -> None:
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    if not words:
        return
    match Path(words[0]).name:
        case "make":
            assert {w for w in words[1:] if "=" not in w} <= TARGETS, line
        case "photoplay":
            check_photoplay(words[1:])
        case "python" | "python3" if words[1:3] == ["-m", "photoplay"]:
            check_photoplay(words[3:])
        case "curl":
            check_curl(words[1:])


def check_curl(words: list[str]) -> None:
    paths = [re.sub(r"\{\w+\}", "[^/]+", path) for path in openapi_document()["paths"]]
    for word in words:
        if word.startswith("http"):
            path = urlsplit(word).path
            assert any(re.fullmatch(known, path) for known in paths), word


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_a_page_is_one(page):
    for line in shell_lines(page):
        check(line)
    for code in inline_code(page):
        if re.match(r"(photoplay|make) [a-z]", code):
            check(code)


def test_the_first_pages_show_commands_at_all():
    assert any("make run" in line for line in shell_lines(ROOT / "README.md"))
    assert any("photoplay animate" in line for line in shell_lines(ROOT / "docs" / "quickstart.md"))


@pytest.mark.parametrize(("path", "leaf"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_command_and_option_explains_itself(path, leaf):
    assert leaf.help
    for parameter in leaf.params:
        assert getattr(parameter, "help", None), f"photoplay {' '.join(path)} {parameter.opts}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name_of(page)}: {target}"
        assert not anchor or anchor in anchors_of(file), f"{name_of(page)}: {target}"


def test_every_page_can_be_reached_from_the_readme():
    reached, new = set(), {ROOT / "README.md"}
    while new:
        page = new.pop()
        reached.add(page)
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text_of(page)):
            if ":" not in target:
                file = (page.parent / target).resolve()
                found = sorted(file.glob("*.md")) if file.is_dir() else [file]
                new |= {f for f in found if f.suffix == ".md" and f.exists()} - reached
    assert {p for p in PAGES if p.name != "CHANGELOG.md"} <= reached


def test_the_changelog_begins_with_what_is_not_released_yet_or_this_release():
    sections = re.findall(r"^## \[([^\]]+)\]", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert sections[0] in {"Unreleased", __version__}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_exist(page):
    for code in inline_code(page):
        path = re.fullmatch(
            r"((?:photoplay|tests|docs|scripts|lints|benchmarks)/[\w./-]*\w)/?", code
        )
        if path:
            assert (ROOT / path[1]).exists(), f"{name_of(page)}: {code}"


SKIPPED = {"out", "dist", "build", "node_modules", "__pycache__"}
# Written apart, so that this file does not find itself.
PLACES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "crates" + ".io",
    "/" + "work/main",
]


def repository_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in SKIPPED or (path.name.startswith(".") and path.name != ".ci"):
            continue
        if path.is_dir():
            yield from repository_files(path)
        else:
            yield path


def test_no_file_names_a_registry_or_a_folder_of_the_machine_it_was_written_on():
    places = [*PLACES, f"{ROOT}/", f"{Path.home()}/"]
    found: list[str] = []
    for path in repository_files(ROOT):
        content = path.read_bytes()
        if b"\0" not in content[:4096]:
            text = content.decode("utf-8", "replace")
            found += [f"{path.relative_to(ROOT)}: {place}" for place in places if place in text]
    assert found == []
