"""One statement a file, named verb_noun; loaded once, by name."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import LiteralString, cast


@cache
def load(name: str) -> LiteralString:
    """Return the SQL of `queries/{name}.sql`.

    Raises:
        FileNotFoundError: there is no such statement; a typo in our code.
    """
    text = resources.files("photoplay.db.queries").joinpath(f"{name}.sql").read_text("utf-8")
    return cast("LiteralString", text)
