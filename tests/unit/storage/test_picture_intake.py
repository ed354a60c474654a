"""Fault 36: every picture is normalised or refused with its reason, whatever it is."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from photoplay.storage.decoders import DecoderPool
from photoplay.storage.errors import PictureError, StorageUnavailableError
from photoplay.storage.pictures import NormalisedPicture, PictureLimits, intake_picture

pytestmark = pytest.mark.fault(36)

SAMPLES = Path(__file__).parents[2] / "samples"
RED, GREEN, WHITE = (200, 30, 30), (30, 200, 30), (255, 255, 255)


class Intake:
    """Takes bytes in and gives back what was made of them."""

    def __init__(self, decoders: DecoderPool, folder: Path) -> None:
        self.decoders = decoders
        self.folder = folder

    async def __call__(
        self, source: bytes | Path, limits: PictureLimits | None = None
    ) -> tuple[NormalisedPicture, Image.Image]:
        out = self.folder / "out.jpg"
        out.unlink(missing_ok=True)
        # Generous by default: how long things take on a busy machine is not what is tested.
        limits = limits or PictureLimits(seconds=20)
        result = await intake_picture(source, out, decoders=self.decoders, limits=limits)
        with Image.open(result.path) as image:
            image.load()
            return result, image

    async def refusal(self, source: bytes | Path, limits: PictureLimits | None = None) -> str:
        with pytest.raises(PictureError) as caught:
            await self(source, limits)
        assert list(self.folder.glob("*out*")) == [], "a refused picture leaves a file"
        return caught.value.code


@pytest.fixture
def intake(decoders: DecoderPool, tmp_path: Path) -> Intake:
    return Intake(decoders, tmp_path)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def distance(image: Image.Image, pixels: np.ndarray) -> float:
    """Mean difference of two pictures of one size, 0–255."""
    return float(np.abs(np.asarray(image, np.int16) - pixels.astype(np.int16)).mean())


def colour(image: Image.Image) -> tuple[int, ...]:
    return tuple(round(v) for v in np.asarray(image.convert("RGB")).mean(axis=(0, 1)))


def png(width: int, height: int, depth: int, kind: int, rows: bytes) -> bytes:
    """A PNG with any header; Pillow itself writes no 16-bit colour and no lies."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {"quality": 95}),
        ("WEBP", {"lossless": True}),
        ("AVIF", {"quality": 95}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
    ],
)
async def test_every_common_format_keeps_its_picture(
    intake: Intake, photograph: Image.Image, kind: str, options: dict[str, object]
) -> None:
    result, image = await intake(saved(photograph, kind, **options))
    assert (result.width, result.height) == image.size == (600, 400)
    assert (result.content_type, result.extension) == ("image/jpeg", "jpg")
    assert result.bytes == result.path.stat().st_size
    assert image.mode == "RGB"
    assert distance(image, np.asarray(photograph)) < (12 if kind == "GIF" else 4)


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
async def test_heic_from_a_phone_is_upright(
    intake: Intake, photograph: Image.Image, make_heic: Callable[..., bytes], quarter_turns: int
) -> None:
    _, image = await intake(make_heic(photograph, quarter_turns))
    assert distance(image, np.rot90(np.asarray(photograph), quarter_turns)) < 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_exif_orientation_is_applied(
    intake: Intake, photograph: Image.Image, orientation: int, kind: str
) -> None:
    upright = np.asarray(photograph)
    turned = upright.transpose(1, 0, 2)
    # By what the standard says of the stored first row and first column.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: turned,
        6: turned[::-1],
        7: turned[::-1, ::-1],
        8: turned[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    source = saved(Image.fromarray(stored), kind, exif=exif.tobytes(), **options)
    _, image = await intake(source)
    assert image.size == (600, 400)
    assert distance(image, upright) < 3
    assert 0x0112 not in image.getexif()


async def test_broken_exif_is_ignored(intake: Intake, photograph: Image.Image) -> None:
    _, image = await intake(saved(photograph, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    assert image.size == (600, 400)


async def test_nothing_but_pixels_comes_through(intake: Intake, photograph: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET description"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    source = saved(
        photograph,
        "JPEG",
        exif=exif.tobytes(),
        comment=b"SECRET <script>alert(1)</script>",
        xmp=b"<x:xmpmeta>SECRET</x:xmpmeta>",
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        dpi=(300, 300),
    )
    assert source.count(b"SECRET") == 3
    result, image = await intake(source + b"SECRET at the end")
    assert b"SECRET" not in result.path.read_bytes()
    assert b"script" not in result.path.read_bytes()
    assert len(image.getexif()) == 0
    assert not {"icc_profile", "comment", "exif", "xmp", "dpi"} & set(image.info)


async def test_same_picture_gives_the_same_bytes(intake: Intake, photograph: Image.Image) -> None:
    source = saved(photograph, "PNG")
    first, _ = await intake(source)
    second, _ = await intake(source)
    assert first.sha256 == second.sha256


async def test_colour_profile_is_applied(intake: Intake) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A screen on which red is green: unmistakable if the profile is left out.
    swapped = (
        srgb.replace(b"rXYZ", b"----", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"----", b"gXYZ", 1)
    )
    red = Image.new("RGB", (100, 100), RED)
    _, image = await intake(saved(red, "PNG", icc_profile=swapped))
    assert np.allclose(colour(image), GREEN, atol=6)


async def test_broken_colour_profile_is_ignored(intake: Intake) -> None:
    _, image = await intake(
        saved(Image.new("RGB", (100, 100), RED), "PNG", icc_profile=b"no profile" * 20)
    )
    assert np.allclose(colour(image), RED, atol=3)


async def test_cmyk_becomes_rgb(intake: Intake, photograph: Image.Image) -> None:
    cmyk = photograph.convert("CMYK")
    for kind, options in [("JPEG", {"quality": 95}), ("TIFF", {})]:
        _, image = await intake(saved(cmyk, kind, **options))
        assert distance(image, np.asarray(cmyk.convert("RGB"))) < 4


async def test_sixteen_bit_grey_is_scaled_and_not_clipped(intake: Intake) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint16) * 257, (100, 1))
    for source in (saved(Image.fromarray(ramp), "PNG"), saved(Image.fromarray(ramp), "TIFF")):
        _, image = await intake(source)
        assert distance(image.convert("L"), np.tile(np.arange(256), (100, 1))) < 2


async def test_sixteen_bit_colour_is_kept(intake: Intake) -> None:
    pixels = struct.pack(">3H", *(value * 257 for value in RED))
    rows = (b"\0" + pixels * 100) * 100
    _, image = await intake(png(100, 100, 16, 2, rows))
    assert np.allclose(colour(image), RED, atol=3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA"])
async def test_transparent_parts_become_white(intake: Intake, mode: str) -> None:
    picture = Image.new("RGBA", (100, 100), (*RED, 0))
    picture.paste((*RED, 255), (50, 0, 100, 100))
    if mode in {"1", "L"}:
        source = saved(Image.new(mode, (100, 100), 0), "PNG", transparency=0)
    elif mode == "P":
        source = saved(picture.quantize(4), "PNG")
    else:
        source = saved(picture.convert(mode), "TIFF" if mode == "PA" else "PNG")
    _, image = await intake(source)
    assert np.allclose(image.getpixel((10, 50)), WHITE, atol=4)
    if mode in {"P", "RGBA"}:
        assert np.allclose(image.getpixel((90, 50)), RED, atol=4)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
async def test_of_an_animation_the_first_frame_is_taken(intake: Intake, kind: str) -> None:
    frames = [Image.new("RGB", (100, 100), (0, shade, 0)) for shade in range(100, 250, 50)]
    first = Image.new("RGB", (100, 100), RED)
    options = {"duration": 100} if kind != "TIFF" else {}
    source = saved(first, kind, save_all=True, append_images=frames, **options)
    _, image = await intake(source)
    assert np.allclose(colour(image), RED, atol=6)


async def test_phone_photograph_of_twelve_megapixels_passes(intake: Intake) -> None:
    with Image.open(SAMPLES / "mountains.jpg") as image:
        source = saved(image.convert("RGB").resize((4032, 3024)), "JPEG", quality=92)
    result, _ = await intake(source, PictureLimits())
    assert (result.width, result.height) == (4032, 3024)
    assert result.bytes <= 5_000_000


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
async def test_large_picture_is_scaled_to_what_providers_take(
    intake: Intake, photograph: Image.Image, kind: str
) -> None:
    quick = {"compress_level": 1} if kind == "PNG" else {}
    source = saved(photograph.resize((4500, 3000)), kind, **quick)
    limits = PictureLimits(max_bytes=1 << 30, seconds=20)
    result, image = await intake(source, limits)
    assert (result.width, result.height) == (4096, 2731)
    assert distance(image.resize((600, 400)), np.asarray(photograph)) < 6


async def test_noise_is_compressed_until_it_fits(intake: Intake) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (500, 500, 3), dtype=np.uint8)
    source = saved(Image.fromarray(noise), "PNG")
    result, _ = await intake(source, PictureLimits(seconds=20, out_bytes=150_000))
    assert 75_000 < result.bytes <= 150_000
    assert (
        await intake.refusal(source, PictureLimits(seconds=20, out_bytes=20_000))
        == "image_too_large"
    )


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((64, 64), None),
        ((63, 64), "image_dimensions"),
        ((1, 1), "image_dimensions"),
        ((10_000, 1), "image_dimensions"),
        ((64, 256), None),
        ((256, 64), None),
        ((64, 257), "image_ratio"),
        ((16_384, 4096), "image_too_many_pixels"),
        ((16_385, 2000), "image_dimensions"),
        ((10_000, 5000), None),
        ((10_000, 5001), "image_too_many_pixels"),
    ],
)
async def test_size_limits_are_exact(
    intake: Intake, size: tuple[int, int], expected: str | None
) -> None:
    source = saved(Image.new("1", size), "PNG")
    if expected is None:
        await intake(source, PictureLimits(seconds=20))
    else:
        assert await intake.refusal(source) == expected


