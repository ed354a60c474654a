"""Rack focus: from the distance to the subject."""

from __future__ import annotations

import math
from typing import cast

import cv2

from photoplay.providers.local.arrays import Bytes
from photoplay.providers.local.layers import Planes

_STEPS = (0.0035, 0.010)


def out_of_focus(planes: Planes, frame_px: float) -> tuple[Planes, ...]:
    """The same layer twice, each time further out of focus.

    Args:
        planes: the layer on its canvas.
        frame_px: the clip's width in canvas pixels.
    """

    def soften(plane: Bytes, sigma: float) -> Bytes:
        return cast("Bytes", cv2.GaussianBlur(plane, (0, 0), sigma))

    layers: list[Planes] = []
    for step in _STEPS:
        full, half = step * frame_px, step * frame_px / 2
        layers.append(
            Planes(
                soften(planes.luma, full),
                soften(planes.blue, half),
                soften(planes.red, half),
                None if planes.alpha is None else soften(planes.alpha, full),
                None if planes.alpha_half is None else soften(planes.alpha_half, half),
            )
        )
    return tuple(layers)


def focus_at(t: float, loop: bool) -> tuple[float, float]:
    """How far background and subject are out of focus, each 0..1, after a share t of the clip."""
    if loop:
        pulled = 0.5 - 0.5 * math.cos(2 * math.pi * t)
    else:
        way = min(1.0, max(0.0, (t - 0.2) / 0.5))
        pulled = way * way * (3.0 - 2.0 * way)
    return pulled, 1.0 - pulled
