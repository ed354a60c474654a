"""The table of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from tests.chaos.round import Result


def show(console: Console, seed: int, results: Sequence[Result]) -> bool:
    """Print what happened and which rules hold; True when all of them do."""
    jobs = sum(result.jobs for result in results)
    seconds = sum(result.seconds for result in results)
    console.rule(
        f"{jobs} jobs in {len(results)} rounds, seed {seed}, {seconds:.0f} s", align="left"
    )
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for heading, part in (
        ("how jobs ended", "endings"),
        ("counted", "counts"),
        ("mischief done", "mischief"),
        ("faults that struck", "faults"),
        ("what users were answered", "answers"),
    ):
        table.add_section()
        table.add_row(f"[bold]{heading}", "")
        for name, count in sorted(_sum(getattr(r, part) for r in results).items()):
            table.add_row(f"  {name}", f"{count:g}")
    console.print(table)
    return _show_rules(console, seed, results)


def _sum(parts: Iterable[Mapping[str, float]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def _show_rules(console: Console, seed: int, results: Sequence[Result]) -> bool:
    table = Table()
    table.add_column("rule")
    table.add_column("broken", justify="right")
    found: list[str] = []
    for name in results[0].broken if results else ():
        broken = [(r.number, what) for r in results for what in r.broken.get(name, [])]
        table.add_row(name, f"[red]{len(broken)}" if broken else "0")
        found += [f"seed {seed}, round {number}: {name}: {what}" for number, what in broken]
    console.print(table)
    for line in found:
        console.print(line, style="red", highlight=False, soft_wrap=True)
    return bool(results) and not found
