"""Fail on files over 500 lines, functions over 60, or more than six positional arguments."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_POSITIONAL_ARGUMENTS = 6
FOLDERS = ("photoplay", "tests", "benchmarks", "scripts", "lints")


def problems(path: Path) -> list[str]:
    """Return one line per budget that the Python file exceeds."""
    text = path.read_text(encoding="utf-8")
    found: list[str] = []
    if (lines := text.count("\n")) > MAX_FILE_LINES:
        found.append(
            f"{path}: {lines} lines (at most {MAX_FILE_LINES}); split it by what it is about"
        )
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > MAX_FUNCTION_LINES:
            found.append(
                f"{path}:{node.lineno} {node.name}: {length} lines (at most {MAX_FUNCTION_LINES})"
            )
        if path.parts[0] == "tests":
            continue  # fixtures are arguments
        positional = [
            a for a in node.args.posonlyargs + node.args.args if a.arg not in {"self", "cls"}
        ]
        if len(positional) > MAX_POSITIONAL_ARGUMENTS:
            place = f"{path}:{node.lineno} {node.name}"
            found.append(
                f"{place}: {len(positional)} positional arguments (at most {MAX_POSITIONAL_ARGUMENTS})"
            )
    return found


def main() -> int:
    """Print every exceeded budget; exit 1 when there is one."""
    files = [p for folder in FOLDERS for p in sorted(Path(folder).rglob("*.py"))]
    found = [line for path in files for line in problems(path)]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
