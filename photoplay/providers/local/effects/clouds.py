"""Clouds that drift: the sky slides sideways, ever less towards its borders."""

from __future__ import annotations

import math

import cv2
import numpy as np

from photoplay.providers.local.arrays import Field, Mask, as_field

_WIDTHS_PER_S = 0.0045
_RAMP = 0.10
_MOST = 0.45


class CloudDrift:
    """How far the clouds have gone, and which places go with them.

    Args:
        sky: the sky on the grid of the stage.
        cells_a_width: grid cells in one frame width.
        duration_s: length of the clip.
        loop: go there and back.
    """

    def __init__(self, sky: Mask, cells_a_width: float, duration_s: float, loop: bool) -> None:
        ramp = _RAMP * cells_a_width
        walled = sky.copy()
        walled[:, :1] = walled[:, -1:] = False
        inside = cv2.distanceTransform(walled.astype(np.uint8), cv2.DIST_L2, 5)
        share = np.clip(inside / ramp, 0.0, 1.0)
        share = share * share * (3.0 - 2.0 * share)
        self.share: Field = as_field(cv2.GaussianBlur(as_field(share), (0, 0), 2.0))
        way = min(_WIDTHS_PER_S * duration_s, _MOST * _RAMP)
        self._way = way
        self._loop = loop

    def at(self, t: float) -> float:
        """Drift after a share t of the clip, in frame widths to the right."""
        if self._loop:
            return self._way * 0.5 * (1.0 - math.cos(2 * math.pi * t))
        return self._way * t
