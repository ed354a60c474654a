"""Run the tests marked `system`, after making sure that what they need is there.

They need Debian's Chromium and PgBouncer, which are installed where we may; their Python packages are
among the development requirements.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {"chromium": "chromium", "pgbouncer": "pgbouncer"}


def _install_debian() -> None:
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise SystemExit(f"make test-system needs {', '.join(missing)}; install it and run again")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["apt-get", "update", "-q"], check=True, env=environment, stdout=subprocess.DEVNULL
    )
    subprocess.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def main() -> int:
    _install_debian()
    command = [sys.executable, "-m", "pytest", "-m", "system", "tests", *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
