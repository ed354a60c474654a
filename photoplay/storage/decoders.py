"""Warm child processes that decode pictures and videos within hard limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import selectors
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import photoplay
from photoplay.storage.errors import StorageUnavailableError
from photoplay.storage.refusals import Refusal

_START_S: Final = 60.0
# The child ends its own fork on time; only a child that is itself stuck comes to this.
_GRACE_S: Final = 1.0
# Decoders see hostile bytes: nothing of our environment, and so no key of ours, is theirs.
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR")


class DecoderDiedError(Exception):
    """The decoder crashed, or was ended at a limit, while it worked on the file."""


class _ChildLostError(DecoderDiedError):
    """The serving child itself is gone; it never opens files, so somebody else ended it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits of one decoding.

    Attributes:
        seconds: wall time from hand-over to answer.
        memory_bytes: address space (enforced on Linux).
        output_bytes: largest file that may be written.
    """

    seconds: float
    memory_bytes: int
    output_bytes: int


class DecoderPool:
    """A few decoding children, started on demand, reused, and replaced when they end.

    May be shared by threads and event loops. Use as a context manager, or call `close`.
    """

    def __init__(self, size: int = 2) -> None:
        self._threads = ThreadPoolExecutor(size, "decoder")
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def warm(self) -> None:
        """Start a child now, so that the first file need not wait for it.

        Raises:
            StorageUnavailableError: no child can be started on this machine.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, lambda: self._idle.put(self._take()))

    async def run(self, task: str, limits: Limits, **arguments: object) -> dict[str, Any]:
        """Return what the child found out about one file.

        Raises:
            Refusal: the child looked at the file and does not take it.
            DecoderDiedError: the file crashed the child or came to one of the `limits`.
            StorageUnavailableError: this machine is too busy to decode in time, or cannot start a
                child; try again.
        """
        request = {
            "task": task,
            "seconds": limits.seconds,
            "memory_bytes": limits.memory_bytes,
            "output_bytes": limits.output_bytes,
            "arguments": arguments,
        }
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, request, limits.seconds)

    def close(self) -> None:
        """Wait for decodings under way and end the children."""
        self._threads.shutdown()
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        line = json.dumps(request).encode() + b"\n"
        try:
            answer = self._exchange(line, seconds)
        except _ChildLostError:
            answer = self._exchange(line, seconds)
        return read_answer(answer, seconds)

    def _exchange(self, line: bytes, seconds: float) -> dict[str, Any]:
        child = self._take()
        try:
            answer = child.ask(line, seconds + _GRACE_S)
        except BaseException:
            child.end()
            raise
        self._idle.put(child)
        return answer

    def _take(self) -> _Child:
        with contextlib.suppress(queue.Empty):
            while True:
                child = self._idle.get_nowait()
                if child.is_alive():
                    return child
                child.end()
        return _Child()


def read_answer(answer: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the facts in a child's answer.

    A decoding that was ended at its time limit without having had half of that time on a processor
    says nothing of the file, only of the machine.

    Raises:
        Refusal: the child looked at the file and does not take it.
        DecoderDiedError: the file crashed the decoder or came to a limit.
        StorageUnavailableError: this machine is too busy; try again.
    """
    if "died" in answer:
        if answer["died"] == -signal.SIGALRM and answer["cpu_s"] < seconds / 2:
            raise StorageUnavailableError("the decoders are overloaded")
        raise DecoderDiedError
    if "code" in answer:
        raise Refusal(answer["code"], answer["message"], **answer["details"])
    return answer["facts"]


class _Child:
    """One child process; used by one thread at a time."""

    def __init__(self) -> None:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # The package may be a source tree that only this process has on its path.
        environment["PYTHONPATH"] = str(Path(photoplay.__file__).parents[1])
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "photoplay.storage.decoder_child"],
                stdin=requests,
                stdout=answers,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._requests)
            os.close(self._answers)
            raise StorageUnavailableError("no decoding process can be started") from error
        finally:
            os.close(requests)
            os.close(answers)
        try:
            ready = self._read_line(_START_S)
        except DecoderDiedError as error:
            self.end()
            raise StorageUnavailableError("no decoding process can be started") from error
        if ready != b"ready\n":
            self.end()
            raise StorageUnavailableError("no decoding process can be started")

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, line: bytes, seconds: float) -> dict[str, Any]:
        """Return the child's answer, or raise `DecoderDiedError` if none comes in time."""
        try:
            os.write(self._requests, line)
        except OSError as error:
            raise _ChildLostError from error
        return json.loads(self._read_line(seconds))

    def end(self) -> None:
        """Kill the child and what it has forked."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._requests)
        os.close(self._answers)

    def _read_line(self, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while not text.endswith(b"\n"):
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    raise DecoderDiedError
                part = os.read(self._answers, 64 << 10)
                if not part:
                    raise _ChildLostError
                text += part
        return text
