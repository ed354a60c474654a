"""How near each place is, read from one photograph without a depth network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, Mask, as_field
from photoplay.providers.local.smoothing import fill_from_known, guided_by_colour
from photoplay.providers.local.subject import Subject

_HAZE_WITH_SKY = 0.20
_HAZE_WITHOUT_SKY = 0.06
_GROUND = 0.62
_SHARPNESS = 0.16
_BUMP = 0.15

Straighten = Callable[[Field, Mask | None], Field]


@dataclass(frozen=True, slots=True)
class Relief:
    """Disparity (1 near, 0 far) at analysis size.

    Attributes:
        back: everything but the subject, continued behind it.
        front: the subject, continued around it; equal to `back` on a single sheet.
        convergence: disparity of the subject's middle, about which the camera turns.
        source: `heuristic` or `model`.
    """

    back: Field
    front: Field
    convergence: float
    source: str


def scene_disparity(rgb: Bytes, sky: Mask, horizon: float) -> Field:
    """Disparity from the ground plane, haze and sharpness.

    Inverse depth of a plane is linear in the image's y, so the ground term is exact below
    the horizon wherever the picture shows flat ground.

    Args:
        rgb: the picture at analysis size.
        sky: its sky.
        horizon: 0..1 from the top.
    """
    guide = as_field(rgb.astype(np.float32) / 255.0)
    height = sky.shape[0]
    rows = (np.arange(height, dtype=np.float32) + 0.5) / height
    ground = np.maximum(0.0, (rows - horizon) / max(0.05, 1.0 - horizon))
    sharp, defocus = _sharpness(rgb)
    haze = _haze(guide)
    w_ground = _GROUND * (1.0 - 0.55 * defocus)
    w_haze = _HAZE_WITH_SKY if sky.any() else _HAZE_WITHOUT_SKY
    raw = w_ground * ground[:, None] + w_haze * (1.0 - haze) + _SHARPNESS * sharp
    clear = 1.0 - cv2.GaussianBlur(sky.astype(np.float32), (0, 0), 1.5)
    smooth = guided_by_colour(guide, as_field(raw * clear), 20, 4e-3)
    smooth = as_field(cv2.GaussianBlur(np.maximum(smooth, 0.0), (0, 0), 2.0) * clear)
    top = float(np.percentile(smooth, 99.5))
    return as_field(np.clip(smooth / max(top, 1e-3), 0.0, 1.0))


def lay_out(
    scene: Field, subject: Subject, horizon: float, source: str, straighten: Straighten
) -> Relief:
    """Splits the scene's disparity into the subject's and its background's.

    Args:
        scene: disparity of the whole picture.
        subject: what stands out.
        horizon: 0..1 from the top.
        source: where the scene's disparity came from.
        straighten: makes a layer's disparity obey the straight edges in its places.
    """
    mask = subject.mask
    if not subject.is_layer:
        bump = cv2.GaussianBlur(subject.salience, (0, 0), 6.0) if subject.box else 0.0
        sheet = straighten(as_field(np.clip(scene + _BUMP * bump, 0.0, 1.0)), None)
        inside = mask if mask.any() else np.ones_like(mask)
        return Relief(sheet, sheet, float(np.median(sheet[inside])), source)
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    back = fill_from_known(straighten(scene, ~mask), as_field(~wide))
    near = _subject_disparity(scene, mask, wide, horizon)
    front = straighten(fill_from_known(near, as_field(mask)), mask)
    return Relief(back, front, float(np.median(front[mask])), source)


def _subject_disparity(scene: Field, mask: Mask, wide: Mask, horizon: float) -> Field:
    height = mask.shape[0]
    rows = (np.arange(height, dtype=np.float32) + 0.5) / height
    foot = float(np.percentile(np.nonzero(mask)[0], 98) + 0.5) / height
    ground = max(0.0, (foot - horizon) / max(0.05, 1.0 - horizon))
    reach = max(3, round(0.06 * height))
    ring = cv2.dilate(wide.astype(np.uint8), np.ones((reach, reach), np.uint8)).astype(bool) & ~wide
    around = float(np.percentile(scene[ring], 60)) if ring.any() else 0.3
    base = min(1.0, max(0.3, 0.9 * ground, around + 0.28))
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    bulge = np.sqrt(depth / max(1.0, float(depth.max()))) - 0.5
    lean = rows[:, None] - foot + 0.25
    return as_field(np.clip(base + 0.14 * bulge + 0.10 * lean, 0.0, 1.2))


def _haze(guide: Field) -> Field:
    """Dark channel: distance whitens the darkest colour (He, Sun, Tang 2009)."""
    darkest = guide.min(axis=2)
    eroded = cv2.erode(darkest, np.ones((9, 9), np.uint8))
    return as_field(np.clip(eroded / max(0.05, float(np.percentile(eroded, 99))), 0.0, 1.0))


def _sharpness(rgb: Bytes) -> tuple[Field, float]:
    """Local sharpness 0..1, and how much of the picture is out of focus (0..1)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.2))
    energy = cv2.GaussianBlur(fine, (0, 0), 8.0)
    top = max(1.0, float(np.percentile(energy, 95)))
    sharp = as_field(np.clip(energy / top, 0.0, 1.0))
    defocus = float(np.mean(sharp < 0.15))
    return sharp, min(1.0, defocus * 1.5)
