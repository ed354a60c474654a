"""Decoding a picture and writing it the one way all providers take: an sRGB JPEG, upright.

Runs in a decoding child only. Nothing of the source but its pixels reaches the output.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pi_heif
from PIL import Image, ImageCms, UnidentifiedImageError

from photoplay.storage.picture_formats import HEAD_BYTES, recognise, webp_size
from photoplay.storage.refusals import Refusal

_QUALITIES: Final = (95, 90, 85, 75, 60)
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DNG_VERSION: Final = 50706
_SRGB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
_UNREADABLE: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    RuntimeError,
    MemoryError,
    struct.error,
    UnidentifiedImageError,
)


def prepare() -> None:
    """Load every decoder, so that a fork can start at once."""
    pi_heif.register_heif_opener()  # pyright: ignore[reportUnknownMemberType]
    Image.init()


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """Which widths and heights are accepted, as `PictureLimits` explains them."""

    max_pixels: int
    min_side_px: int
    max_side_px: int
    max_ratio: float

    def check(self, width: int, height: int) -> None:
        """Return if a picture may have this size.

        Raises:
            Refusal: with the code of the first limit that it breaks.
        """
        found = {"width": width, "height": height}
        if width * height > self.max_pixels:
            raise Refusal(
                "image_too_many_pixels",
                "The picture has too many pixels.",
                max_pixels=self.max_pixels,
                **found,
            )
        if min(width, height) < self.min_side_px or max(width, height) > self.max_side_px:
            raise Refusal(
                "image_dimensions",
                f"Each side of the picture must have {self.min_side_px} to {self.max_side_px} pixels.",
                min_side=self.min_side_px,
                max_side=self.max_side_px,
                **found,
            )
        if max(width, height) > self.max_ratio * min(width, height):
            raise Refusal(
                "image_ratio",
                f"One side of the picture may be at most {self.max_ratio:g} times the other.",
                max_ratio=self.max_ratio,
                **found,
            )


def normalise(
    *, source: str, out: str, sizes: Mapping[str, Any], out_side_px: int, out_bytes: int
) -> dict[str, Any]:
    """Write the picture at `source` as a JPEG to `out` and return its width and height.

    The first frame is taken, turned upright by its EXIF orientation, converted to sRGB, laid on
    white where it is transparent, and scaled down to `out_side_px`. Quality falls from 95 until the
    file has at most `out_bytes`.

    Args:
        source: path of the picture.
        out: path of the new file.
        sizes: fields of `SizeLimits`.
        out_side_px: longest side of the result.
        out_bytes: of the result.

    Raises:
        Refusal: with one of the codes of `PictureError`.
    """
    limits = SizeLimits(**sizes)
    with Path(source).open("rb") as file:
        head = file.read(HEAD_BYTES)
    formats = recognise(head)
    if formats is None:
        raise Refusal("image_type", "Use a JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP picture.")
    claimed = webp_size(head) if formats == ("WEBP",) else None
    if claimed is not None:
        limits.check(*claimed)
    try:
        picture = _decode(Path(source), formats, limits, out_side_px)
        _save(picture, Path(out), out_bytes)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refusal(
            "image_too_many_pixels",
            "The picture has too many pixels.",
            max_pixels=limits.max_pixels,
        ) from error
    except _UNREADABLE as error:
        raise Refusal("image_unreadable", "The picture is damaged or cut off.") from error
    return {"width": picture.width, "height": picture.height}


def _decode(
    source: Path, formats: tuple[str, ...], limits: SizeLimits, out_side_px: int
) -> Image.Image:
    # Between once and twice its limit Pillow only warns; the size is looked at before decoding.
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    image = Image.open(source, formats=formats)
    limits.check(*image.size)
    if image.format == "TIFF" and _DNG_VERSION in image.getexif():
        raise Refusal("image_type", "Use a JPEG or HEIC picture instead of a camera's raw file.")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    icc_profile: bytes | None = image.info.get("icc_profile")
    # A JPEG can be decoded at half or a quarter of its size for a fraction of the work, even if the
    # result is then a little smaller than allowed.
    scale = max(1, int(max(image.size) / (0.9 * out_side_px)))
    image.draft(image.mode, (image.width // scale, image.height // scale))
    image.load()
    orientation = _orientation(image)
    image = _in_eight_bits(image)
    image.thumbnail((out_side_px, out_side_px), Image.Resampling.LANCZOS, reducing_gap=1.0)
    return _upright(_in_srgb(_opaque(image), icc_profile), orientation)


def _orientation(image: Image.Image) -> int:
    # After loading: some formats have turned the pixels by then and say so.
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _UNREADABLE:
        return 1


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Return the image in one of L, RGB, RGBA, CMYK or LAB."""
    has_alpha = "transparency" in image.info or image.mode in {"LA", "La", "PA", "RGBA", "RGBa"}
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow clips where it should scale.
        return image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.mode in {"CMYK", "LAB"}:
        return image
    wanted = "RGBA" if has_alpha else "L" if image.mode in {"1", "L"} else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image).convert("RGB")


def _in_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    if icc_profile:
        try:
            converted = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(BytesIO(icc_profile)), _SRGB, outputMode="RGB"
            )
        except (ImageCms.PyCMSError, *_UNREADABLE):
            # A broken profile is worth less than the picture.
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _save(image: Image.Image, out: Path, out_bytes: int) -> None:
    # Comments, resolution and the like would be copied from here.
    image.info = {}
    for quality in _QUALITIES:
        image.save(out, "JPEG", quality=quality, subsampling=0 if quality > 90 else 2)
        if out.stat().st_size <= out_bytes:
            return
    raise Refusal(
        "image_too_large", "The picture has too much detail to be sent.", max_bytes=out_bytes
    )
