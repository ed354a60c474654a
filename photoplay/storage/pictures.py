"""Picture intake: what a user sends becomes one upright sRGB JPEG, or is refused with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from photoplay.storage.decoders import DecoderDiedError, DecoderPool, Limits
from photoplay.storage.errors import PictureError
from photoplay.storage.refusals import Refusal

_MEMORY_BYTES: Final = 1536 << 20
# The first trial has the best quality and may be far over the result's limit.
_TRIAL_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What is accepted, and what comes out.

    Attributes:
        max_bytes: of the file as sent.
        max_pixels: width times height as sent; the header is believed before anything is decoded.
        min_side_px: shortest side as sent.
        max_side_px: longest side as sent.
        max_ratio: longer side over shorter side as sent.
        out_side_px: longest side of the result; larger pictures are scaled down.
        out_bytes: of the result.
        seconds: wall time for the decoding, enforced by killing it.

    Source for the result's limits: what all providers in `docs/providers.md` take.
    """

    max_bytes: int = 10 << 20
    max_pixels: int = 50_000_000
    min_side_px: int = 64
    max_side_px: int = 16_384
    max_ratio: float = 4.0
    out_side_px: int = 4096
    out_bytes: int = 5_000_000
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class NormalisedPicture:
    """A picture that every provider takes: sRGB, upright, opaque, without metadata.

    Attributes:
        path: the caller's to keep or remove.
        sha256: of the file, lower-case hexadecimal.
    """

    path: Path
    width: int
    height: int
    bytes: int
    sha256: str
    content_type: str = "image/jpeg"
    extension: str = "jpg"


async def intake_picture(
    source: Path | bytes,
    out: Path,
    *,
    decoders: DecoderPool,
    limits: PictureLimits | None = None,
) -> NormalisedPicture:
    """Write the picture in `source` to `out` in the one form that is used from then on.

    The type is told by content, never by name. Of an animation the first frame is taken;
    transparent parts become white; metadata is left behind, after EXIF orientation and the colour
    profile were applied.

    Args:
        source: a file, which stays the caller's, or its bytes.
        out: new file in an existing folder; exists only after success.
        decoders: where the decoding runs.
        limits: None for the defaults.

    Raises:
        PictureError: the user can choose another picture; nothing was written.
        StorageUnavailableError: this machine is too busy to decode; try again.
    """
    limits = limits or PictureLimits()
    if isinstance(source, Path):
        return await _intake_file(source, out, decoders, limits)
    _check_bytes(len(source), limits)
    beside = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        await asyncio.to_thread(beside.write_bytes, source)
        return await _intake_file(beside, out, decoders, limits)
    finally:
        beside.unlink(missing_ok=True)


async def _intake_file(
    source: Path, out: Path, decoders: DecoderPool, limits: PictureLimits
) -> NormalisedPicture:
    _check_bytes((await asyncio.to_thread(source.stat)).st_size, limits)
    # Decoded beside its place and renamed, for a decoder that is killed leaves half a file.
    part = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        facts = await decoders.run(
            "picture",
            Limits(limits.seconds, _MEMORY_BYTES, _TRIAL_BYTES),
            source=str(source),
            out=str(part),
            sizes={
                "max_pixels": limits.max_pixels,
                "min_side_px": limits.min_side_px,
                "max_side_px": limits.max_side_px,
                "max_ratio": limits.max_ratio,
            },
            out_side_px=limits.out_side_px,
            out_bytes=limits.out_bytes,
        )
        data = await asyncio.to_thread(part.read_bytes)
        part.rename(out)
    except Refusal as refusal:
        raise PictureError(refusal.message, code=refusal.code, details=refusal.details) from refusal
    except (DecoderDiedError, FileNotFoundError) as error:
        raise PictureError(
            "The picture is damaged, or too heavy to decode.", code="image_unreadable"
        ) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    return NormalisedPicture(
        path=out,
        width=int(facts["width"]),
        height=int(facts["height"]),
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _check_bytes(count: int, limits: PictureLimits) -> None:
    if count == 0:
        raise PictureError("The picture is empty.", code="image_empty")
    if count > limits.max_bytes:
        raise PictureError(
            f"The picture may have at most {limits.max_bytes / (1 << 20):g} MB.",
            code="image_too_large",
            details={"bytes": count, "max_bytes": limits.max_bytes},
        )
