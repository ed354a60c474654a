"""Who may do what, as data: `rights.json`, to which `test_row_level_security.py` holds the database.

A new table needs a line in `rights` and one in `rows`, a new function one in `functions`. A cell is
one letter an operation, explained in the file; a role that is not named has no right. `insert` and
`update` of `rows` say how to write one row for a user: `{user}`, `{new}` (a fresh UUID), `{job}` (a
job of that user), `{spare_job}` (another one, without anything) and `{number}` (a fresh number) are
filled in. `owner` is an expression over the row `t` that is its user's id as text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

_DATA = json.loads(Path(__file__).with_name("rights.json").read_text("utf-8"))
OPERATIONS: tuple[str, ...] = tuple(_DATA["operations"])
ROLES: tuple[str, ...] = tuple(_DATA["roles"])
RIGHTS: dict[str, dict[str, str]] = _DATA["rights"]
FUNCTIONS: dict[str, list[str]] = _DATA["functions"]


@dataclass(frozen=True, slots=True)
class Table:
    """How to write one row of a table for a user, and how to tell whose a row is."""

    insert: str
    update: str
    owner: str = "t.user_id::text"


TABLES: dict[str, Table] = {name: Table(**row) for name, row in _DATA["rows"].items()}


def right(table: str, role: str, operation: str) -> str:
    """Return the letter of a cell."""
    return RIGHTS[table].get(role, "----")[OPERATIONS.index(operation)]
