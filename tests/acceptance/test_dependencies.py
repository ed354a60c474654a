"""What is installed is what was locked: other bytes under the same name are refused."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def wheel(folder: Path, content: str) -> Path:
    """A wheel of one module, complete and well-formed."""
    path = folder / "lockedthing-1.0-py3-none-any.whl"
    files = {
        "lockedthing.py": content,
        "lockedthing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: lockedthing\nVersion: 1.0\n",
        "lockedthing-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            lines.append(f"{name},sha256={digest.rstrip(b'=').decode()},{len(text)}")
        record = "lockedthing-1.0.dist-info/RECORD"
        archive.writestr(record, "\n".join([*lines, f"{record},,"]) + "\n")
    return path


def install(folder: Path) -> subprocess.CompletedProcess[str]:
    """Install as the Makefile does, from this folder alone."""
    return subprocess.run(
        [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-index",
            "--find-links", str(folder), "--target", str(folder / "installed"), "--require-hashes",
            "-r", str(folder / "requirements.txt"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.fault(46)
def test_a_dependency_with_other_bytes_than_were_locked_is_not_installed(tmp_path):
    locked = hashlib.sha256(wheel(tmp_path, "harmless = True\n").read_bytes()).hexdigest()
    (tmp_path / "requirements.txt").write_text(f"lockedthing==1.0 --hash=sha256:{locked}\n")
    wheel(tmp_path, "harmless = False\n")
    refused = install(tmp_path)
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not (tmp_path / "installed" / "lockedthing.py").exists()
    wheel(tmp_path, "harmless = True\n")
    found = hashlib.sha256((tmp_path / "lockedthing-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    (tmp_path / "requirements.txt").write_text(f"lockedthing==1.0 --hash=sha256:{found}\n")
    assert install(tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("name", "least"),
    [("requirements-pip.txt", 1), ("requirements.txt", 20), ("requirements-dev.txt", 20)],
)
def test_every_locked_dependency_has_its_hash_and_no_address(name, least):
    text = (ROOT / name).read_text("utf-8")
    pinned = re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE | re.IGNORECASE)
    entries = re.split(r"(?m)^(?=[A-Za-z0-9._-]+==)", text)[1:]
    assert len(entries) == len(pinned) >= least
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "LOCKED := install --no-deps --require-hashes\n" in makefile
    assert f"$(PIP) $(LOCKED) -r {name}" in makefile
