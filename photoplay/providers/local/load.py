"""Reading a picture file into upright 8-bit sRGB, at no more pixels than the clip needs."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from photoplay.providers.local.arrays import Bytes
from photoplay.providers.local.spec import PictureRejectedError

MAX_PIXELS = 100_000_000
MIN_SIDE_PX = 8
_PAPER = (255, 255, 255)
_ORIENTATION = 0x0112
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def load_picture(path: Path, pixels: Callable[[tuple[int, int]], int]) -> Bytes:
    """Decodes a picture, upright, at no more pixels than wanted.

    Args:
        path: any still picture Pillow reads; of an animation the first frame is taken.
        pixels: for the upright width and height, the pixels wanted on the longer side.

    Returns:
        RGB samples (h, w, 3).

    Raises:
        PictureRejectedError: not a picture, cut short, too large or too small. Show the
            message; another picture is needed.
        FileNotFoundError: there is no such file; a fault of the caller.
    """
    try:
        with Image.open(path) as opened:
            return _decode(opened, pixels)
    except (PictureRejectedError, FileNotFoundError):
        raise
    except Image.DecompressionBombError:
        raise PictureRejectedError(
            "image_too_large", "The picture has too many pixels; use one below 50 megapixels."
        ) from None
    except UnidentifiedImageError:
        raise PictureRejectedError(
            "image_unreadable", "The file is not a picture that can be read."
        ) from None
    except (OSError, EOFError, IndexError) as error:
        if "truncated" in str(error) or isinstance(error, EOFError | IndexError):
            raise PictureRejectedError(
                "image_truncated", "The picture file ends too early; send it again whole."
            ) from None
        raise PictureRejectedError("image_unreadable", "The picture cannot be decoded.") from None
    except (SyntaxError, ValueError, TypeError, KeyError, MemoryError, struct.error) as error:
        raise PictureRejectedError("image_unreadable", "The picture cannot be decoded.") from error


def _decode(opened: Image.Image, pixels: Callable[[tuple[int, int]], int]) -> Bytes:
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise PictureRejectedError(
            "image_too_large", "The picture has too many pixels; use one below 50 megapixels."
        )
    if min(width, height) < MIN_SIDE_PX:
        raise PictureRejectedError(
            "image_too_small", "The picture is too small; both sides need at least 64 pixels."
        )
    turned = opened.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    side_px = pixels((height, width) if turned else (width, height))
    longest = max(width, height)
    if longest > side_px:
        # JPEG can leave out detail while decoding, which is several times faster.
        scale = side_px / longest
        opened.draft("RGB", (round(width * scale), round(height * scale)))
    opened.load()
    if max(opened.size) >= 2 * side_px and opened.mode in ("L", "RGB", "RGBA", "CMYK"):
        opened = opened.reduce(max(opened.size) // side_px)
    picture = ImageOps.exif_transpose(opened)
    picture = _flatten(picture)
    return _reduce(np.asarray(picture, dtype=np.uint8), side_px)


def _flatten(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I") or picture.mode == "F":
        return _flatten_deep(picture)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        paper = Image.new("RGBA", layered.size, (*_PAPER, 255))
        picture = Image.alpha_composite(paper, layered).convert("RGB")
    elif isinstance(profile, bytes) and picture.mode in ("RGB", "CMYK", "L"):
        picture = _to_srgb(picture, profile)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _flatten_deep(picture: Image.Image) -> Image.Image:
    deep = np.asarray(picture).astype(np.float32)
    deep = np.nan_to_num(deep)
    top = float(deep.max(initial=0.0))
    if picture.mode.startswith("I;16") or top > 255.0:
        span = 65535.0
    else:
        span = 1.0 if top <= 1.0 else 255.0
    grey = np.clip(deep * (255.0 / span), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _to_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(picture, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return converted if converted is not None else picture


def _reduce(rgb: Bytes, side_px: int) -> Bytes:
    height, width = rgb.shape[:2]
    longest = max(width, height)
    if longest <= side_px:
        return np.ascontiguousarray(rgb)
    scale = side_px / longest
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
