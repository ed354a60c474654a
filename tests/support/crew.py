"""Worker processes, as many as a test wants from one start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from tests.support.boundaries import is_stopped
from tests.support.processes import die_with_parent

ROOT = Path(__file__).parents[2]
_STOP_WITHIN_S = 20.0


class Crew:
    """The worker processes of one test.

    Args:
        env: their settings.
        log: file that all of them write to.
        clip: what the built-in provider delivers at once; without it they have the real drivers.
    """

    def __init__(self, env: dict[str, str], log: Path, clip: Path | None = None) -> None:
        self._words = [] if clip is None else ["--clip", str(clip)]
        self._env = {**os.environ, "PYTHONPATH": str(ROOT), **env}
        self._log = log
        self._parents: list[asyncio.subprocess.Process] = []
        self._readers: list[asyncio.Task[None]] = []
        self.pids: dict[str, int] = {}
        """By boundary; a name that was started twice is the newest one's."""
        self.ended: dict[str, int] = {}
        """Exit codes by boundary."""

    async def start(self, *boundaries: str) -> None:
        """Start a worker for each boundary; they need a moment until they work."""
        with self._log.open("ab") as log:
            parent = await asyncio.create_subprocess_exec(
                sys.executable,
                str(ROOT / "tests/support/worker_process.py"),
                *self._words,
                "--crew",
                *boundaries,
                cwd=self._log.parent,
                env=self._env,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self._parents.append(parent)
        self._readers.append(asyncio.create_task(self._read(parent)))

    async def _read(self, parent: asyncio.subprocess.Process) -> None:
        assert parent.stdout is not None
        names: dict[str, str] = {}
        async for line in parent.stdout:
            match line.decode().split():
                case ["started", pid, boundary]:
                    names[pid] = boundary
                    self.pids[boundary] = int(pid)
                case ["ended", pid, code]:
                    self.ended[names[pid]] = int(code)
                case _:
                    pass

    def are_stopped(self) -> bool:
        """Say whether every worker that pauses somewhere has come there."""
        late = [pid for name, pid in self.pids.items() if name.startswith("stop@")]
        return bool(late) and all(map(is_stopped, late))

    def go_on(self) -> None:
        """Let every paused worker go on."""
        for pid in self.pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def said(self, text: str) -> int:
        """Return how often a text is in their log."""
        return self._log.read_text("utf-8", "replace").count(text)

    async def dismiss(self) -> None:
        """End all of them in good order, by force those that take too long."""
        loop = asyncio.get_running_loop()
        ending = asyncio.gather(*(parent.wait() for parent in self._parents), *self._readers)
        self._tell_all(signal.SIGTERM)
        deadline = loop.time() + _STOP_WITHIN_S
        while not ending.done():
            # Some come to the place where they pause only now.
            self._tell_all(signal.SIGCONT if loop.time() < deadline else signal.SIGKILL)
            await asyncio.wait({ending}, timeout=0.2)

    def _tell_all(self, number: signal.Signals) -> None:
        for parent in self._parents:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(parent.pid, number)
