"""Folders in memory, for the servers of the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_MEMORY = Path("/dev/shm")
_PREFIX = "photoplay-tests-"
_ROOM = 6 << 30
_CONTROL_GROUP = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def memory_folder(otherwise: Path) -> Iterator[Path]:
    """Give a folder in memory that is removed afterwards, or the other one where memory has no room.

    A database is some five hundred small files, which many a disk takes ten times as long to make.
    """
    if not _MEMORY.is_dir() or min(shutil.disk_usage(_MEMORY).free, _available()) < _ROOM:
        yield otherwise
        return
    _remove_what_was_left()
    with tempfile.TemporaryDirectory(
        dir=_MEMORY, prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _available() -> int:
    """Return the bytes of memory that the machine, and the container we may be in, have left."""
    machine = Path("/proc/meminfo").read_text().partition("MemAvailable:")[2].split()[0]
    left = [int(machine) * 1024]
    with contextlib.suppress(OSError, ValueError):
        # Without a limit it says `max`.
        limit = int((_CONTROL_GROUP / "memory.max").read_text())
        left.append(limit - int((_CONTROL_GROUP / "memory.current").read_text()))
    return min(left)


def _remove_what_was_left() -> None:
    """Remove folders whose process was killed."""
    for folder in _MEMORY.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
