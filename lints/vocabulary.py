"""Fail on words for which the project has another one (see docs/architecture.md, "Words")."""

from __future__ import annotations

import re
import sys
from pathlib import Path

# wrong word -> ours; matched as whole words in names and prose of the package.
WORDS = {
    r"canceled": "cancelled",
    r"cancelation": "cancellation",
    r"webhook from (?:the )?provider": "callback",
}
# Others' words: the engine's own status names.
NOT_OURS = {"0002_pre_engine.sql", "schema.sql"}
FORBIDDEN_FOLDERS = {"utils", "helpers", "common", "base", "manager"}


def main() -> int:
    """Print every wrong word with its place; exit 1 when there is one."""
    found: list[str] = []
    for path in sorted([*Path("photoplay").rglob("*.py"), *Path("photoplay").rglob("*.sql")]):
        if FORBIDDEN_FOLDERS & set(path.with_suffix("").parts):
            found.append(f"{path}: folder or file name says nothing; name it after what it holds")
        if path.name in NOT_OURS:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if "vocabulary: ignore" in line:
                continue
            found += [
                f"{path}:{number}: say '{right}' ({wrong})"
                for wrong, right in WORDS.items()
                if re.search(rf"\b{wrong}\b", line, re.IGNORECASE)
            ]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
