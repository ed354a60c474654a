"""A blurred copy of the picture around a pane that does not fill the frame."""

from __future__ import annotations

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, as_field
from photoplay.providers.local.framing import Framing
from photoplay.providers.local.layers import Planes, to_planes

_DIM = 0.52
_SHADE = 0.45


class Backdrop:
    """Fills the frame around the pane.

    Args:
        rgb: the picture.
        framing: where the pane lies.
    """

    def __init__(self, rgb: Bytes, framing: Framing) -> None:
        self._pane = framing.pane
        width, height = framing.width, framing.height
        scale = max(width / rgb.shape[1], height / rgb.shape[0])
        size = (max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale)))
        small = (max(2, size[0] // 8), max(2, size[1] // 8))
        tiny = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA)
        blurred = cv2.GaussianBlur(tiny, (0, 0), max(1.0, small[0] / 40))
        grown = as_field(cv2.resize(blurred, size, interpolation=cv2.INTER_CUBIC))
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        ground = grown[top : top + height, left : left + width] * _DIM
        x, y, across, down = framing.pane
        shade = np.zeros((height, width), dtype=np.float32)
        shade[y : y + down, x : x + across] = 1.0
        shade = cv2.GaussianBlur(shade, (0, 0), 0.018 * max(width, height))
        self._planes = to_planes(
            as_field(np.clip(ground * (1 - _SHADE * shade[..., None]), 0, 255))
        )

    def around(self, pane: Planes) -> Planes:
        """The whole frame with the pane in its place."""
        x, y, width, height = self._pane
        frame = Planes(self._planes.luma.copy(), self._planes.blue.copy(), self._planes.red.copy())
        frame.luma[y : y + height, x : x + width] = pane.luma
        half = (slice(y // 2, (y + height) // 2), slice(x // 2, (x + width) // 2))
        frame.blue[half] = pane.blue
        frame.red[half] = pane.red
        return frame
