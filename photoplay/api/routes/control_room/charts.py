"""Charts of the control room as SVG, drawn here: no script, and the figures stand in a table beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from markupsafe import Markup

_WIDTH: Final = 720
_HEIGHT: Final = 100
_COLOURS: Final = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column of stacked parts.

    Attributes:
        label: below the axis, in the tip and in the table.
        parts: amounts by the name of their part, bottom first.
    """

    label: str
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked columns over time, oldest first; the template sets words around the drawing, which is stretched.

    Attributes:
        names: the parts in the order in which they are stacked.
        of: the column's name in the table, `Hour` or `Day`.
        unit: written before each amount, for instance `$`.
        notes: what the table says besides, by the label of the column.
    """

    title: str
    of: str
    columns: Sequence[Column]
    names: Sequence[str]
    unit: str = ""
    notes: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def is_empty(self) -> bool:
        return not self.rows

    @property
    def highest(self) -> str:
        """The amount of the highest column, as the scale says it."""
        return self.said(self._highest)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Class and name of each part that there is any of."""
        return [
            (_colour(number), name)
            for number, name in enumerate(self.names)
            if any(column.parts.get(name) for column in self.columns)
        ]

    @property
    def rows(self) -> list[Column]:
        """The columns with something to say, newest first."""
        return [c for c in reversed(self.columns) if c.total or c.label in self.notes]

    @property
    def _highest(self) -> float:
        return max([column.total for column in self.columns], default=0)

    def said(self, amount: float | None) -> str:
        """Return an amount with its unit."""
        if self.unit:
            return f"{self.unit}{amount or 0:,.2f}"
        return f"{amount or 0:,.0f}"

    def drawn(self) -> Markup:
        """Return the drawing alone."""
        step = _WIDTH / max(len(self.columns), 1)
        columns = Markup("").join(
            self._column(column, at * step, step) for at, column in enumerate(self.columns)
        )
        return _drawing(self.title, _HEIGHT, columns)

    def _column(self, column: Column, left: float, step: float) -> Markup:
        floor = float(_HEIGHT)
        rects = Markup("")
        for number, name in enumerate(self.names):
            # A single failure among thousands is seen, too.
            height = max(column.parts.get(name, 0) / (self._highest or 1) * _HEIGHT, 1.5)
            if column.parts.get(name):
                floor -= height
                rects += Markup(
                    '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
                ).format(_colour(number), left + 1, floor, max(step - 2, 1), height)
        spoken = ", ".join(
            f"{name} {self.said(column.parts[name])}" for name in self.names if name in column.parts
        )
        return Markup(
            '<g><title>{}: {}</title><rect class="hit" x="{:.1f}" y="0" width="{:.1f}" height="{}"/>{}</g>'
        ).format(column.label, spoken or "none", left, step, _HEIGHT, rects)


@dataclass(frozen=True, slots=True)
class Strip:
    """Lengths of time after one another, as wide as they were long.

    Attributes:
        parts: name and seconds of each, in their order.
        names: every name there may be, in the order of the colours.
    """

    title: str
    parts: Sequence[tuple[str, float]]
    names: Sequence[str]

    @property
    def keys(self) -> list[tuple[str, str, float]]:
        """Class, name and seconds of each part."""
        return [(_colour(self.names.index(name)), name, length) for name, length in self.parts]

    def drawn(self) -> Markup:
        """Return the drawing alone."""
        whole = sum(length for _, length in self.parts) or 1
        left, rects = 0.0, Markup("")
        for colour, name, length in self.keys:
            width = length / whole * _WIDTH
            # Something is seen of the shortest, too.
            rects += Markup(
                "<g><title>{}: {:,.1f} s</title>"
                '<rect class="{}" x="{:.1f}" y="0" width="{:.1f}" height="{}"/></g>'
            ).format(name, length, colour, min(left, _WIDTH - 2), max(width - 1, 2), _HEIGHT)
            left += width
        return _drawing(self.title, _HEIGHT, rects)


def by_time(
    rows: Iterable[Mapping[str, Any]], *, at: str, part: str, amount: str, form: str
) -> list[Column]:
    """Return a column for each instant of rows that are ordered by it.

    Args:
        at: the field with the hour or day, written as `form` (strftime) says.
        part: the field with the part's name; rows without a name only keep their place.
        amount: the field with the figure.
    """
    return [
        Column(
            when.strftime(form),
            {row[part]: float(row[amount]) for row in of_instant if row[part] and row[amount]},
        )
        for when, of_instant in groupby(rows, itemgetter(at))
    ]


def by_hour(
    title: str, rows: Iterable[Mapping[str, Any]], names: Sequence[str], *, part: str, amount: str
) -> Chart:
    """Return a chart of rows whose field `hour` is the hour."""
    form = "%d %b %H:00"
    columns = by_time(rows, at="hour", part=part, amount=amount, form=form)
    return Chart(title, "Hour", columns, names)


def spend_by_day(rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Return the chart of what was spent, from the rows of `room_days`; what is not known is said beside it."""
    names = sorted({row["provider"] for row in rows} - {""})
    columns = by_time(rows, at="day", part="provider", amount="usd", form="%d %b")
    notes = {
        day.strftime("%d %b"): f"{number} not known"
        for day, of_day in groupby(rows, itemgetter("day"))
        if (number := sum(row["unknown"] for row in of_day))
    }
    return Chart("Spend in US dollars, by day", "Day", columns, names, "$", notes)


def _drawing(title: str, height: int, content: Markup) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDTH, height, title, content)


def _colour(number: int) -> str:
    return f"part-{number % _COLOURS}"
