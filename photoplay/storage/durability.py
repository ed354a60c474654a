"""Making what a local folder holds survive a power cut.

`obstore` writes and links files but flushes nothing, so a crash of the machine could take back an
object that was acknowledged. These calls close that gap; other stores promise it themselves.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def flush_file(path: Path) -> None:
    """Force the bytes of the file at `path` to the disk."""
    _flush(path, os.O_RDONLY)


def flush_folders(path: Path, root: Path) -> None:
    """Force the names that lead from `root` down to `path` to the disk.

    A folder on the way that another task has just emptied and removed is passed over.
    """
    for folder in path.relative_to(root).parents:
        with contextlib.suppress(FileNotFoundError):
            _flush(root / folder, os.O_RDONLY | os.O_DIRECTORY)


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
