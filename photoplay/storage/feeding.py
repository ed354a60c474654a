"""Feeding an upload in blocks: from a file, or from an async stream to the uploading thread."""

from __future__ import annotations

import asyncio
import hashlib
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

BLOCK_BYTES: Final = 1 << 20
_BLOCKS_WAITING: Final = 4


class FeedAbandonedError(Exception):
    """The stream ended before its end, so nothing of it may be kept."""


class Feed:
    """A bounded queue from one task to one thread.

    The task calls `give` for each chunk and then `finish` or `abandon`; the thread iterates
    `blocks()`. The task consumes its stream itself, so time-outs around that stream keep working.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[bytes | FeedAbandonedError | None] = queue.SimpleQueue()
        self._slots = asyncio.Semaphore(_BLOCKS_WAITING)
        self._gathered = bytearray()

    async def give(self, chunk: bytes) -> None:
        """Pass `chunk` on, waiting while the thread has enough to do."""
        self._gathered += chunk
        if len(self._gathered) >= BLOCK_BYTES:
            await self._slots.acquire()
            self._pass_on()

    def finish(self) -> None:
        """Say that the stream is complete."""
        if self._gathered:
            self._pass_on()
        self._queue.put(None)

    def abandon(self) -> None:
        """Make the thread give up."""
        self._queue.put(FeedAbandonedError())

    def wake(self) -> None:
        """Let a waiting `give` go on, because the thread has ended."""
        self._slots.release()

    def blocks(self) -> Iterator[bytes]:
        """Yield the stream in blocks of about a mebibyte; for the thread.

        Raises:
            FeedAbandonedError: the task gave up.
        """
        while (block := self._queue.get()) is not None:
            if isinstance(block, FeedAbandonedError):
                raise block
            yield block
            self._loop.call_soon_threadsafe(self._slots.release)

    def _pass_on(self) -> None:
        self._queue.put(bytes(self._gathered))
        self._gathered = bytearray()


class CountedBlocks:
    """Blocks on their way, with their count in bytes and their hash so far.

    Attributes:
        failure: what the blocks' source raised, to be told from the store's own errors.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.count = 0
        self.digest = hashlib.sha256()
        self.failure: BaseException | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            block = next(self._blocks)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise
        self.count += len(block)
        self.digest.update(block)
        return block


def file_blocks(path: Path, stop: threading.Event) -> Iterator[bytes]:
    """Yield the file in blocks; it is opened by whoever takes the first one, and closed with the last.

    Raises:
        FeedAbandonedError: `stop` was set.
    """
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            if stop.is_set():
                raise FeedAbandonedError
            yield block
