"""Run the tests marked `system`, after making sure that what they need is there.

They need Debian's browsers, Node and PgBouncer, which are installed where we may; the elements are built
anew and compared with those in the package. Their Python packages are among the development requirements.
What a browser shows takes most of the time, so the rest is run beside it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes.util import find_library
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
BROWSERS = ROOT / "tests" / "system"
PACKAGES = {
    "chromium-headless-shell": "chromium-headless-shell",
    "firefox-esr": "firefox-esr",
    "node": "nodejs",
    "npm": "npm",
    "pgbouncer": "pgbouncer",
}
# Schemathesis' plugin, which none of them uses, takes seconds to import.
PYTEST = (sys.executable, "-m", "pytest", "-m", "system", "-p", "no:schemathesis")


def _install_debian() -> None:
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    # Firefox plays H.264 with the system's own decoder, whose package has its version in its name.
    has_decoder = find_library("avcodec") is not None
    if not missing and has_decoder:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        wanted = missing if has_decoder else [*missing, "libavcodec"]
        raise SystemExit(f"make test-system needs {', '.join(wanted)}; install it and run again")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["apt-get", "update", "-q"], check=True, env=environment, stdout=subprocess.DEVNULL
    )
    if not has_decoder:
        missing.append(_newest_decoder())
    subprocess.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def _newest_decoder() -> str:
    search = ["apt-cache", "search", "--names-only", "^libavcodec[0-9]+$"]
    found = subprocess.run(search, check=True, stdout=subprocess.PIPE, text=True).stdout
    versions = re.findall(r"^libavcodec(\d+) ", found, re.MULTILINE)
    return f"libavcodec{max(versions, key=int)}"


def _run_in_turn(*steps: tuple[Sequence[str], Path]) -> tuple[int, str]:
    """Run commands in their folders until one fails; return its status, and what all of them said."""
    said: list[str] = []
    for command, folder in steps:
        run = subprocess.run(
            command,
            cwd=folder,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said.append(run.stdout)
        if run.returncode:
            return run.returncode, "".join(said)
    return 0, "".join(said)


def main() -> int:
    _install_debian()
    # The elements: types, their own tests, and whether those in the package are built from them.
    elements = [
        (("npm", *words), WEB)
        for words in (("ci",), ("run", "check"), ("test",), ("run", "compare"))
    ]
    marked = [
        str(path)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if BROWSERS not in path.parents and "pytest.mark.system" in path.read_text()
    ]
    with ThreadPoolExecutor(1) as beside:
        rest = beside.submit(_run_in_turn, *elements, ((*PYTEST, *sys.argv[1:], *marked), ROOT))
        # A process of their own: the browser's driver keeps an event loop running for its whole process.
        browsers = subprocess.run(
            [*PYTEST, "-n", "2", "--dist", "loadfile", *sys.argv[1:], str(BROWSERS)],
            cwd=ROOT,
            check=False,
        )
        status, said = rest.result()
    print(said)
    return browsers.returncode or status


if __name__ == "__main__":
    raise SystemExit(main())
