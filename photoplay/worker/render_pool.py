"""Children that render clips, so that the event loop never waits for a frame.

Each child stays warm between clips. It hears one order at a time over a pipe and answers with
progress and a result; a further message, or the pipe's end, means: stop. So a cancelled clip stops
within a frame, and a child whose parent was killed stops by itself. A child that dies is replaced,
and its clip fails as a `RenderFaultError`.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from photoplay.providers.local import RenderResult, RenderSpec

_SPAWN = multiprocessing.get_context("spawn")


class RenderFaultError(Exception):
    """The child died or failed in a way that the renderer does not know; another try may do."""


class RenderStoppedError(Exception):
    """The clip was cancelled before it was finished; no file was left."""


class RenderRefusedError(Exception):
    """The picture cannot be rendered. `code` and the message are safe to show."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Clip:
    """A finished clip: facts for the user about how it was made."""

    width: int
    height: int
    duration_s: float
    provenance: dict[str, object]


class RenderPool:
    """A fixed number of warm children.

    Args:
        size: clips rendered at once.
    """

    def __init__(self, size: int) -> None:
        self._free: asyncio.Queue[_Child | None] = asyncio.Queue()
        for _ in range(size):
            self._free.put_nowait(None)
        self._children: set[_Child] = set()

    @asynccontextmanager
    async def _child(self) -> AsyncGenerator[_Child]:
        child = await self._free.get()
        try:
            if child is None or not child.alive:
                child = _Child()
                self._children.add(child)
            yield child
        finally:
            if child is not None and not child.alive:
                self._children.discard(child)
                child = None
            self._free.put_nowait(child)

    async def render(
        self,
        picture: Path,
        video: Path,
        spec: RenderSpec,
        on_progress: Callable[[float], None],
    ) -> Clip:
        """Render `picture` into `video` when a child is free; cancelling the task stops the child.

        Args:
            on_progress: called in the event loop with 0 to 1, never falling.

        Raises:
            RenderRefusedError: the picture cannot be used.
            RenderFaultError: the child failed; try again.
        """
        async with self._child() as child:
            return await child.render(picture, video, spec, on_progress)

    def close(self) -> None:
        """Stop every child; what they were rendering is dropped."""
        for child in list(self._children):
            child.kill()
        self._children.clear()


class _Child:
    def __init__(self) -> None:
        ours, theirs = _SPAWN.Pipe()
        self._pipe: Connection[Any, Any] = ours
        self._process: SpawnProcess = _SPAWN.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive() and not self._pipe.closed

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.close()
        self._process.kill()
        self._process.join(timeout=5)

    async def render(
        self, picture: Path, video: Path, spec: RenderSpec, on_progress: Callable[[float], None]
    ) -> Clip:
        try:
            self._pipe.send((picture, video, spec))
            while True:
                kind, value = await self._receive()
                match kind:
                    case "progress":
                        on_progress(value)
                    case "clip":
                        return Clip(**value)
                    case "refused":
                        raise RenderRefusedError(*value)
                    case "stopped":
                        raise RenderStoppedError
                    case _:
                        raise RenderFaultError(value)
        except asyncio.CancelledError:
            await self._stop()
            raise
        except (EOFError, OSError) as error:
            self.kill()
            raise RenderFaultError("the rendering process died") from error

    async def _receive(self) -> tuple[str, Any]:
        """Wait for the child's next message without a thread: the pipe's descriptor wakes the loop."""
        loop = asyncio.get_running_loop()
        readable = loop.create_future()
        descriptor = self._pipe.fileno()

        def wake() -> None:
            if not readable.done():
                readable.set_result(None)

        if not self._pipe.poll():
            loop.add_reader(descriptor, wake)
            try:
                await readable
            finally:
                loop.remove_reader(descriptor)
        return self._pipe.recv()

    async def _stop(self) -> None:
        """Tell the child to stop and wait until it did, so that it can take the next order."""
        try:
            self._pipe.send("stop")
            async with asyncio.timeout(5):
                while (await self._receive())[0] == "progress":
                    pass
        except (TimeoutError, EOFError, OSError):
            self.kill()


def _serve(pipe: Connection[Any, Any]) -> None:
    """Life of a child: orders in, progress and results out, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        try:
            order = pipe.recv()
        except (EOFError, OSError):
            return
        if order == "stop":
            # The stop of a clip that was already finished.
            continue
        try:
            answer = _render(pipe, *order)
        except (EOFError, OSError):
            return
        except Exception as error:  # noqa: BLE001 -- the edge of the child's loop: reported, not lost
            answer = ("fault", f"{type(error).__name__}: {error}")
        try:
            pipe.send(answer)
        except OSError:
            return


def _render(
    pipe: Connection[Any, Any], picture: Path, video: Path, spec: RenderSpec
) -> tuple[str, Any]:
    from photoplay.providers.local import PictureRejectedError, RenderCancelledError, render

    try:
        made: RenderResult = render(
            picture,
            video,
            spec,
            on_progress=lambda fraction: pipe.send(("progress", fraction)),
            is_cancelled=lambda: pipe.poll(0),
        )
    except RenderCancelledError:
        return ("stopped", None)
    except PictureRejectedError as error:
        return ("refused", (error.code, str(error)))
    return (
        "clip",
        {
            "width": made.width,
            "height": made.height,
            "duration_s": made.duration_s,
            "provenance": dict(made.provenance),
        },
    )
