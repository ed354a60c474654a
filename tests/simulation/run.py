"""Runs lives and adds up what they brought."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.simulation.life import Life, Result, simulated


@dataclass
class Report:
    """What lives brought, added up.

    Attributes:
        broken: seed, step and rule.
    """

    lives: int = 0
    steps: int = 0
    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, int, str]] = field(default_factory=list)

    def take(self, life: Result) -> None:
        self.lives += 1
        self.steps += life.steps
        self.seconds += life.seconds
        self.ends += life.ends
        self.counts += life.counts
        self.broken += [(life.seed, step, rule) for step, rule in life.broken]

    def add(self, other: Report) -> None:
        self.lives += other.lives
        self.steps += other.steps
        self.seconds += other.seconds
        self.ends += other.ends
        self.counts += other.counts
        self.broken += other.broken

    @property
    def is_sound(self) -> bool:
        """Whether no rule was broken, and lives did what they are for."""
        return not self.broken and self.ends["succeeded"] > 0

    def broken_lines(self) -> str:
        return "\n".join(
            f"seed {seed}, step {step}: {rule}  (python -m tests.simulation --replay {seed})"
            for seed, step, rule in self.broken[:50]
        )

    def __str__(self) -> str:
        lines = [
            f"{self.lives} lives, {self.steps} steps, {self.seconds / 3600:.0f} hours of virtual time"
        ]
        for title, part in (("jobs ended", self.ends), ("counted", self.counts)):
            lines.append(f"{title}:")
            lines += [f"  {count:9}  {name}" for name, count in part.most_common()]
        lines.append(self.broken_lines() if self.broken else "no rule is broken")
        return "\n".join(lines)


def run_lives(seeds: Iterable[int], *, seconds: float | None = None, calm: bool = False) -> Report:
    """Run lives one after another.

    Args:
        seconds: begin no more after so much of this process' time.
        calm: nothing goes wrong in them.
    """
    report, began = Report(), time.process_time()
    # A life's objects are a web of cycles that ends with it: collected now and then, all at once.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        with simulated():
            for seed in seeds:
                if seconds is not None and time.process_time() - began > seconds:
                    break
                report.take(Life(seed, calm=calm).run())
                if report.lives % 20 == 0:
                    gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    return report


def replay(seed: int, say: Callable[[str], None]) -> Report:
    """Run one life and tell every step."""
    report = Report()
    with simulated():
        report.take(Life(seed, trace=say).run())
    return report
