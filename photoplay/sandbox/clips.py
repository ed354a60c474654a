"""The videos that runs end with: filmed by the built-in renderer in a child, or plain ones at once.

A clip is made once for a picture and its options; each task still gets bytes of its own, as no two
generations are alike.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from photoplay.sandbox.pictures import Picture

_PLAIN_FPS: Final = 8
_SIDES: Final = {480: "480p", 540: "480p", 720: "720p", 1080: "1080p"}
_ASPECTS: Final = {"16:9": 16 / 9, "4:3": 4 / 3, "1:1": 1.0, "3:4": 3 / 4, "9:16": 9 / 16}


class ClipFailedError(Exception):
    """No clip could be made of this picture. `code` is the renderer's reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks of a clip.

    Attributes:
        short_side: pixels.
        ratio: width to height; None follows the picture.
    """

    duration_s: float = 5.0
    short_side: int = 720
    ratio: float | None = None
    prompt: str | None = None
    seed: int = 0

    def size(self, picture: Picture | None) -> tuple[int, int]:
        """Return width and height, even."""
        ratio = self.ratio or (picture.width / picture.height if picture else 16 / 9)
        ratio = min(max(ratio, 0.4), 2.5)
        long_side = self.short_side * max(ratio, 1 / ratio)
        wide = (round(long_side / 2) * 2, self.short_side // 2 * 2)
        return wide if ratio >= 1 else (wide[1], wide[0])


@dataclass(frozen=True, slots=True)
class Clip:
    """A finished MP4 on disk."""

    path: Path
    width: int
    height: int
    duration_s: float
    fps: float
    frames: int

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size


class ClipMaker:
    """Makes and keeps clips.

    Args:
        folder: for clips; None takes a temporary one, removed by `close`.
        quick: plain clips instead of films.
    """

    def __init__(self, folder: Path | None, *, quick: Callable[[], bool]) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="photoplay-sandbox-")
        self.folder = Path(self._temporary.name)
        self._cache = folder or self.folder / "cache"
        self._cache.mkdir(parents=True, exist_ok=True)
        self._quick = quick
        self._making: dict[str, asyncio.Future[Clip]] = {}
        self._film: Callable[[Picture | None, Wish, Path], Awaitable[Clip]] | None = None
        self._close: Callable[[], None] | None = None
        self._numbers = itertools.count(1)

    async def make(self, picture: Picture | None, wish: Wish, *, mark: str) -> Clip:
        """Return a clip whose bytes are like no other's.

        Args:
            mark: goes into the file, where players overlook it.

        Raises:
            ClipFailedError: the renderer refuses the picture, or there is no room for a clip.
        """
        path = self.folder / f"{next(self._numbers)}.mp4"
        try:
            clip = await self._cached(picture, wish)
            content = await asyncio.to_thread(clip.path.read_bytes)
            await asyncio.to_thread(path.write_bytes, content + _free_box(mark.encode()))
        except OSError as error:
            raise ClipFailedError("disk") from error
        return Clip(path, clip.width, clip.height, clip.duration_s, clip.fps, clip.frames)

    def close(self) -> None:
        """Stop the renderer and remove what is temporary."""
        for making in self._making.values():
            making.cancel()
        if self._close is not None:
            self._close()
        self._temporary.cleanup()

    async def _cached(self, picture: Picture | None, wish: Wish) -> Clip:
        quick = self._quick()
        width, height = wish.size(picture)
        shown = f"{width}x{height} {wish.duration_s} {quick}"
        if not quick:
            shown += f" {picture.sha256 if picture else ''} {wish.prompt} {wish.seed}"
        key = hashlib.sha256(shown.encode()).hexdigest()[:24]
        making = self._making.get(key)
        if making is None or making.cancelled() or (making.done() and making.exception()):
            path = self._cache / f"{key}.mp4"
            work = (
                asyncio.to_thread(_plain_clip, path, (width, height), wish.duration_s)
                if quick
                else self._filmed(picture, wish, path)
            )
            making = self._making[key] = asyncio.ensure_future(work)
        # One caller's end must not take the clip from the others.
        return await asyncio.shield(making)

    async def _filmed(self, picture: Picture | None, wish: Wish, path: Path) -> Clip:
        if await asyncio.to_thread(path.exists):
            return await asyncio.to_thread(_read_facts, path)
        if self._film is None:
            self._film, self._close = _open_studio(self.folder)
        return await self._film(picture, wish, path)


def _open_studio(
    folder: Path,
) -> tuple[Callable[[Picture | None, Wish, Path], Awaitable[Clip]], Callable[[], None]]:
    from photoplay.providers.local import RenderSpec
    from photoplay.worker.render_pool import RenderFaultError, RenderPool, RenderRefusedError

    pool = RenderPool(1)

    async def film(picture: Picture | None, wish: Wish, path: Path) -> Clip:
        content = picture.content if picture else _sample()
        source = folder / f"{path.stem}.picture"
        await asyncio.to_thread(source.write_bytes, content)
        side = min(_SIDES, key=lambda known: abs(known - wish.short_side))
        ratio = wish.ratio
        spec = RenderSpec(
            duration_s=min(max(wish.duration_s, 1.0), 15.0),
            resolution=_SIDES[side],
            motion_strength="medium",
            aspect="auto"
            if ratio is None
            else min(_ASPECTS, key=lambda a: abs(_ASPECTS[a] - ratio)),
            prompt=wish.prompt,
            seed=wish.seed,
        )
        try:
            await pool.render(source, path, spec, lambda _: None)
        except RenderRefusedError as error:
            raise ClipFailedError(error.code) from error
        except RenderFaultError as error:
            raise ClipFailedError("renderer") from error
        finally:
            source.unlink(missing_ok=True)
        return await asyncio.to_thread(_read_facts, path)

    return film, pool.close


def _sample() -> bytes:
    return files("photoplay").joinpath("samples", "dandelion.jpg").read_bytes()


def _plain_clip(path: Path, size: tuple[int, int], duration_s: float) -> Clip:
    frames = max(round(duration_s * _PLAIN_FPS), 1)
    path.write_bytes(_plain_video(size, frames))
    return Clip(path, size[0], size[1], frames / _PLAIN_FPS, _PLAIN_FPS, frames)


@lru_cache(maxsize=64)
def _plain_video(size: tuple[int, int], frames: int) -> bytes:
    """Encode a plain video once for the process: many sandboxes may come and go in it."""
    import av
    import numpy as np

    with tempfile.TemporaryDirectory(prefix="photoplay-sandbox-") as folder:
        # A file, because the index is moved to the front at the end.
        path = Path(folder) / "plain.mp4"
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
            stream = out.add_stream("libx264", rate=_PLAIN_FPS, options={"preset": "ultrafast"})  # pyright: ignore[reportUnknownMemberType]
            stream.width, stream.height, stream.pix_fmt = size[0], size[1], "yuv420p"
            stream.time_base = Fraction(1, _PLAIN_FPS)
            for number in range(frames):
                planes = np.full((size[1] * 3 // 2, size[0]), 128, dtype=np.uint8)
                planes[: size[1]] = 40 + 20 * (number // _PLAIN_FPS % 8)
                picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                picture.pts = number
                out.mux(stream.encode(picture))  # pyright: ignore[reportUnknownMemberType]
            out.mux(stream.encode(None))  # pyright: ignore[reportUnknownMemberType]
        return path.read_bytes()


def _read_facts(path: Path) -> Clip:
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 30)
        return Clip(path, stream.width, stream.height, stream.frames / fps, fps, stream.frames)


def _free_box(content: bytes) -> bytes:
    # ISO/IEC 14496-12, 8.1.2: a `free` box holds what players skip.
    return (8 + len(content)).to_bytes(4, "big") + b"free" + content
