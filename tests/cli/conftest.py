"""The command as a user runs it: another process, its own folder, nothing of our environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from photoplay import embedded

ROOT = Path(__file__).parents[2]


def clean_environment(**more: str) -> dict[str, str]:
    """Return an environment without settings of ours, and without colours."""
    ours = ("PHOTOPLAY_", "VIDEO_", "DATABASE_URL")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "250", **more}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left: exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line that a command that failed ends with; a traceback is none."""
        assert "Traceback" not in self.err, self.err
        return self.err.strip().splitlines()[-1] if self.err.strip() else ""


@dataclass(frozen=True, slots=True)
class Photoplay:
    """`photoplay` with a data folder and a working folder."""

    data_dir: Path
    cwd: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | Path, **environment: str) -> Said:
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=120)
        return Said(process.returncode, out, err)

    def start(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Start a command and return at once; the caller ends it."""
        command = [sys.executable, "-P", "-m", "photoplay", *map(str, arguments)]
        return subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir)],
            cwd=self.cwd,
            env=clean_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.EmbeddedPostgres]:
    """The embedded server of a data folder, held so that the commands find it running."""
    server = embedded.use(tmp_path_factory.mktemp("home"), settings={"fsync": "off"})
    yield server
    server.release()


@pytest.fixture
def photoplay(home: embedded.EmbeddedPostgres, tmp_path: Path) -> Photoplay:
    return Photoplay(home.data_dir, tmp_path)


@pytest.fixture
def owner(home: embedded.EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """The owner's session on the database of `home`."""
    with psycopg.connect(home.dsn(), autocommit=True) as connection:
        yield connection
