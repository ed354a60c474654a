"""Figures, their references and goals, and the table that shows them."""

from __future__ import annotations

import json
import operator
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        runs: samples of every figure; the median counts.
        seconds: length of one sample of a throughput.
        folder: where data folders are made; None takes the system's folder for temporary files.
    """

    runs: int = 5
    seconds: float = 3.0
    folder: Path | None = None


@dataclass(frozen=True)
class Goal:
    """What a figure should reach.

    Attributes:
        ratio: the goal is for the ratio to the reference, not for the value.
    """

    sign: str
    limit: float
    ratio: bool = False

    def is_met(self, figure: Figure) -> bool | None:
        """Return whether it is met; None when nothing was measured."""
        value = figure.ratio if self.ratio else figure.median
        if value is None:
            return None
        compare: Callable[[float, float], bool] = operator.le if self.sign == "≤" else operator.ge
        return compare(value, self.limit)

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}{' ×' if self.ratio else ''}"


@dataclass
class Figure:
    """One measured quantity.

    Attributes:
        samples: one value a run, in the order of the runs.
        against: the reference; its samples belong to the same runs.
    """

    name: str
    unit: str
    samples: list[float] = field(default_factory=list)
    against: Figure | None = None
    goals: Sequence[Goal] = ()

    @property
    def median(self) -> float | None:
        return statistics.median(self.samples) if self.samples else None

    @property
    def ratio(self) -> float | None:
        """Median of the runs' own ratios: what disturbs a run disturbs both sides of it."""
        if self.against is None:
            return None
        pairs = zip(self.samples, self.against.samples, strict=False)
        ratios = [value / reference for value, reference in pairs if reference]
        return statistics.median(ratios) if ratios else None

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "samples": self.samples,
            "against": self.against.name if self.against else None,
            "ratio": self.ratio,
            "goals": [{"goal": str(goal), "met": goal.is_met(self)} for goal in self.goals],
        }


class Sheet:
    """The figures of one benchmark, by name, in the order in which they were first asked for."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.notes: list[str] = []
        self._figures: dict[str, Figure] = {}

    def figure(
        self, name: str, unit: str, *, against: Figure | None = None, goals: Sequence[Goal] = ()
    ) -> Figure:
        """Return the figure of this name, made on first use."""
        if name not in self._figures:
            self._figures[name] = Figure(name, unit, against=against, goals=goals)
        return self._figures[name]

    @property
    def figures(self) -> Iterable[Figure]:
        return self._figures.values()

    def show(self, console: Console) -> None:
        """Print the table and the notes below it."""
        table = Table(title=self.title, title_justify="left", box=None, pad_edge=False)
        for column in ("figure", "median", "spread", "unit"):
            table.add_column(column, justify="right" if column in {"median", "spread"} else "left")
        table.add_column("ratio", justify="right")
        table.add_column("to")
        table.add_column("goal")
        for figure in self.figures:
            table.add_row(
                figure.name,
                _number(figure.median),
                f"{_number(min(figure.samples))}–{_number(max(figure.samples))}"
                if len(figure.samples) > 1
                else "",
                figure.unit,
                f"{figure.ratio:.2f}" if figure.ratio is not None else "",
                figure.against.name if figure.against else "",
                ", ".join(_verdict(goal, figure) for goal in figure.goals),
            )
        console.print(table)
        for note in self.notes:
            console.print(f"  {note}", style="dim", highlight=False)
        console.print()

    def to_markdown(self) -> str:
        """Return the table as the documentation shows it."""
        rows = [
            "| {} | {} {} | {} | {} |".format(
                figure.name,
                _number(figure.median),
                figure.unit,
                f"{figure.ratio:.2f} × {figure.against.name}"
                if figure.against and figure.ratio
                else "",
                ", ".join(_verdict(goal, figure, styled=False) for goal in figure.goals),
            )
            for figure in self.figures
        ]
        head = ["| figure | median | ratio | goal |", "|---|---|---|---|"]
        return "\n".join(
            [f"### {self.title}", "", *head, *rows, "", *(f"{n}  " for n in self.notes)]
        )

    def to_json(self) -> dict[str, object]:
        return {
            "title": self.title,
            "figures": [figure.to_json() for figure in self.figures],
            "notes": self.notes,
        }


def machine() -> dict[str, object]:
    """Return what the figures depend on, without naming the machine."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.machine()}",
        "load_1min": round(os.getloadavg()[0], 2),
    }


def write_json(path: Path, sheets: Sequence[Sheet], about: dict[str, object]) -> None:
    """Write every sample, for a later comparison."""
    whole = {"machine": about, "benchmarks": [sheet.to_json() for sheet in sheets]}
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0–1) of the values lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _verdict(goal: Goal, figure: Figure, *, styled: bool = True) -> str:
    met = goal.is_met(figure)
    if met is None:
        return str(goal)
    text = f"{goal} {'met' if met else 'MISSED'}"
    if not styled:
        return text
    return f"[green]{text}[/]" if met else f"[bold red]{text}[/]"
