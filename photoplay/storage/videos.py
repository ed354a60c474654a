"""What came back from a provider: is it a video that browsers play, and is it ready to be streamed?

Decoding runs in child processes with hard limits.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from photoplay.storage.decoders import DecoderDiedError, DecoderPool, Limits
from photoplay.storage.errors import VideoError
from photoplay.storage.refusals import Refusal

# An hour of 1080p at a provider's usual rate reads in less; a decoder that loops does not.
_SECONDS: Final = 60.0
_MEMORY_BYTES: Final = 2 << 30
_POSTER_BYTES: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a clip is.

    Attributes:
        duration_s: from the first frame's begin to the last one's end.
        codec: `h264`, `hevc` or `av1`.
        sha256: of the file, lower-case hexadecimal.
        faststart: whether the index is in front, so that playing starts before all is there.
        frames: of the video track, counted.
    """

    width: int
    height: int
    duration_s: float
    codec: str
    bytes: int
    sha256: str
    faststart: bool
    has_audio: bool
    frames: int


@dataclass(frozen=True, slots=True)
class Poster:
    """A JPEG of a clip's first frame.

    Attributes:
        sha256: of the file, lower-case hexadecimal.
    """

    path: Path
    width: int
    height: int
    bytes: int
    sha256: str


async def inspect_video(path: Path, *, decoders: DecoderPool) -> VideoFacts:
    """Return what the clip at `path` is, having read it to its end and decoded its key frames.

    Raises:
        VideoError: it is no playable H.264, HEVC or AV1 MP4, or it is cut off.
        StorageUnavailableError: this machine is too busy to decode; try again.
    """
    facts = await _run(decoders, "inspect", path, output_bytes=0)
    size, sha256 = await asyncio.to_thread(_measure_file, path)
    return VideoFacts(bytes=size, sha256=sha256, **facts)


async def prepare_video(path: Path, out: Path, *, decoders: DecoderPool) -> Path:
    """Return a file with the same clip whose index is in front: `path` itself, or the new `out`.

    Nothing is encoded again. What is returned is the file to inspect and to store.

    Args:
        path: stays as it is.
        out: new file in an existing folder; exists afterwards only if it was needed.
        decoders: where the work is done.

    Raises:
        VideoError: the file is no MP4, is cut off, or cannot be read.
        StorageUnavailableError: this machine is too busy to decode; try again.
    """
    part = _beside(out)
    try:
        size = (await asyncio.to_thread(path.stat)).st_size
        facts = await _run(
            decoders, "remux", path, output_bytes=2 * size + (1 << 20), out=str(part)
        )
        if not facts["remuxed"]:
            return path
        part.rename(out)
    finally:
        part.unlink(missing_ok=True)
    return out


async def make_poster(
    path: Path, out: Path, *, decoders: DecoderPool, max_side_px: int = 1280
) -> Poster:
    """Write the clip's first frame as a JPEG to `out`.

    Args:
        path: a clip that was inspected.
        out: new file in an existing folder; exists only after success.
        decoders: where the decoding runs.
        max_side_px: longest side; smaller clips keep their size.

    Raises:
        VideoError: no frame can be decoded.
        StorageUnavailableError: this machine is too busy to decode; try again.
    """
    part = _beside(out)
    try:
        facts = await _run(
            decoders,
            "poster",
            path,
            output_bytes=_POSTER_BYTES,
            out=str(part),
            max_side_px=max_side_px,
        )
        size, sha256 = await asyncio.to_thread(_measure_file, part)
        part.rename(out)
    finally:
        part.unlink(missing_ok=True)
    return Poster(out, int(facts["width"]), int(facts["height"]), size, sha256)


async def _run(
    decoders: DecoderPool, task: str, path: Path, *, output_bytes: int, **arguments: object
) -> dict[str, Any]:
    if (await asyncio.to_thread(path.stat)).st_size == 0:
        raise VideoError("the file is empty", code="video_empty")
    limits = Limits(_SECONDS, _MEMORY_BYTES, output_bytes)
    try:
        return await decoders.run(task, limits, path=str(path), **arguments)
    except Refusal as refusal:
        raise VideoError(refusal.message, code=refusal.code, details=refusal.details) from refusal
    except DecoderDiedError as error:
        raise VideoError("the clip cannot be decoded", code="video_unreadable") from error


def _beside(out: Path) -> Path:
    return out.with_name(f".{out.name}.{uuid.uuid4().hex}")


def _measure_file(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()
