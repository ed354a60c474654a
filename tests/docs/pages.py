"""The documentation's pages, and what can be looked up in them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    """Return a page's path within the repository."""
    return page.relative_to(ROOT).as_posix()


@cache
def text_of(page: Path) -> str:
    """Return the whole page."""
    return page.read_text("utf-8")


def prose_of(page: Path) -> str:
    """Return the page without its blocks of code."""
    return _BLOCK.sub("", text_of(page))


def shell_lines(page: Path) -> list[str]:
    """Return the commands of a page's shell blocks, continued lines joined, without comments."""
    lines: list[str] = []
    for language, block in _BLOCK.findall(text_of(page)):
        if language in {"sh", "bash", "console"}:
            joined = block.replace("\\\n", " ")
            lines += [line for line in joined.splitlines() if line.strip() and line[0] != "#"]
    return lines


def inline_code(page: Path) -> list[str]:
    """Return every piece of inline code of a page."""
    return re.findall(r"`([^`\n]+)`", prose_of(page))


def anchors_of(page: Path) -> set[str]:
    """Return what `page#…` may name: headings, as GitHub writes them, and explicit anchors."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text_of(page)))
