"""The tables as dictionaries of rows, and transactions that can be undone."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from photoplay.db.pool import Scope

Row = dict[str, Any]
_MICRO = Decimal("0.000001")


def usd(value: float | Decimal | None) -> Decimal | None:
    """Return a value as a column `numeric(12, 6)` keeps it."""
    if value is None:
        return None
    exact = value if isinstance(value, Decimal) else Decimal(f"{value:.15g}")
    return exact.quantize(_MICRO, ROUND_HALF_UP)


def everybody(**values: Any) -> Row:
    """Return a row of limits with nothing limited but what is named."""
    return {
        "daily_limit": 20,
        "max_open_jobs": 5,
        "dedupe_open_jobs": True,
        "requests_per_minute": None,
        "daily_spend_usd": None,
        "total_daily_spend_usd": None,
        "time_zone": "UTC",
    } | values


@dataclass
class Tables:
    """One database, by primary key in the order of insertion."""

    jobs: dict[UUID, Row] = field(default_factory=dict)
    images: dict[UUID, Row] = field(default_factory=dict)
    quota: dict[tuple[UUID, date], Row] = field(default_factory=dict)
    attempts: dict[UUID, Row] = field(default_factory=dict)
    leases: dict[UUID, Row] = field(default_factory=dict)
    events: dict[int, Row] = field(default_factory=dict)
    ledger: dict[int, Row] = field(default_factory=dict)
    limits: dict[UUID | None, Row] = field(default_factory=lambda: {None: everybody()})
    erased_jobs: dict[UUID, Row] = field(default_factory=dict)
    erased_objects: dict[str, Row] = field(default_factory=dict)
    erased_users: dict[UUID, Row] = field(default_factory=dict)
    spend: dict[tuple[UUID | None, date], Row] = field(default_factory=dict)
    job_spend: dict[UUID, Row] = field(default_factory=dict)
    polls: dict[UUID, Row] = field(default_factory=dict)
    accounts: dict[str, Row] = field(default_factory=dict)
    providers: dict[str, Row] = field(default_factory=dict)
    verdicts: dict[int, Row] = field(default_factory=dict)
    items: dict[int, Row] = field(default_factory=dict)
    audit: dict[int, Row] = field(default_factory=dict)
    last_id: int = 0
    """Of all identity columns together; what is rolled back leaves a gap, as in Postgres."""

    def attempts_of(self, job_id: UUID) -> list[Row]:
        """Return a job's attempts, oldest first."""
        return [a for a in self.attempts.values() if a["job_id"] == job_id]


class Change:
    """One transaction: its statements write at once, and can be taken back.

    Args:
        clock: the database's.
        dice: for what SQL calls random().
    """

    def __init__(
        self, tables: Tables, scope: Scope, clock: Callable[[], datetime], dice: random.Random
    ) -> None:
        self.tables = tables
        self.scope = scope
        self.now = clock
        self.dice = dice
        self.began = clock()
        self.changed_jobs: list[UUID] = []
        """Listeners are told after the commit."""
        self.has_queued = False
        self._undo: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    @property
    def user_id(self) -> UUID | None:
        sub = self.scope.claims.get("sub")
        return UUID(sub) if sub else None

    @property
    def is_changed(self) -> bool:
        return bool(self._undo)

    def insert(self, table: dict[Any, Row], key: Any, row: Row) -> Row:
        assert key not in table
        table[key] = row
        self._undo.append((table.pop, (key,)))
        return row

    def append(self, table: dict[int, Row], row: Row) -> int:
        """Insert a row under the next identity."""
        self.tables.last_id += 1
        row["id"] = self.tables.last_id
        self.insert(table, row["id"], row)
        return self.tables.last_id

    def update(self, row: Row, **values: Any) -> None:
        self._undo.append((row.update, ({name: row[name] for name in values},)))
        row.update(values)

    def delete(self, table: dict[Any, Row], key: Any) -> Row | None:
        row = table.pop(key, None)
        if row is not None:
            self._undo.append((table.__setitem__, (key, row)))
        return row

    def roll_back(self) -> None:
        for undo, arguments in reversed(self._undo):
            undo(*arguments)
        self._undo.clear()


Values = Mapping[str, Any]
Statement = Callable[[Change, Values], list[Row]]
STATEMENTS: dict[str, Statement] = {}
"""What a file of `photoplay/db/queries` does, by its name."""


def statement(run: Statement) -> Statement:
    """Register the counterpart of the query of the same name."""
    STATEMENTS[run.__name__] = run
    return run


def touched(count: int = 1) -> list[Row]:
    """Return what a statement without result rows says: how many rows it touched."""
    return [{}] * count