async def test_byte_limits_are_exact(intake: Intake, photograph: Image.Image) -> None:
    source = saved(photograph, "PNG")
    await intake(source, PictureLimits(seconds=20, max_bytes=len(source)))
    too_small = PictureLimits(max_bytes=len(source) - 1)
    assert await intake.refusal(source, too_small) == "image_too_large"
    file = intake.folder / "picture.png"
    file.write_bytes(source)
    assert await intake.refusal(file, too_small) == "image_too_large"
    assert await intake.refusal(b"") == "image_empty"


def bombs() -> dict[str, bytes]:
    """Small files that claim 64k x 64k pixels, or as many as their format can say."""
    tiny = Image.new("RGB", (64, 64))
    jpeg = bytearray(saved(tiny, "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    gif = bytearray(saved(tiny, "GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    bmp = bytearray(saved(tiny, "BMP"))
    bmp[18:26] = struct.pack("<ii", 65_535, 65_535)
    webp = bytearray(saved(tiny, "WEBP", icc_profile=b"any"))
    assert webp[12:16] == b"VP8X"
    webp[24:30] = b"\xff\x3f\0\xff\x3f\0"
    lossless = bytearray(saved(tiny, "WEBP", lossless=True))
    assert lossless[12:16] == b"VP8L"
    lossless[21:25] = struct.pack("<I", 0x3FFF | 0x3FFF << 14)
    tiff = saved(tiny, "TIFF")
    for tag in (256, 257):
        tiff = tiff.replace(
            struct.pack("<HHII", tag, 4, 1, 64), struct.pack("<HHII", tag, 4, 1, 65_535)
        )
    return {
        "png": png(65_535, 65_535, 8, 2, b"\0" * 1000),
        "png interlaced": png(2_000_000_000, 2_000_000_000, 1, 0, b"\0"),
        "real png of 400 megapixels": png(20_000, 20_000, 1, 0, bytes(2501 * 20_000)),
        "jpeg": bytes(jpeg),
        "gif": bytes(gif),
        "bmp": bytes(bmp),
        "webp": bytes(webp),
        "webp lossless": bytes(lossless),
        "tiff": tiff,
    }


async def test_bombs_are_refused_by_their_header(intake: Intake) -> None:
    for name, bomb in bombs().items():
        assert len(bomb) < 300_000
        assert (name, await intake.refusal(bomb)) == (name, "image_too_many_pixels")


async def test_heic_bomb_is_refused(
    intake: Intake, photograph: Image.Image, make_heic: Callable[..., bytes]
) -> None:
    bomb = make_heic(photograph).replace(
        b"ispe" + bytes(4) + struct.pack(">II", 600, 400),
        b"ispe" + bytes(4) + struct.pack(">II", 65_535, 65_535),
    )
    assert await intake.refusal(bomb) in {"image_too_many_pixels", "image_unreadable"}


@pytest.mark.parametrize(
    "source",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"/>',
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg/>',
        b"%PDF-1.7\n1 0 obj<<>>endobj\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 500 500\n",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"PK\x03\x04" + bytes(100),
        b"\x7fELF" + bytes(100),
        b"#!/bin/sh\n",
        b"\0\0\0\x20ftypisom" + bytes(100),
        b"\0\0\x01\0\x01\0" + bytes(100),
        b"P6 500 500 255\n" + bytes(100),
        b"II*\0\x10\0\0\0CR\x02\0" + bytes(100),
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"\0",
    ],
    ids=lambda source: source[:12].decode("latin-1").encode("unicode_escape").decode(),
)
async def test_what_is_no_picture_is_refused_by_its_type(intake: Intake, source: bytes) -> None:
    assert await intake.refusal(source) == "image_type"


async def test_name_says_nothing(intake: Intake, photograph: Image.Image) -> None:
    named_picture = intake.folder / "innocent.jpg"
    named_picture.write_bytes(b"%PDF-1.7\n" + saved(photograph, "JPEG"))
    assert await intake.refusal(named_picture) == "image_type"
    named_script = intake.folder / "script.svg"
    named_script.write_bytes(saved(photograph, "WEBP"))
    await intake(named_script)
    assert named_script.exists(), "the source stays the caller's"


async def test_polyglots_lose_their_second_self(intake: Intake, photograph: Image.Image) -> None:
    archive = io.BytesIO(saved(photograph, "JPEG"))
    archive.seek(0, io.SEEK_END)
    with zipfile.ZipFile(archive, "a") as extra:
        extra.writestr("payload.html", "<script>alert(1)</script>")
    assert zipfile.is_zipfile(archive)
    gif = saved(photograph, "GIF")
    for polyglot in (
        archive.getvalue(),
        gif + b"/*<script>alert(1)</script>*/=1;",
        saved(photograph, "PNG") + b"%PDF-1.7 1 0 obj",
    ):
        result, _ = await intake(polyglot)
        clean = result.path.read_bytes()
        assert clean.startswith(b"\xff\xd8\xff")
        assert not zipfile.is_zipfile(result.path)
        assert b"script" not in clean
        assert b"%PDF" not in clean


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIC"])
async def test_cut_pictures_are_unreadable(
    intake: Intake, photograph: Image.Image, make_heic: Callable[..., bytes], kind: str
) -> None:
    whole = make_heic(photograph) if kind == "HEIC" else saved(photograph, kind)
    for length in (len(whole) // 2, 70, 40):
        assert await intake.refusal(whole[:length]) == "image_unreadable"


async def test_damaged_pictures_never_raise_anything_else(
    intake: Intake, photograph: Image.Image, make_heic: Callable[..., bytes]
) -> None:
    small = photograph.resize((150, 100))
    chance = random.Random(36)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF", "HEIC"):
        whole = make_heic(small) if kind == "HEIC" else saved(small, kind)
        for _ in range(8):
            damaged = bytearray(whole)
            for _ in range(chance.randint(1, 40)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                result, image = await intake(bytes(damaged))
            except PictureError:
                continue
            assert image.size == (result.width, result.height)


async def test_decoding_is_killed_at_its_time_limit(intake: Intake) -> None:
    slow = saved(Image.new("1", (10_000, 5000)), "PNG")
    limits = PictureLimits(seconds=0.05)
    while True:
        try:
            assert await intake.refusal(slow, limits) == "image_unreadable"
        except StorageUnavailableError:
            # The machine was too busy to give the decoder its time; that is told apart.
            continue
        break
    await intake(slow, PictureLimits(seconds=20))
