"""Drifting fog: thick in the distance, a breath of it before the subject."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, as_bytes, as_field
from photoplay.providers.local.layers import Planes, blend_over

_COLOUR = (206, 130, 126)
_FAR = 0.72
_FRONT = 0.16
_WIDTHS_PER_S = 0.035


class Fog:
    """Two sheets of cloudy noise that pass one over the other.

    Args:
        size: frame width and height in pixels.
        duration_s: length of the clip.
        loop: both sheets come round whole.
        seed: the clouds' shapes.
    """

    def __init__(self, size: tuple[int, int], duration_s: float, loop: bool, seed: int) -> None:
        self._small = (max(8, size[0] // 8), max(8, size[1] // 8))
        self._size = size
        rng = np.random.default_rng((seed, 29))
        self._sheets = [_tile(rng, self._small, 3), _tile(rng, self._small, 5)]
        rounds = _WIDTHS_PER_S * duration_s / 2.0
        whole = max(1.0, round(rounds)) if loop else rounds
        self._rounds = (whole, -whole if loop else -0.6 * whole)

    def behind(self, frame: Planes, nearness: Field, t: float) -> Planes:
        """Lays fog over the background; `nearness` is its disparity over the frame, any size."""
        far = cv2.resize(nearness, self._small, interpolation=cv2.INTER_AREA)
        thin = np.clip(1.0 - 1.15 * far, 0.0, 1.0)
        return self._lay(frame, as_field(_FAR * (0.25 + 0.75 * thin) * self._clouds(t)))

    def before(self, frame: Planes, t: float) -> Planes:
        """Lays a thin veil over everything."""
        rows = np.linspace(0.6, 1.3, self._small[1], dtype=np.float32)[:, None]
        return self._lay(frame, as_field(_FRONT * rows * self._clouds(t)))

    def _clouds(self, t: float) -> Field:
        seen: list[Field] = []
        for sheet, rounds in zip(self._sheets, self._rounds, strict=True):
            shift = (rounds * t * sheet.shape[1]) % sheet.shape[1]
            moved = np.array(((1.0, 0.0, -shift), (0.0, 1.0, 0.0)))
            twice = np.concatenate((sheet, sheet), axis=1)
            seen.append(as_field(cv2.warpAffine(twice, moved, self._small, flags=cv2.INTER_LINEAR)))
        return as_field(0.35 + 0.65 * np.clip(seen[0] + seen[1] - 0.5, 0.0, 1.0))

    def _lay(self, frame: Planes, alpha: Field) -> Planes:
        small = as_bytes(255.0 * alpha)
        full = cast("Bytes", cv2.resize(small, self._size, interpolation=cv2.INTER_CUBIC))
        half_size = (frame.blue.shape[1], frame.blue.shape[0])
        half = cast("Bytes", cv2.resize(small, half_size, interpolation=cv2.INTER_CUBIC))
        luma, blue, red = _COLOUR
        return Planes(
            blend_over(frame.luma, luma, full),
            blend_over(frame.blue, blue, half),
            blend_over(frame.red, red, half),
        )


def _tile(rng: np.random.Generator, size: tuple[int, int], cells: int) -> Field:
    """Cloudy noise twice as wide as the frame that continues itself from right to left."""
    width, height = 2 * size[0], size[1]
    total = np.zeros((height, width), dtype=np.float32)
    share = 1.0
    for octave in range(4):
        across, down = cells * 2 * 2**octave, max(2, cells * 2**octave)
        noise = rng.uniform(0.0, 1.0, (down, across)).astype(np.float32)
        wrapped = np.concatenate((noise[:, -2:], noise, noise[:, :2]), axis=1)
        scale = width / across
        pixels = (round(width + 4 * scale), height)
        grown = cv2.resize(wrapped, pixels, interpolation=cv2.INTER_CUBIC)
        start = round(2 * scale)
        total += share * grown[:, start : start + width]
        share *= 0.5
    low, high = np.percentile(total, (5, 95))
    return as_field(np.clip((total - low) / max(1e-6, float(high - low)), 0.0, 1.0))
