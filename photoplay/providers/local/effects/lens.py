"""What the lens and the film add: dark corners, grain, an unsteady hand."""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, as_bytes
from photoplay.providers.local.camera import Pose
from photoplay.providers.local.layers import Planes

SHAKE = 0.0045
"""Largest shift of the unsteady hand, in frame widths."""

SHAKE_ROLL = 0.0022
"""Largest roll of the unsteady hand, in radians."""

_DARKEST = 0.30
_GRAIN_LEVELS = 4.2
_GRAIN_SHEETS = 7


class Vignette:
    """Corners darkened by up to 30 %."""

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        x = (np.arange(width) + 0.5) / width * 2 - 1
        y = (np.arange(height) + 0.5) / height * 2 - 1
        away = np.clip((np.hypot(x[None, :], y[:, None]) / math.sqrt(2) - 0.45) / 0.55, 0.0, 1.0)
        dark = _DARKEST * away * away * (3.0 - 2.0 * away)
        self._keep = as_bytes(255.0 * (1.0 - dark))
        self._black = as_bytes(16.0 * dark)

    def apply(self, frame: Planes) -> Planes:
        """One frame with dark corners."""
        kept = cv2.multiply(frame.luma, self._keep, scale=1.0 / 255.0)
        return Planes(cast("Bytes", cv2.add(kept, self._black)), frame.blue, frame.red)


class Grain:
    """Film grain in the brightness, new for every frame."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        self._rng = np.random.default_rng((seed, 71))
        width, height = size
        self._sheets: list[Bytes] = []
        for _ in range(_GRAIN_SHEETS):
            noise = self._rng.normal(0.0, 1.0, (height, width)).astype(np.float32)
            soft = cv2.GaussianBlur(noise, (3, 3), 0.7)
            soft *= _GRAIN_LEVELS / max(1e-6, float(soft.std()))
            self._sheets.append(as_bytes(soft + 128.0))

    def apply(self, frame: Planes, number: int) -> Planes:
        """Frame `number` with grain; neighbours never share a sheet."""
        sheet = self._sheets[number * 3 % _GRAIN_SHEETS]
        luma = cv2.addWeighted(frame.luma, 1.0, sheet, 1.0, -128.0)
        return Planes(cast("Bytes", luma), frame.blue, frame.red)


class Tremor:
    """An unsteady hand: three slow swings a direction, whole ones so that a loop closes."""

    def __init__(self, duration_s: float, seed: int) -> None:
        rng = np.random.default_rng((seed, 5))
        self._waves = [
            [
                (
                    max(1, round(rate * duration_s * float(rng.uniform(0.85, 1.15)))),
                    share,
                    float(rng.uniform(0.0, 2 * math.pi)),
                )
                for rate, share in ((0.35, 0.5), (0.8, 0.32), (1.7, 0.18))
            ]
            for _ in range(3)
        ]

    def apply(self, pose: Pose, t: float) -> Pose:
        """The pose at a share t of the clip, held by the hand."""
        x, y, roll = (
            sum(share * math.sin(2 * math.pi * turns * t + phase) for turns, share, phase in waves)
            for waves in self._waves
        )
        return pose.shaken(SHAKE * x, SHAKE * y, SHAKE_ROLL * roll)
