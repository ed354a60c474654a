"""Straight edges stay straight and uprights upright."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from photoplay.providers.local.analysis import shrink, understand
from photoplay.providers.local.camera import Lens
from photoplay.providers.local.disparity import scene_disparity
from photoplay.providers.local.framing import frame_picture
from photoplay.providers.local.guard import measure_edges
from photoplay.providers.local.load import load_picture
from photoplay.providers.local.moves import path_named
from photoplay.providers.local.plan import Scene, Setting, plan_motion
from photoplay.providers.local.segments import find_segments, samples_along
from photoplay.providers.local.staging import Staging
from photoplay.providers.local.uprights import is_upright, straighten
from tests.unit.providers.local.conftest import quiet, sample


def mast_on_a_field() -> np.ndarray:
    """Sky, ground from the middle down, a mast that stands in it."""
    rng = np.random.default_rng(1)
    rgb = np.zeros((320, 480, 3), dtype=np.uint8)
    rgb[:160] = (120, 160, 220)
    rgb[160:] = np.array((110, 90, 70)) + rng.integers(-8, 8, (160, 480, 1))
    cv2.rectangle(rgb, (230, 40), (246, 260), (20, 20, 25), -1)
    return rgb


def read(disparity: np.ndarray, ends: np.ndarray) -> np.ndarray:
    x, y = samples_along(ends[None], 30)
    return disparity[np.rint(y[0]).astype(int), np.rint(x[0]).astype(int)]


def test_a_mast_gets_one_disparity_and_the_field_keeps_its_slope() -> None:
    rgb = mast_on_a_field()
    rows = np.linspace(0, 1, 320, dtype=np.float32)
    ramp = np.repeat(np.maximum(0.0, (rows - 0.5) * 2)[:, None], 480, axis=1)
    segments = find_segments(rgb)
    upright = is_upright(segments, 0.5, True)
    assert upright.any()
    straight = straighten(ramp, rgb, segments, upright, True)
    mast = np.array((238.0, 60.0, 238.0, 250.0))
    assert float(np.ptp(read(ramp, mast))) > 0.5
    assert float(np.ptp(read(straight, mast))) < 0.06
    field = np.array((60.0, 200.0, 60.0, 310.0))
    assert float(np.abs(read(straight, field) - read(ramp, field)).max()) < 0.12


def test_a_road_that_recedes_is_not_taken_for_an_upright() -> None:
    rgb = np.full((320, 480, 3), 90, dtype=np.uint8)
    rgb[:120] = (130, 170, 230)
    cv2.fillPoly(rgb, [np.array(((225, 124), (255, 124), (330, 319), (170, 319)))], (190, 190, 190))
    segments = find_segments(rgb)
    upright = is_upright(segments, 0.375, True)
    middle = np.abs((segments.ends[:, 0] + segments.ends[:, 2]) / 2 - 240) < 120
    below = segments.ends[:, 1] > 122
    assert (middle & below).any()
    assert not upright[middle & below].any()


def test_a_level_edge_does_not_bend() -> None:
    rgb = np.full((200, 300, 3), 60, dtype=np.uint8)
    rgb[100:] = 200
    rng = np.random.default_rng(2)
    lumpy = cv2.GaussianBlur(rng.uniform(0, 1, (200, 300)).astype(np.float32), (0, 0), 12)
    lumpy = (lumpy - lumpy.min()) / np.ptp(lumpy)
    segments = find_segments(rgb)
    straight = straighten(lumpy, rgb, segments, is_upright(segments, 0.4, False), False)

    def bend(values: np.ndarray) -> float:
        line = read(values, np.array((20.0, 99.0, 280.0, 99.0)))
        even = np.polyval(np.polyfit(np.arange(30), line, 1), np.arange(30))
        return float(np.abs(line - even).max())

    assert bend(straight) < 0.35 * bend(lumpy)


@pytest.mark.parametrize("name", ["dandelion", "stream"])
def test_grass_and_leaves_count_little(name: str) -> None:
    segments = find_segments(shrink(load_picture(sample(name), lambda _: 1200)))
    assert segments.diagonals < 2.5


def test_rocket_towers_lean_less_than_with_the_plain_relief() -> None:
    rgb = load_picture(sample("rocket"), lambda _: 800)
    found = understand(rgb, quiet())
    size = (rgb.shape[1], rgb.shape[0])
    staging = Staging.of(frame_picture(size, "auto", "480p", None, (0.5, 0.5)), size)
    edges, lens = staging.edges(found), Lens(convergence=0.5)
    grid = staging.stage.grid_size()
    small = shrink(rgb)
    plain = staging.onto(scene_disparity(small, found.sky.mask, found.sky.horizon), grid)
    move = path_named("orbit")
    nothing = np.zeros(plain.shape, dtype=bool)

    def lean(relief: np.ndarray) -> float:
        loose = edges.__class__(edges.x, edges.y, edges.weight, edges.steep, 0.0)
        setting = Setting(staging.stage, Scene(relief, None, nothing), loose, lens)
        plan = plan_motion(setting, move, 1.0)
        poses = [plan.pose(s) for s in (0.0, 0.5, 1.0)]
        seen = plan.setting.scene.seen()
        return measure_edges(staging.stage, seen, edges, poses, plan.setting.lens)[0]

    assert edges.steep.any()
    assert lean(plain) > 3.0
    assert lean(staging.onto(found.relief.back, grid)) < 1.0
