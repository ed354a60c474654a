"""Any picture file gives a clip or a typed refusal (design 7.8)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photoplay.providers.local import PictureRejectedError, RenderSpec, render
from photoplay.providers.local.load import load_picture
from tests.unit.providers.local.conftest import sample
from tests.unit.providers.local.scenes import decode, texture

TINY = RenderSpec(duration_s=1.0, resolution="480p", fps=24)


def film(picture: Path) -> tuple[int, int]:
    video = picture.with_suffix(".mp4")
    result = render(picture, video, TINY, on_progress=lambda _: None, is_cancelled=lambda: False)
    frames = decode(video)
    assert len(frames) == 24
    assert frames[0].shape == (result.height, result.width)
    return result.width, result.height


def save(folder: Path, name: str, picture: Image.Image, **options: object) -> Path:
    path = folder / name
    picture.save(path, **options)
    return path


def test_panorama_is_cropped_to_the_widest_shape(tmp_path: Path) -> None:
    picture = save(tmp_path, "wide.png", Image.fromarray(texture(1, 1500, 500)))
    assert film(picture) == (854, 480)


def test_flat_colour_gives_a_clip(tmp_path: Path) -> None:
    assert film(save(tmp_path, "flat.png", Image.new("RGB", (400, 300), (90, 120, 60)))) == (
        640,
        480,
    )


def test_alpha_is_laid_on_paper(tmp_path: Path) -> None:
    rgba = np.dstack((texture(2, 300, 400), np.full((400, 300), 255, np.uint8)))
    rgba[:100, :, 3] = 0
    picture = save(tmp_path, "cut-out.png", Image.fromarray(rgba, "RGBA"))
    assert film(picture) == (480, 640)
    assert load_picture(picture, lambda _: 400)[50, 50].tolist() == [255, 255, 255]


def test_smallest_picture_is_refused_kindly(tmp_path: Path) -> None:
    picture = save(tmp_path, "dot.png", Image.new("RGB", (1, 1)))
    with pytest.raises(PictureRejectedError) as refusal:
        film(picture)
    assert refusal.value.code == "image_too_small"
    assert not picture.with_suffix(".mp4").exists()


@pytest.mark.parametrize("share", [0.4, 0.9])
def test_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    whole = sample("coffee").read_bytes()
    picture = tmp_path / "cut.jpg"
    picture.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(PictureRejectedError) as refusal:
        film(picture)
    assert refusal.value.code == "image_truncated"
    assert "again" in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    picture = tmp_path / "odd.jpg"
    picture.write_bytes(content)
    with pytest.raises(PictureRejectedError) as refusal:
        film(picture)
    assert refusal.value.code in {"image_unreadable", "image_truncated"}


def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path) -> None:
    picture = save(tmp_path, "vast.png", Image.new("1", (20_000, 16_000)))
    with pytest.raises(PictureRejectedError) as refusal:
        load_picture(picture, lambda _: 1000)
    assert refusal.value.code == "image_too_large"


def test_fifty_megapixels_are_accepted_and_reduced(tmp_path: Path) -> None:
    picture = save(tmp_path, "large.jpg", Image.new("RGB", (8660, 5774), (10, 200, 90)))
    rgb = load_picture(picture, lambda _: 1600)
    assert max(rgb.shape) == 1600
    assert np.abs(rgb.reshape(-1, 3).mean(axis=0) - (10, 200, 90)).max() < 3


def ramp(mode: str) -> Image.Image:
    rgb = Image.fromarray(texture(4, 240, 160))
    return rgb.quantize(64) if mode == "P" else rgb.convert(mode)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("L", "png"), ("LA", "png"), ("P", "gif"), ("1", "png"), ("CMYK", "jpg"), ("CMYK", "tiff")],
)
def test_colour_modes_keep_their_colours(tmp_path: Path, mode: str, suffix: str) -> None:
    picture = save(tmp_path, f"{mode}.{suffix}", ramp(mode))
    rgb = load_picture(picture, lambda _: 240)
    truth = np.asarray(ramp(mode).convert("RGB"))
    assert rgb.shape == truth.shape
    assert float(np.abs(rgb.astype(int) - truth.astype(int)).mean()) < 12


def test_sixteen_bits_keep_their_brightness(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 200 * 100).reshape(100, 200).astype(np.uint16)
    rgb = load_picture(save(tmp_path, "deep.png", Image.fromarray(deep)), lambda _: 200)
    assert np.abs(rgb[..., 0].astype(float) - deep / 257.0).max() < 2.0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = Image.fromarray(texture(7, 240, 160))
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if back is None else upright.transpose(back)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = save(tmp_path, "turned.png", stored, exif=exif)
    assert np.array_equal(load_picture(picture, lambda _: 240), np.asarray(upright))


def test_colour_profile_is_followed(tmp_path: Path) -> None:
    from PIL import ImageCms

    lab = ImageCms.createProfile("sRGB")
    profile = ImageCms.ImageCmsProfile(lab).tobytes()
    same = Image.fromarray(texture(8, 64, 64))
    picture = save(tmp_path, "tagged.png", same, icc_profile=profile)
    rgb = load_picture(picture, lambda _: 64)
    assert np.abs(rgb.astype(int) - np.asarray(same).astype(int)).max() <= 2
    broken = save(tmp_path, "broken.png", same, icc_profile=b"nonsense")
    assert np.array_equal(load_picture(broken, lambda _: 64), np.asarray(same))


def test_first_frame_of_an_animation_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ((250, 0, 0), (0, 0, 250))]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100)
    picture = tmp_path / "moving.gif"
    picture.write_bytes(buffer.getvalue())
    assert load_picture(picture, lambda _: 64)[10, 10].tolist() == [250, 0, 0]
