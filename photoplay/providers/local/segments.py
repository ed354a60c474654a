"""Straight edges of a picture: the things an eye sees bend first."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, Values

_LONG = 0.10
_RAW = 0.025
_SAME_ANGLE = np.deg2rad(2.5)
_SAME_LINE_PX = 2.5
_MAX_KEPT = 160
_DARK = 80.0


@dataclass(frozen=True, slots=True)
class Segments:
    """Long straight edges, longest first, in pixels of the analysed picture.

    Attributes:
        ends: (n, 4): x and y of the upper end, then of the lower end.
        weight: 0..1 a segment; low where the texture around is organic.
        size: width and height of the analysed picture.
    """

    ends: Values
    weight: Values
    size: tuple[int, int]

    @property
    def length(self) -> Values:
        """Length of each in pixels."""
        return np.hypot(self.ends[:, 2] - self.ends[:, 0], self.ends[:, 3] - self.ends[:, 1])

    @property
    def tilt(self) -> Values:
        """Angle from the vertical in radians, 0 to pi / 2."""
        across = np.abs(self.ends[:, 2] - self.ends[:, 0])
        return np.arctan2(across, np.abs(self.ends[:, 3] - self.ends[:, 1]))

    @property
    def diagonals(self) -> float:
        """Total weighted length in picture diagonals."""
        return float(np.sum(self.length * self.weight)) / float(np.hypot(*self.size))


def find_segments(rgb: Bytes) -> Segments:
    """Detects edges (LSD), joins those that continue each other, and keeps the long ones.

    Args:
        rgb: the picture at analysis size.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if float(grey.mean()) < _DARK:
        grey = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4)).apply(grey)
    # None when there is no edge at all, whatever OpenCV's annotations say.
    found: Values | None = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(grey)[0]
    if found is None or len(found) == 0:  # pyright: ignore[reportUnnecessaryComparison]
        return Segments(np.zeros((0, 4)), np.zeros(0), (width, height))
    raw = _upper_first(np.asarray(found, dtype=np.float64).reshape(-1, 4))
    raw = raw[_lengths(raw) > _RAW * short]
    joined = _join(raw, 0.12 * short)
    joined = joined[_lengths(joined) > _LONG * short]
    joined = joined[np.argsort(-_lengths(joined), kind="stable")][:_MAX_KEPT]
    weight = _not_green(rgb, joined) * _in_order(raw, joined, 0.08 * width)
    return Segments(joined, weight, (width, height))


def _lengths(ends: Values) -> Values:
    return np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])


def _upper_first(ends: Values) -> Values:
    swap = ends[:, 1] > ends[:, 3]
    ends[swap] = ends[swap][:, (2, 3, 0, 1)]
    return ends


def _angles(ends: Values) -> Values:
    return np.mod(np.arctan2(ends[:, 3] - ends[:, 1], ends[:, 2] - ends[:, 0]), np.pi)


def _apart(a: Values | float, b: Values) -> Values:
    turn = np.abs(a - b)
    return np.minimum(turn, np.pi - turn)


def _join(raw: Values, gap_px: float) -> Values:
    """Greedy: each segment, longest first, takes in all that lie on its line nearby."""
    order = np.argsort(-_lengths(raw), kind="stable")
    left = raw[order]
    joined: list[Values] = []
    while len(left):
        head, left = left[0], left[1:]
        while len(left):
            length = float(np.hypot(head[2] - head[0], head[3] - head[1]))
            along = np.array((head[2] - head[0], head[3] - head[1])) / max(length, 1e-9)
            starts, stops = left[:, :2] - head[:2], left[:, 2:] - head[:2]
            off = np.maximum(
                np.abs(starts[:, 0] * along[1] - starts[:, 1] * along[0]),
                np.abs(stops[:, 0] * along[1] - stops[:, 1] * along[0]),
            )
            s, e = starts @ along, stops @ along
            low, high = np.minimum(s, e), np.maximum(s, e)
            gap = np.maximum(low - length, -high)
            angle = float(np.mod(np.arctan2(along[1], along[0]), np.pi))
            fits = (
                (off < _SAME_LINE_PX)
                & (gap < np.minimum(gap_px, 0.5 * length))
                & (_apart(angle, _angles(left)) < _SAME_ANGLE)
            )
            if not fits.any():
                break
            first = min(0.0, float(low[fits].min()))
            last = max(length, float(high[fits].max()))
            grown = last - first > length + 0.5
            head = np.concatenate((head[:2] + along * first, head[:2] + along * last))
            left = left[~fits]
            if not grown:
                break
        joined.append(head)
    return _upper_first(np.array(joined).reshape(-1, 4))


def samples_along(ends: Values, count: int) -> tuple[Values, Values]:
    """X and y of `count` even places on each segment, ends included; each (n, count)."""
    t = np.linspace(0.0, 1.0, count)[None, :]
    x = ends[:, 0:1] * (1 - t) + ends[:, 2:3] * t
    y = ends[:, 1:2] * (1 - t) + ends[:, 3:4] * t
    return x, y


def _not_green(rgb: Bytes, ends: Values) -> Values:
    if len(ends) == 0:
        return np.zeros(0)
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    green = ((hsv[..., 0] > 28) & (hsv[..., 0] < 88) & (hsv[..., 1] > 55)).astype(np.float32)
    share: Field = np.asarray(cv2.blur(green, (7, 7)), dtype=np.float32)
    x, y = samples_along(ends, 16)
    height, width = share.shape
    on = share[np.clip(y.astype(int), 0, height - 1), np.clip(x.astype(int), 0, width - 1)].mean(
        axis=1
    )
    return 1.0 - 0.8 * np.clip((on - 0.3) / 0.3, 0.0, 1.0)


def _in_order(raw: Values, ends: Values, reach_px: float) -> Values:
    """Low where the short edges around point every way, as in grass and leaves."""
    if len(ends) == 0:
        return np.zeros(0)
    middle = (raw[:, :2] + raw[:, 2:]) / 2
    angle, length = _angles(raw), _lengths(raw)
    weight = np.ones(len(ends))
    own = _angles(ends)
    for k, end in enumerate(ends):
        along = end[2:] - end[:2]
        size = float(np.hypot(*along))
        t = np.clip(((middle - end[:2]) @ along) / max(size * size, 1e-9), 0.0, 1.0)
        near = np.hypot(*(middle - end[:2] - t[:, None] * along).T) < reach_px
        turn = _apart(float(own[k]), angle[near])
        aligned = (turn < 0.17) | (turn > np.pi / 2 - 0.17)
        total = float(length[near].sum())
        share = float(length[near][aligned].sum()) / total if total > 0 else 1.0
        weight[k] = 0.25 + 0.75 * min(1.0, max(0.0, (share - 0.30) / 0.20))
    return weight
