"""Charts of the control room as SVG, drawn here: no script, and the figures stand in a table beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

_WIDTH: Final = 720
_HEIGHT: Final = 116
_FLOOR: Final = 100


@dataclass(frozen=True, slots=True)
class Column:
    """One column of stacked parts.

    Attributes:
        label: under the axis and in the tip.
        parts: amounts by the name of their part, bottom first.
    """

    label: str
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def stacked(title: str, columns: Sequence[Column], names: Sequence[str], unit: str = "") -> Markup:
    """Return a chart of stacked columns; part `n` has the class `part-n`.

    Args:
        names: the parts in the order in which they are stacked.
        unit: written before each amount in the tips, for instance `$`.
    """
    highest = max([column.total for column in columns], default=0) or 1
    step = _WIDTH / max(len(columns), 1)
    bars: list[Markup] = []
    for at, column in enumerate(columns):
        floor = float(_FLOOR)
        spoken = ", ".join(f"{n} {unit}{_figure(v)}" for n, v in column.parts.items() if v)
        rects = Markup("")
        for number, name in enumerate(names):
            height = column.parts.get(name, 0) / highest * (_FLOOR - 20)
            floor -= height
            if height:
                rects += Markup(
                    '<rect class="part-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
                ).format(number, at * step + 1, floor, max(step - 2, 1), height)
        bars.append(
            Markup(
                '<g><title>{}: {}</title><rect class="hit" x="{:.1f}" y="0" width="{:.1f}" height="{}"/>{}</g>'
            ).format(column.label, spoken or "none", at * step, step, _FLOOR, rects)
        )
    ends = Markup("")
    if columns:
        ends = Markup(
            '<text x="0" y="{0}">{1}</text><text x="{2}" y="{0}" text-anchor="end">{3}</text>'
        ).format(_HEIGHT - 4, columns[0].label, _WIDTH, columns[-1].label)
    top = Markup('<text x="{}" y="12" text-anchor="end">{}{}</text>').format(
        _WIDTH, unit, _figure(highest)
    )
    return (
        Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            _WIDTH, _HEIGHT, escape(title)
        )
        + Markup("").join(bars)
        + Markup('<path class="axis" d="M0 {0}H{1}"/>').format(_FLOOR, _WIDTH)
        + ends
        + top
        + Markup("</svg>")
    )


def _figure(amount: float) -> str:
    return f"{amount:,.2f}".rstrip("0").rstrip(".")
