"""Where the sky is, and how high the horizon stands."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, Mask, Places, Values, as_field
from photoplay.providers.local.segments import Segments, samples_along
from photoplay.providers.local.smoothing import guided_by_colour

_SEARCH_PX = 160
_STEPS = 40
_NO_HORIZON = 0.40
_LEAST_SHARE = 0.035
_WALL_SHARE = 0.20


@dataclass(frozen=True, slots=True)
class Sky:
    """The sky of a picture.

    Attributes:
        mask: its places, at analysis size; nowhere when there is none.
        horizon: 0..1 from the top.
        known: True when the horizon was read off the sky's border.
    """

    mask: Mask
    horizon: float
    known: bool


def find_sky(rgb: Bytes, segments: Segments) -> Sky:
    """Finds the border under the sky, then the sky's own colours around it.

    Shen and Wang: "Sky Region Detection in a Single Image for Autonomous Ground Robot
    Navigation", 2013: of all borders that a gradient threshold draws, take the one that
    parts the colours best.

    Args:
        rgb: the picture at analysis size.
        segments: its straight edges; a small sky bordered by them is a wall.
    """
    height, width = rgb.shape[:2]
    scale = _SEARCH_PX / max(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    border = _best_border(small)
    nothing = Sky(np.zeros((height, width), dtype=bool), _NO_HORIZON, False)
    if border is None:
        return nothing
    above = _above(border, size[1])
    if not _looks_like_sky(small, above):
        return nothing
    grown = _grow_by_colour(as_field(small), above)
    if float(grown.mean()) < _LEAST_SHARE or not _looks_like_sky(small, grown):
        return nothing
    soft = cv2.resize(grown.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    mask = _snap_to_colours(rgb, as_field(soft))
    if float(mask.mean()) < _WALL_SHARE and _straight_border(mask, segments) > 0.4:
        return nothing
    depth = np.where(mask.any(axis=0), height - np.argmax(mask[::-1], axis=0), 0) / height
    reaching = depth[depth > 0.02]
    if len(reaching) < 0.15 * width:
        return Sky(mask, _NO_HORIZON, False)
    return Sky(mask, float(np.clip(np.percentile(reaching, 80), 0.12, 0.75)), True)


def _best_border(small: Bytes) -> Values | None:
    grey = as_field(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    grey = as_field(cv2.GaussianBlur(grey, (3, 3), 0))
    gradient = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    colours = small.reshape(-1, 3).astype(np.float64)
    height = grey.shape[0]
    best: Values | None = None
    best_score = 0.0
    for threshold in np.geomspace(12.0, 500.0, _STEPS):
        edge = gradient > threshold
        border = _first_below(edge)
        above = _above(border, height).reshape(-1)
        share = float(above.mean())
        if share < 0.02 or share > 0.95:
            continue
        score = _parting(colours[above], colours[~above])
        if score > best_score:
            best_score, best = score, border
    return best


def _first_below(edge: Mask) -> Places:
    """Row of each column's first edge; the last row where there is none."""
    rows: Places = np.argmax(edge, axis=0)
    return np.where(edge.any(axis=0), rows, len(edge) - 1)


def _above(border: Places, height: int) -> Mask:
    rows: Places = np.arange(height)
    return rows[:, None] < border[None, :]


def _parting(sky: Values, ground: Values) -> float:
    cov_sky, cov_ground = np.cov(sky.T), np.cov(ground.T)
    return 1.0 / (
        2.0 * float(np.linalg.det(cov_sky))
        + float(np.linalg.det(cov_ground))
        + 2.0 * float(np.linalg.eigvalsh(cov_sky)[-1])
        + float(np.linalg.eigvalsh(cov_ground)[-1])
        + 1e-9
    )


def _looks_like_sky(small: Bytes, where: Mask) -> bool:
    """Blue, or bright and pale, or an even night; smooth; touching the top; not everything."""
    share = float(where.mean())
    if share < _LEAST_SHARE or share > 0.85 or float(where[0].mean()) < 0.25:
        return False
    inside = small[where].astype(np.float32)
    outside = small[~where].astype(np.float32)
    red, _, blue = (float(v) for v in inside.mean(axis=0))
    light = float(inside.mean())
    contrast = light - float(outside.mean())
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[where]
    blueness = float(np.mean((hsv[:, 0] > 85) & (hsv[:, 0] < 135) & (hsv[:, 1] > 40)))
    grey = as_field(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    rough = np.abs(cv2.Laplacian(grey, cv2.CV_32F))[where]
    smooth = float(np.mean(rough < 12.0))
    is_blue = blueness > 0.45
    is_pale = light > 150.0 and contrast > 35.0 and blue > red - 40.0
    is_warm = light > 110.0 and contrast > 45.0 and red > blue
    return smooth > 0.8 and (is_blue or is_pale or is_warm)


def _grow_by_colour(small: Field, above: Mask) -> Mask:
    """Adds places whose colour continues the sky's, such as those between branches."""
    height, width = above.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    x, y = x / width - 0.5, y / height - 0.5
    terms = np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=-1)
    samples, colours = terms[above], small[above].astype(np.float64)
    weights, *_ = np.linalg.lstsq(samples, colours, rcond=None)
    off = np.linalg.norm(small - terms @ weights, axis=2)
    spread = float(np.percentile(off[above], 85))
    grey: Field = cv2.blur(np.abs(cv2.Laplacian(as_field(small.mean(axis=2)), cv2.CV_32F)), (3, 3))
    near: Mask = (off < max(8.0, 1.2 * spread)) & (grey < 8.0)
    near |= above & (off < max(30.0, 4.0 * spread))
    _, labels, _, _ = cv2.connectedComponentsWithStats(near.astype(np.uint8))
    tops = set(np.unique(labels[:2]).tolist()) - {0}
    touching = np.isin(labels, list(tops))
    big = cv2.morphologyEx(touching.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return big.astype(bool)


def _snap_to_colours(rgb: Bytes, soft: Field) -> Mask:

    guide = as_field(rgb.astype(np.float32) / 255.0)
    return guided_by_colour(guide, soft, 6, 1e-4) > 0.5


def _straight_border(mask: Mask, segments: Segments) -> float:
    """Share of the sky's border that runs along long straight edges."""
    height, width = mask.shape
    solid = mask.astype(np.uint8)
    border = (cv2.dilate(solid, np.ones((3, 3), np.uint8)) > solid) & ~mask
    total = int(border.sum())
    if total == 0 or len(segments.ends) == 0:
        return 0.0
    x, y = samples_along(segments.ends, 200)
    drawn = np.zeros((height, width), dtype=np.uint8)
    drawn[np.clip(y.astype(int), 0, height - 1), np.clip(x.astype(int), 0, width - 1)] = 1
    near = cv2.dilate(drawn, np.ones((7, 7), np.uint8)).astype(bool)
    return float((border & near).sum()) / total
