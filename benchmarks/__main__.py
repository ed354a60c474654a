"""`python -m benchmarks [NAME…]`: all benchmarks, or the named ones, one after another.

A benchmark is a module of this folder with `measure(plan) -> Sheet`, whose figures are collected, or
with `main()`, which prints by itself and runs in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.figures import Plan, Sheet, machine, write_json

FOLDER = Path(__file__).parent


def discovered() -> dict[str, str]:
    """Return how each benchmark of this folder is run, by its name: `measure` or `main`."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "\ndef measure(" in text:
            found[path.stem] = "measure"
        elif "\ndef main(" in text and not path.stem.startswith("_"):
            found[path.stem] = "main"
    return found


def main() -> int:
    """Run what was asked for; the exit code says whether everything ran, never how fast."""
    known = discovered()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--runs", type=int, default=Plan.runs, help="samples of every figure")
    parser.add_argument(
        "--seconds", type=float, default=Plan.seconds, help="length of one throughput sample"
    )
    parser.add_argument("--folder", type=Path, help="where data folders are made (its disk counts)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every sample there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables there")
    asked = parser.parse_args()
    if unknown := set(asked.names) - known.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    plan = Plan(asked.runs, asked.seconds, asked.folder)
    # A pipe has no width of its own; a table is no good when its words are broken.
    console = Console() if sys.stdout.isatty() else Console(width=150)
    about = machine()
    console.print(" · ".join(f"{key} {value}" for key, value in about.items()), highlight=False)
    sheets: list[Sheet] = []
    failed = 0
    for name in asked.names or known:
        if known[name] == "main":
            console.rule(name, align="left")
            command = [sys.executable, "-m", f"benchmarks.{name}"]
            failed += subprocess.run(command, check=False).returncode != 0
            continue
        try:
            with console.status(f"{name} …"):
                sheet = importlib.import_module(f"benchmarks.{name}").measure(plan)
        except Exception:  # noqa: BLE001 -- the others are still worth measuring
            console.print_exception(max_frames=4)
            failed += 1
            continue
        sheet.show(console)
        sheets.append(sheet)
    if asked.json:
        write_json(asked.json, sheets, about)
    if asked.markdown:
        tables = "\n\n".join(sheet.to_markdown() for sheet in sheets)
        asked.markdown.write_text(tables + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
