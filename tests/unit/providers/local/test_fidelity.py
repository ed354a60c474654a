"""A camera that stands still shows the photograph (design 7.5)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from photoplay.providers.local import RenderSpec
from photoplay.providers.local.camera import Pose
from photoplay.providers.local.framing import pixels_needed
from photoplay.providers.local.load import load_picture
from tests.unit.providers.local.conftest import sample, shoot
from tests.unit.providers.local.scenes import luma_rgb, psnr, texture

STILL = RenderSpec(resolution="480p", move="static")


@pytest.mark.parametrize(
    ("name", "least"), [("mountains", 50.0), ("coffee", 36.0), ("dandelion", 36.0)]
)
def test_still_frame_equals_the_resized_photograph(name: str, least: float) -> None:
    shot = shoot(sample(name), STILL)
    back, _ = shot.projector.back(Pose())
    frame = shot.projector.front(back, Pose()).luma
    rgb = load_picture(sample(name), lambda size: pixels_needed(size, "auto", "480p"))
    left, top, right, bottom = (round(edge) for edge in shot.framing.window)
    size = (shot.framing.width, shot.framing.height)
    small = cv2.resize(rgb[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
    assert shot.projector.is_layered == (name != "mountains")
    assert psnr(frame, luma_rgb(small)) >= least


def test_borders_are_the_photographs_own(tmp_path: Path) -> None:
    rgb = texture(5, 854, 480)
    picture = tmp_path / "noise.png"
    Image.fromarray(rgb).save(picture)
    shot = shoot(picture, STILL)
    back, _ = shot.projector.back(Pose())
    frame = shot.projector.front(back, Pose()).luma
    truth = luma_rgb(rgb)
    for rim in (np.s_[:2], np.s_[-2:], np.s_[:, :2], np.s_[:, -2:]):
        assert int(np.abs(frame[rim].astype(int) - truth[rim].astype(int)).max()) <= 3


def test_no_black_border_at_any_moment(tmp_path: Path) -> None:
    rgb = np.maximum(texture(6, 854, 480), 60).astype(np.uint8)
    picture = tmp_path / "bright.png"
    Image.fromarray(rgb).save(picture)
    for move in ("pan_left", "dolly_out", "vertigo", "tilt_up", "orbit_loop"):
        shot = shoot(picture, RenderSpec(resolution="480p", move=move, prompt="handheld"))
        for t in (0.0, 0.37, 0.71, 1.0):
            lens = shot.plan.setting.lens
            frame = shot.show.draw(shot.projector, shot.plan.pose(t), lens, t, 0).luma
            rim = np.concatenate((frame[0], frame[-1], frame[:, 0], frame[:, -1]))
            assert int(rim.min()) > 40
