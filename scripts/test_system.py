"""Run the tests marked `system`, after making sure that what they need is there.

They need Debian's browsers, Node and PgBouncer, which are installed where we may; the elements are built
anew and compared with those in the package. Their Python packages are among the development requirements.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
PACKAGES = {
    "chromium": "chromium",
    "firefox-esr": "firefox-esr",
    "node": "nodejs",
    "npm": "npm",
    "pgbouncer": "pgbouncer",
}


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


def _check_elements() -> int:
    """Check the elements' types, run their own tests, and compare them with those in the package."""
    steps = (["npm", "ci"], ["npm", "run", "check"], ["npm", "test"], ["npm", "run", "compare"])
    for step in steps:
        if status := subprocess.run(step, cwd=WEB, check=False).returncode:
            return status
    return 0


def main() -> int:
    _install_debian()
    if status := _check_elements():
        return status
    pytest = [sys.executable, "-m", "pytest", "-m", "system", *sys.argv[1:]]
    # The browser's driver keeps an event loop running for its whole process; the others have their own.
    for tests in (["tests", "--ignore=tests/system"], ["tests/system"]):
        if status := subprocess.run([*pytest, *tests], cwd=ROOT, check=False).returncode:
            return status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
