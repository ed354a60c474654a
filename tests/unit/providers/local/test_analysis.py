"""What is found in a picture: subject, sky, relief, framing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from photoplay.providers.local.analysis import shrink, understand
from photoplay.providers.local.choose import auto_move
from photoplay.providers.local.framing import frame_picture, frame_size, nearest_aspect
from photoplay.providers.local.load import load_picture
from photoplay.providers.local.segments import find_segments
from photoplay.providers.local.sky import find_sky
from photoplay.providers.local.subject import find_subject
from tests.unit.providers.local.conftest import quiet, sample


def disc(width: int = 200, height: int = 150, radius: int = 40) -> np.ndarray:
    found = np.zeros((height, width), dtype=np.float32)
    cv2.circle(found, (80, 70), radius, 1.0, -1)
    return found


PICTURE = np.zeros((150, 200, 3), dtype=np.uint8)


def test_a_sure_subject_needs_one_look() -> None:
    looks: list[int] = []

    def find(_: np.ndarray) -> np.ndarray:
        looks.append(1)
        return disc()

    subject = find_subject(PICTURE, find)
    assert subject.is_layer
    assert len(looks) == 1
    assert subject.centre == pytest.approx((0.4025, 0.47), abs=0.01)


def doubtful() -> np.ndarray:
    salience = disc(radius=50)
    cv2.circle(salience, (150, 120), 13, 0.3, -1)
    return salience


def test_a_doubtful_subject_is_looked_at_in_the_mirror() -> None:
    looks: list[np.ndarray] = []

    def agreeing(_: np.ndarray) -> np.ndarray:
        looks.append(doubtful())
        return doubtful() if len(looks) == 1 else np.ascontiguousarray(doubtful()[:, ::-1])

    assert find_subject(PICTURE, agreeing).is_layer
    assert len(looks) == 2


def test_a_subject_that_the_mirror_denies_is_none() -> None:
    looks: list[int] = []

    def differing(_: np.ndarray) -> np.ndarray:
        looks.append(1)
        return doubtful()

    assert not find_subject(PICTURE, differing).is_layer
    assert len(looks) == 2


@pytest.mark.parametrize("salience", [disc() * 0.0, disc() * 0.8, disc(radius=8)])
def test_weak_or_tiny_subjects_stay_in_the_sheet(salience: np.ndarray) -> None:
    assert not find_subject(PICTURE, lambda _: salience).is_layer


def test_a_skyline_is_no_subject() -> None:
    skyline = np.zeros((150, 200), dtype=np.float32)
    skyline[60:110] = 1.0
    assert not find_subject(PICTURE, lambda _: skyline).is_layer


@pytest.mark.parametrize(
    ("name", "layer", "move"),
    [
        ("coffee", True, "auto_subject"),
        ("dandelion", True, "auto_subject"),
        ("astronaut", True, "orbit"),
        ("mountains", False, "auto_landscape"),
        ("stream", False, "auto_scene"),
    ],
)
def test_samples_are_understood(name: str, layer: bool, move: str) -> None:
    found = understand(load_picture(sample(name), lambda _: 700), quiet())
    assert found.subject.is_layer is layer
    assert auto_move(found) == move


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("mountains", 0.12, 0.3), ("rocket", 0.5, 0.7), ("dogs", 0.0, 0.0), ("stream", 0.0, 0.0),
     ("coffee", 0.0, 0.0)],
)  # fmt: skip
def test_sky_is_found_where_there_is_one(name: str, least: float, most: float) -> None:
    small = shrink(load_picture(sample(name), lambda _: 700))
    sky = find_sky(small, find_segments(small))
    assert least <= float(sky.mask.mean()) <= most
    assert sky.known == (least > 0)


def test_near_ground_is_nearer_than_the_mountains_and_the_sky_is_farthest() -> None:
    found = understand(load_picture(sample("mountains"), lambda _: 700), quiet())
    relief = found.relief.back
    height = relief.shape[0]
    ground, rocks = relief[int(0.95 * height)], relief[int(0.45 * height)]
    assert float(np.median(ground)) > float(np.median(rocks)) + 0.2
    assert float(np.median(relief[found.sky.mask])) < 0.05


@pytest.mark.parametrize(
    ("size", "name"),
    [((1600, 900), "16:9"), ((3000, 1000), "16:9"), ((1500, 1000), "4:3"), ((800, 800), "1:1"),
     ((900, 1200), "3:4"), ((1080, 1920), "9:16"), ((500, 2000), "9:16")],
)  # fmt: skip
def test_auto_takes_the_nearest_shape(size: tuple[int, int], name: str) -> None:
    assert nearest_aspect(*size) == name


def test_frames_are_even_and_as_high_as_their_name() -> None:
    assert frame_size((16, 9), "480p") == (854, 480)
    assert frame_size((9, 16), "1080p") == (1080, 1920)
    assert frame_size((4, 3), "720p") == (960, 720)


def test_a_forced_shape_keeps_the_subject_in_view() -> None:
    box = (0.70, 0.2, 0.95, 0.9)
    framing = frame_picture((1600, 900), "1:1", "480p", box, (0.825, 0.55))
    left, _, right, _ = framing.window
    assert not framing.backdrop
    assert left <= box[0] * 1600
    assert right >= box[2] * 1600
    assert (framing.width, framing.height) == (480, 480)


def test_a_backdrop_spares_a_subject_that_would_lose_more_than_a_third() -> None:
    box = (0.05, 0.1, 0.95, 0.95)
    framing = frame_picture((1600, 900), "9:16", "480p", box, (0.5, 0.5))
    assert framing.backdrop
    assert (framing.width, framing.height) == (480, 854)
    left, top, width, height = framing.pane
    assert width == 480
    assert height == pytest.approx(270, abs=2)
    assert left == 0
    assert top == pytest.approx((854 - height) / 2, abs=2)
    kept = frame_picture((1600, 900), "9:16", "480p", (0.4, 0.1, 0.6, 0.9), (0.5, 0.5))
    assert not kept.backdrop


@pytest.mark.parametrize("aspect", ["16:9", "9:16", "1:1"])
@pytest.mark.parametrize("size", [(64, 64), (3000, 750), (333, 1001)])
def test_windows_stay_inside_the_picture(size: tuple[int, int], aspect: str) -> None:
    framing = frame_picture(size, aspect, "480p", (0.0, 0.0, 0.2, 0.2), (0.1, 0.1))
    left, top, right, bottom = framing.window
    assert left >= -1e-6
    assert top >= -1e-6
    assert right <= size[0] + 1e-6
    assert bottom <= size[1] + 1e-6
    assert framing.canvas[2] > framing.canvas[0] >= 0
