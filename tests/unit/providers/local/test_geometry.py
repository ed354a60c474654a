"""No tearing, no borders, little invented background, upright uprights (design 7.4)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from photoplay.providers.local.film import Shot
from photoplay.providers.local.guard import LEAN_LIMIT_DEG, measure_edges
from photoplay.providers.local.layers import cut_matte
from photoplay.providers.local.plan import FLOOR
from photoplay.providers.local.warp import CELL_PX, Nodes, Sight, Stage, limit_slope, look, read_at
from tests.unit.providers.local.conftest import NAMES

Field = npt.NDArray[np.float32]


def jacobian(stage: Stage, sight: Sight) -> Field:
    """How source positions change with frame positions, at the nodes inside the frame."""
    per_cell = stage.width / CELL_PX
    x, y = sight.x[1:-1, 1:-1] * per_cell, sight.y[1:-1, 1:-1] * per_cell
    x_down, x_across = np.gradient(x)
    y_down, y_across = np.gradient(y)
    return np.stack(
        (np.stack((x_across, x_down), axis=-1), np.stack((y_across, y_down), axis=-1)), axis=-2
    )


def cover(shot: Shot, sight: Sight) -> Field:
    """Opacity of the subject, 0..255, where the nodes look."""
    stage = shot.plan.setting.stage
    alpha = shot.projector.sheets[1].planes.alpha
    assert alpha is not None
    small = cv2.resize(alpha, stage.grid_size(), interpolation=cv2.INTER_AREA)
    return read_at(stage, small.astype(np.float32), sight.x, sight.y, outside=0.0)[1:-1, 1:-1]


@pytest.mark.parametrize("name", NAMES)
def test_the_lens_neither_tears_nor_looks_past_the_picture(
    shot_of: Callable[[str], Shot], name: str
) -> None:
    shot = shot_of(name)
    setting = shot.plan.setting
    stage, nodes = setting.stage, Nodes.of(setting.stage)
    sheets = shot.projector.sheets
    for s in (0.0, 0.3, 0.6, 1.0):
        pose = shot.plan.pose(s)
        sights = [look(stage, nodes, sheet.disparity, pose, setting.lens) for sheet in sheets]
        seen = [np.ones(sights[0].x[1:-1, 1:-1].shape, dtype=bool)]
        if len(sheets) == 2:
            front = cover(shot, sights[1])
            hidden = cover(shot, sights[0]) > 128
            seen = [front < 128, front > 0]
            assert float((hidden & seen[0]).mean()) <= 0.05, "invented background"
        for sight, where in zip(sights, seen, strict=True):
            x, y = sight.x[1:-1, 1:-1][where], sight.y[1:-1, 1:-1][where]
            assert x.min() >= stage.left - 1e-3
            assert x.max() <= stage.right + 1e-3
            assert y.min() >= stage.top - 1e-3
            assert y.max() <= stage.bottom + 1e-3
            matrix = jacobian(stage, sight)[where]
            large, small = np.linalg.svd(matrix, compute_uv=False).T
            assert float(np.linalg.det(matrix).min()) >= 0.25
            assert float(np.percentile(large / small, 99)) <= 1.8
            assert float(np.percentile(1.0 / small, 99)) <= 1.9


@pytest.mark.parametrize("name", NAMES)
def test_uprights_stay_upright_or_the_camera_is_at_its_floor(
    shot_of: Callable[[str], Shot], name: str
) -> None:
    plan = shot_of(name).plan
    setting = plan.setting
    if not setting.edges.matters:
        return
    poses = [plan.pose(s) for s in (0.0, 0.5, 1.0)]
    seen = setting.scene.seen()
    lean, _ = measure_edges(setting.stage, seen, setting.edges, poses, setting.lens)
    assert lean <= LEAN_LIMIT_DEG or plan.parallax <= 1.1 * FLOOR


def test_slopes_are_limited_without_lowering_anything() -> None:
    cliff = np.zeros((60, 80), dtype=np.float32)
    cliff[:, 40:] = 1.0
    limited = limit_slope(cliff, 20.0)
    assert float(limited[:, 45:].min()) > 0.97
    steepest = float(np.abs(np.diff(limited, axis=1)).max())
    assert steepest <= 0.55 / 20.0 + 1e-3


def test_the_subject_is_opaque_inside() -> None:
    rng = np.random.default_rng(3)
    rgb = rng.uniform(0, 255, (200, 260, 3)).astype(np.float32)
    disc = np.zeros((200, 260), dtype=np.float32)
    cv2.circle(disc, (130, 100), 60, 1.0, -1)
    unsure = disc * 0.62
    alpha = cut_matte(rgb, unsure.astype(np.float32), disc > 0.5)
    inner = cv2.erode(disc, np.ones((31, 31), np.uint8)) > 0
    assert np.all(np.rint(alpha[inner] * 255) == 255)
    far = cv2.dilate(disc, np.ones((41, 41), np.uint8)) == 0
    assert float(alpha[far].max()) == 0.0
