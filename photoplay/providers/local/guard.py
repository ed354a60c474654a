"""Straight edges as the camera will show them: how far they lean, how much they bend."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from photoplay.providers.local.arrays import Field, Mask, Values, as_field
from photoplay.providers.local.camera import Lens, Pose, to_frame
from photoplay.providers.local.warp import Stage

LEAN_LIMIT_DEG = 3.0
SAGITTA_LIMIT = 0.016
ACTIVE_FROM_DIAGONALS = 2.5


@dataclass(frozen=True, slots=True)
class StraightEdges:
    """Places along straight edges, in frame widths from the frame's centre.

    Attributes:
        x: (n, places).
        y: (n, places).
        weight: length times trust of each.
        steep: which count for leaning.
        diagonals: weighted length of all, in picture diagonals.
    """

    x: Values
    y: Values
    weight: Values
    steep: Mask
    diagonals: float

    @property
    def matters(self) -> bool:
        """True where the picture has so many straight edges that bending would show."""
        return self.diagonals >= ACTIVE_FROM_DIAGONALS


def measure_edges(
    stage: Stage, seen: Field, edges: StraightEdges, poses: list[Pose], lens: Lens
) -> tuple[float, float]:
    """The worst of the poses: p90 of the lean in degrees, p90 of the sagitta over the length.

    Args:
        stage: where the canvas lies.
        seen: disparity of what the picture shows, on the grid.
        edges: straight edges of the picture.
        poses: placings of the camera to look at.
        lens: what stays the same for the clip.
    """
    if len(edges.x) == 0:
        return 0.0, 0.0
    rows, columns = seen.shape
    near = cv2.remap(
        seen,
        as_field((edges.x - stage.left) / (stage.right - stage.left) * columns - 0.5),
        as_field((edges.y - stage.top) / (stage.bottom - stage.top) * rows - 0.5),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).reshape(edges.x.shape)
    before = np.arctan2(edges.x[:, -1] - edges.x[:, 0], edges.y[:, -1] - edges.y[:, 0])
    lean = bend = 0.0
    for pose in poses:
        x, y = to_frame(as_field(edges.x), as_field(edges.y), as_field(near), pose, lens)
        across, down = x[:, -1] - x[:, 0], y[:, -1] - y[:, 0]
        turned = np.rad2deg(np.abs(np.arctan2(across, down) - before - pose.roll))
        turned = np.minimum(turned, 360.0 - turned)
        length = np.maximum(np.hypot(across, down), 1e-6)
        off = (x - x[:, :1]) * down[:, None] - (y - y[:, :1]) * across[:, None]
        sagitta = np.abs(off).max(axis=1) / (length * length)
        lean = max(lean, _p90(turned[edges.steep], edges.weight[edges.steep]))
        bend = max(bend, _p90(sagitta, edges.weight))
    return lean, bend


def _p90(values: Values, weight: Values) -> float:
    if len(values) == 0:
        return 0.0
    order = np.argsort(values)
    share = np.cumsum(weight[order]) / max(1e-9, float(weight.sum()))
    return float(values[order][min(len(values) - 1, int(np.searchsorted(share, 0.90)))])
