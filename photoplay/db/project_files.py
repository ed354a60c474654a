"""Our migrations as files of a Supabase project, for its own command line to apply.

The tables come first, in the two files of the older system (settled: both had the number 0014, under which
they collide there), then ours, which adopt them. Each of ours writes the row that `photoplay migrate`
would write, so that either finds nothing to do after the other has done all.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal

from photoplay.db.migrate import BOOKKEEPING, Migration, all_migrations

_FIRST_NUMBER: Final = 100
"""Ours are numbered from here on, after the tables and before files that are named by their time."""

State = Literal["missing", "same", "differs", "the project's own"]


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A file of `supabase/migrations`.

    Attributes:
        name: file name, number first.
        text: what it must say.
        is_ours: whether no project can have made it itself.
    """

    name: str
    text: str
    is_ours: bool

    def state_in(self, folder: Path) -> State:
        """Return how a folder's file compares; a table's counts under any number, whatever it says."""
        file = folder / self.name
        if file.exists() and file.read_text("utf-8") == self.text:
            return "same"
        if self.is_ours:
            return "differs" if file.exists() else "missing"
        _, _, title = self.name.partition("_")
        return "the project's own" if any(folder.glob(f"[0-9]*_{title}")) else "missing"


def project_files() -> list[ProjectFile]:
    """Return the files of this release, in the order in which they are applied."""
    base = resources.files("photoplay.db").joinpath("supabase")
    tables = [
        ProjectFile(f.name, f.read_text("utf-8"), is_ours=False)
        for f in sorted(base.iterdir(), key=lambda f: f.name)
        if f.name.endswith(".sql")
    ]
    return tables + [_file_of(m) for m in all_migrations()]


def _file_of(migration: Migration) -> ProjectFile:
    number, _, title = migration.name.partition("_")
    text = (
        "-- Written by `photoplay supabase init`; do not edit.\n"
        f"{BOOKKEEPING}\n{migration.statement}\n"
        "insert into photoplay.schema_migrations (name, checksum)\n"
        f"values ('{migration.name}', '{migration.checksum}');\n"
    )
    name = f"{_FIRST_NUMBER + int(number):04}_photoplay_{title}.sql"
    return ProjectFile(name, text, is_ours=True)
