"""`make chaos`, or `python -m tests.chaos`: jobs against the sandbox while everything breaks; then the rules.

A run consists of rounds. Each has an installation of its own (Postgres, server, workers, sandbox) and a
plan that the seed, its number and its size decide. `--resume FOLDER` keeps the rounds that were
finished and repeats the one that was interrupted from its start: what providers know lives in memory,
so a round cannot be picked up in its middle. Ends with 1 when a rule is broken, and names seed and jobs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.chaos.plan import make_plan
from tests.chaos.report import show
from tests.chaos.round import Result, run_round

ROUND = 250
"""Jobs of a round at most."""


@dataclass
class Run:
    """A run and where it is kept."""

    folder: Path
    jobs: int
    seed: int
    workers: int
    quick: bool
    keep: bool = False
    results: list[Result] = field(default_factory=list[Result])

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read the run of a folder.

        Raises:
            FileNotFoundError: there is none.
        """
        kept: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
        results = [Result(**result) for result in kept.pop("results")]
        return cls(folder, **kept, results=results)

    def save(self) -> None:
        kept = {
            "jobs": self.jobs,
            "seed": self.seed,
            "workers": self.workers,
            "quick": self.quick,
            "keep": self.keep,
            "results": [result.as_json() for result in self.results],
        }
        fresh = self.folder / "run.json.new"
        fresh.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        fresh.replace(self.folder / "run.json")

    def sizes(self) -> list[int]:
        """Return the number of jobs of each round."""
        rounds = -(-self.jobs // ROUND)
        return [self.jobs // rounds + (n < self.jobs % rounds) for n in range(rounds)]


def main() -> int:
    """Run or resume, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=300, help="how many in all (300)")
    parser.add_argument("--seed", type=int, default=1, help="decides every plan (1)")
    parser.add_argument("--workers", type=int, default=3, help="worker processes (3)")
    parser.add_argument("--quick", action="store_true", help="leave slow faults out")
    parser.add_argument("--keep", action="store_true", help="also keep rounds without a fault")
    parser.add_argument("--folder", type=Path, help="where the run is kept (temporary)")
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with a run")
    asked = parser.parse_args()
    if asked.jobs < 1 or asked.workers < 1:
        parser.error("--jobs and --workers are at least 1")
    if asked.resume:
        try:
            run = Run.load(asked.resume)
        except FileNotFoundError:
            parser.error(f"--resume {asked.resume}: no run is kept there; give a run's folder")
    else:
        folder = asked.folder or Path(tempfile.mkdtemp(prefix="photoplay-chaos-"))
        folder.mkdir(parents=True, exist_ok=True)
        run = Run(folder, asked.jobs, asked.seed, asked.workers, asked.quick, asked.keep)
        run.save()
    console = Console() if sys.stdout.isatty() else Console(width=120)
    # Told to end, everything is put away as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        asyncio.run(_go_on(run, console))
    except KeyboardInterrupt:
        console.print(f"\nInterrupted. Go on with: python -m tests.chaos --resume {run.folder}")
        return 130
    is_sound = show(console, run.seed, run.results)
    if is_sound and not (asked.folder or asked.resume or run.keep):
        shutil.rmtree(run.folder)
    elif not is_sound:
        console.print(f"Logs, rows and plans are in {run.folder}", highlight=False)
    return 0 if is_sound else 1


async def _go_on(run: Run, console: Console) -> None:
    """Do the rounds that are not done yet; one that breaks a rule ends the run."""
    for number, jobs in enumerate(run.sizes(), 1):
        if number <= len(run.results):
            continue
        folder = run.folder / f"round-{number:02d}"
        _put_aside(folder)
        plan = make_plan(run.seed, number, jobs, workers=run.workers, quick=run.quick)
        with console.status(f"round {number} …") as status:
            result = await run_round(folder, plan, workers=run.workers, say=status.update)
        run.results.append(result)
        run.save()
        if not console.is_terminal:
            console.print(f"round {number}: {jobs} jobs in {result.seconds:.0f} s", highlight=False)
        if any(result.broken.values()):
            return
        if not run.keep:
            # Only what is wrong is worth its space.
            shutil.rmtree(folder)


def _put_aside(folder: Path) -> None:
    """Keep an interrupted round for looking at."""
    if folder.exists():
        tries = len(list(folder.parent.glob(f"{folder.name}.interrupted-*")))
        folder.rename(folder.with_name(f"{folder.name}.interrupted-{tries + 1}"))


if __name__ == "__main__":
    raise SystemExit(main())
