"""Near and far move differently, smoothly, and a flat zoom would not pass (design 7.2, 7.3)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import pytest

from photoplay.providers.local import RenderSpec
from photoplay.providers.local.camera import ease
from photoplay.providers.local.film import Shot, draw
from photoplay.providers.local.load import load_picture
from photoplay.providers.local.moves import path_named
from photoplay.providers.local.plan import similarity_residual
from photoplay.providers.local.spec import STRENGTHS
from photoplay.providers.local.warp import Nodes, look
from tests.unit.providers.local.conftest import NAMES, sample, shoot
from tests.unit.providers.local.scenes import known_scene, tracks

FRAMES = 150
TEXTURED = ("astronaut", "coffee", "dogs", "mountains", "rocket", "stream")


def parallax(first: np.ndarray, last: np.ndarray) -> tuple[float, float]:
    """p90 of what a similarity leaves of the tracks, and their mean length, in widths."""
    source, target = tracks(first, last)
    width = first.shape[1]
    assert len(source) > 100
    left = float(np.percentile(similarity_residual(source, target), 90)) / width
    return left, float(np.hypot(*(target - source).T).mean()) / width


@pytest.mark.parametrize("name", NAMES)
def test_every_photograph_reaches_its_parallax(shot_of: Callable[[str], Shot], name: str) -> None:
    plan = shot_of(name).plan
    assert plan.parallax >= 0.019
    if not plan.guarded:
        assert plan.parallax >= 0.035


@pytest.mark.parametrize("name", TEXTURED)
def test_frames_show_the_parallax_to_a_tracker(shot_of: Callable[[str], Shot], name: str) -> None:
    shot = shot_of(name)
    left, way = parallax(draw(shot, 0, FRAMES).luma, draw(shot, FRAMES - 1, FRAMES).luma)
    assert left >= 0.010
    assert way >= 0.013


def test_known_depth_shows_the_parallax_and_a_flat_zoom_does_not() -> None:
    scene = known_scene()
    plan = scene.plan(path_named("auto_subject"))
    left, _ = parallax(scene.frame(plan, 0.0), scene.frame(plan, 1.0))
    assert left >= 0.010

    rgb = load_picture(sample("stream"), lambda _: 960)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    grow = cv2.getRotationMatrix2D((width / 2, height / 2), 0.0, 1.15)
    flat = cv2.warpAffine(grey, grow, (width, height), flags=cv2.INTER_CUBIC)
    inner = (slice(height // 8, -height // 8), slice(width // 8, -width // 8))
    left, _ = parallax(grey[inner], flat[inner])
    assert left <= 0.002


@pytest.mark.parametrize("name", ["coffee", "stream"])
def test_tracks_are_smooth(shot_of: Callable[[str], Shot], name: str) -> None:
    shot = shot_of(name)
    # Softened as any tracker does it: on bare foliage it would measure its own noise.
    frames = [
        cv2.GaussianBlur(draw(shot, number, FRAMES).luma, (0, 0), 1.0) for number in range(60, 66)
    ]
    corners = cv2.goodFeaturesToTrack(frames[0], 300, 0.01, 8)
    height, width = frames[0].shape
    x, y = corners.reshape(-1, 2).T
    path = [corners[(x > 60) & (x < width - 60) & (y > 60) & (y < height - 60)]]
    finely = {"winSize": (31, 31), "criteria": (3, 50, 0.0005)}
    for before, after in pairwise(frames):
        moved, _, _ = cv2.calcOpticalFlowPyrLK(before, after, path[-1], None, **finely)
        path.append(moved)
    places = np.stack([p.reshape(-1, 2) for p in path])
    jerk = np.hypot(*np.moveaxis(np.diff(places, n=2, axis=0), -1, 0))
    assert float(np.median(jerk)) <= 0.025
    assert float(np.percentile(jerk, 95)) <= 0.08


@pytest.mark.parametrize("name", ["coffee", "stream"])
def test_the_lens_itself_does_not_tremble(shot_of: Callable[[str], Shot], name: str) -> None:
    shot = shot_of(name)
    setting = shot.plan.setting
    nodes = Nodes.of(setting.stage)
    for sheet in shot.projector.sheets:
        poses = [shot.plan.pose(ease(number / (FRAMES - 1))) for number in range(60, 64)]
        seen = [look(setting.stage, nodes, sheet.disparity, p, setting.lens).x for p in poses]
        jerk = np.abs(np.diff(np.stack(seen), n=2, axis=0)) * setting.stage.width
        assert float(np.median(jerk)) <= 0.005
        assert float(np.percentile(jerk, 95)) <= 0.02


@pytest.mark.parametrize(
    "spec",
    [
        RenderSpec(duration_s=2.0, resolution="480p", move="orbit_loop"),
        RenderSpec(duration_s=2.0, resolution="480p", move="dolly_in", loop=True, prompt="dust"),
    ],
    ids=["closed", "there-and-back"],
)
def test_a_loop_closes(spec: RenderSpec) -> None:
    shot = shoot(sample("coffee"), spec)
    count = 40
    frames = [draw(shot, number, count).luma.astype(np.int16) for number in range(count)]
    steps = [float(np.abs(frames[k] - frames[k - 1]).mean()) for k in range(1, count)]
    closing = float(np.abs(frames[0] - frames[-1]).mean())
    assert closing <= 1.5 * float(np.median(steps))


@pytest.mark.parametrize(("strength", "more"), [("medium", 1.2), ("high", 1.45)])
def test_motion_strength_scales_the_parallax(strength: str, more: float) -> None:
    scene = known_scene()
    move = path_named("orbit")
    assert scene.plan(move, STRENGTHS[strength]).parallax >= more * scene.plan(move).parallax
