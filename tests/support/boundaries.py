"""Phase boundaries of a job, and dying or pausing at one of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

# A name with `:before` lies between the foreign effect and the commit, the plain one after the commit.
BOUNDARIES = (
    "accepted",
    "preparing:before",
    "preparing",
    "submitting:sent",
    "submitting:before",
    "submitting",
    "waiting:before",
    "waiting",
    "storing:before",
    "storing",
)


def deadly(
    boundary: str, is_sending: Callable[[], bool] = lambda: False
) -> Callable[[str], Awaitable[None]]:
    """Return a `reach` for `run_worker` that ends this process the hard way.

    Args:
        boundary: a name of `BOUNDARIES` dies there by SIGKILL, `stop@NAME` pauses there by SIGSTOP,
            once; `-` does neither.
        is_sending: whether a submission is under way. A pause waits for its end: between the last look at the
            clock and the socket lies a moment in which no process can know that it was paused.
    """
    stop_at = boundary.removeprefix("stop@")
    dying = signal.SIGKILL if stop_at == boundary else signal.SIGSTOP

    async def reach(name: str) -> None:
        nonlocal stop_at
        if name == stop_at:
            # Only once: a worker that goes on after its pause passes here again.
            stop_at = ""
            while dying is signal.SIGSTOP and is_sending():
                await asyncio.sleep(0.002)
            os.kill(os.getpid(), dying)

    return reach


def is_stopped(pid: int) -> bool:
    """Say whether a process is paused by SIGSTOP; one that has ended is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] == "T"
