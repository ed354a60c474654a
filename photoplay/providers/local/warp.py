"""The lens: where each output pixel looks, and the frame that results.

All positions are worked out on a grid of 4-pixel cells and enlarged linearly, which costs a
millisecond a frame and is as exact as the disparity itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, Mask, as_field, mesh
from photoplay.providers.local.camera import Lens, Pose, to_source
from photoplay.providers.local.layers import Planes

CELL_PX = 4
_ROUNDS = 4
_LIPSCHITZ = 0.55


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the canvas lies, in frame widths from the frame's centre.

    Attributes:
        width: frame (pane) width in pixels.
        height: frame height in pixels.
        left: canvas edge.
        top: canvas edge.
        right: canvas edge.
        bottom: canvas edge.
    """

    width: int
    height: int
    left: float
    top: float
    right: float
    bottom: float

    def grid_size(self) -> tuple[int, int]:
        """Columns and rows of a disparity map with cells of 4 output pixels."""
        return (
            max(2, round((self.right - self.left) * self.width / CELL_PX)),
            max(2, round((self.bottom - self.top) * self.width / CELL_PX)),
        )

    def canvas_size(self, density: float) -> tuple[int, int]:
        """Canvas pixels, both even, at `density` canvas pixels an output pixel."""
        across = (self.right - self.left) * self.width * density
        down = (self.bottom - self.top) * self.width * density
        return max(4, 2 * round(across / 2)), max(4, 2 * round(down / 2))


@dataclass(frozen=True, slots=True)
class Nodes:
    """Frame positions of the grid's nodes (one cell of padding on every side)."""

    x: Field
    y: Field

    @staticmethod
    def of(stage: Stage, cell_px: int = CELL_PX) -> Nodes:
        """Nodes at the centres of the cells."""
        across, down = -(-stage.width // cell_px) + 2, -(-stage.height // cell_px) + 2
        columns = ((np.arange(across) - 0.5) * cell_px) / stage.width - 0.5
        rows = ((np.arange(down) - 0.5) * cell_px - stage.height / 2) / stage.width
        x, y = mesh(columns, rows)
        return Nodes(x, y)


def limit_slope(disparity: Field, shift_cells: float) -> Field:
    """Makes the disparity fall no faster than the camera's steps can follow.

    Near places keep their shape and far ones stretch. It makes the search for the source
    position a contraction, so nothing folds or tears.

    Args:
        disparity: map on the grid.
        shift_cells: the farthest that one unit of disparity moves a place, in cells.
    """
    step = _LIPSCHITZ / max(shift_cells, 1e-3)
    kernel = np.ones((3, 3), np.uint8)
    limited = disparity
    for _ in range(400):
        raised = np.maximum(limited, cv2.dilate(limited, kernel) - np.float32(step))
        if float(np.max(raised - limited)) < 1e-4:
            break
        limited = as_field(raised)
    return as_field(cv2.GaussianBlur(limited, (0, 0), 1.0))


@dataclass(frozen=True, slots=True)
class Sight:
    """What the nodes see: source positions in frame widths, and the disparity there."""

    x: Field
    y: Field
    near: Field


def look(stage: Stage, nodes: Nodes, disparity: Field, pose: Pose, lens: Lens) -> Sight:
    """Source positions of the nodes by fixed-point rounds."""
    near = np.full_like(nodes.x, lens.convergence)
    x, y = to_source(nodes.x, nodes.y, near, pose, lens)
    for _ in range(_ROUNDS):
        near = read_at(stage, disparity, x, y)
        x, y = to_source(nodes.x, nodes.y, near, pose, lens)
    return Sight(as_field(x), as_field(y), near)


def read_at(stage: Stage, values: Field, x: Field, y: Field, outside: float | None = None) -> Field:
    """A canvas map's values at places given in frame widths."""
    rows, columns = values.shape
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    return as_field(
        cv2.remap(
            values,
            as_field((x - stage.left) * (columns / (stage.right - stage.left)) - 0.5),
            as_field((y - stage.top) * (rows / (stage.bottom - stage.top)) - 0.5),
            cv2.INTER_LINEAR,
            borderMode=border,
            borderValue=0.0 if outside is None else outside,
        )
    )


@dataclass(frozen=True, slots=True)
class Sheet:
    """A layer with its relief on the grid.

    Attributes:
        planes: its colours on the canvas.
        disparity: its relief on the grid, slopes limited.
        soft: the same colours more and more out of focus.
        drift: share of the clouds' drift a place takes part in, on the grid.
    """

    planes: Planes
    disparity: Field
    soft: tuple[Planes, ...] = ()
    drift: Field | None = None


class Projector:
    """Draws the layers as the camera sees them from a pose.

    Args:
        stage: where the canvas lies.
        sheets: opaque background first, then the subject if it is a layer.
        lens: what stays the same for the clip.
    """

    def __init__(self, stage: Stage, sheets: list[Sheet], lens: Lens) -> None:
        self._stage = stage
        self.sheets = sheets
        self._lens = lens
        self._nodes = Nodes.of(stage)
        self._covers = [_coverage(sheet) for sheet in sheets]

    @property
    def is_layered(self) -> bool:
        """True when a subject moves before a background."""
        return len(self.sheets) > 1

    def back(self, pose: Pose, drift: float = 0.0, blur: float = 0.0) -> tuple[Planes, Field]:
        """The background, or the only sheet, and its disparity at the nodes.

        Args:
            pose: where the camera is.
            drift: how far the clouds have gone, in frame widths.
            blur: 0..1; how far the distance is out of focus.
        """
        sheet = self.sheets[0]
        sight = look(self._stage, self._nodes, sheet.disparity, pose, self._lens)
        if sheet.drift is not None and drift != 0.0:
            share = read_at(self._stage, sheet.drift, sight.x, sight.y)
            sight = Sight(as_field(sight.x - np.float32(drift) * share), sight.y, sight.near)
        region = _Region.whole(self._stage)
        maps = self._maps(sheet, sight, region)
        frame = _sample(sheet.planes, maps)
        if blur > 0.0 and sheet.soft:
            weight = np.clip((0.8 - sight.near) / 0.4, 0.0, 1.0) * np.float32(blur)
            frame = self._defocus(frame, sheet, maps, as_field(weight), region)
        return frame, sight.near

    def front(self, frame: Planes, pose: Pose, blur: float = 0.0) -> Planes:
        """The frame with the subject before it; `blur` is how far it is out of focus, 0..1."""
        if not self.is_layered:
            return frame
        sheet = self.sheets[1]
        sight = look(self._stage, self._nodes, sheet.disparity, pose, self._lens)
        cover = read_at(self._stage, self._covers[1], sight.x, sight.y, outside=0.0)
        region = _Region.around(self._stage, cover > 0.0)
        if region is None:
            return frame
        maps = self._maps(sheet, sight, region)
        seen = _sample(sheet.planes, maps, outside=0)
        if blur > 0.0 and sheet.soft:
            weight = np.full_like(sight.near, blur)
            seen = self._defocus(seen, sheet, maps, weight, region)
        return region.lay(frame, seen)

    def _maps(self, sheet: Sheet, sight: Sight, region: _Region) -> _Maps:
        stage = self._stage
        rows, columns = sheet.planes.luma.shape
        x, y = sight.x[region.nodes], sight.y[region.nodes]
        map_x = (x - np.float32(stage.left)) * np.float32(columns / (stage.right - stage.left))
        map_y = (y - np.float32(stage.top)) * np.float32(rows / (stage.bottom - stage.top))
        full = region.enlarge(as_field(map_x - 0.5), as_field(map_y - 0.5), CELL_PX)
        half = region.enlarge(
            as_field(map_x * 0.5 - 0.5), as_field(map_y * 0.5 - 0.5), CELL_PX // 2
        )
        return _Maps(full, half)

    def _defocus(
        self, sharp: Planes, sheet: Sheet, maps: _Maps, weight: Field, region: _Region
    ) -> Planes:
        outside = None if sheet.planes.alpha is None else 0
        part = region.spread(weight[region.nodes])
        steps = len(sheet.soft)
        frame = sharp
        for step, soft in enumerate(sheet.soft):
            share = np.clip(part * steps - step, 0.0, 1.0)
            if float(share.max()) > 0.0:
                frame = _mix(frame, _sample(soft, maps, outside), as_field(share))
        return frame


@dataclass(frozen=True, slots=True)
class _Maps:
    full: tuple[Field, Field]
    half: tuple[Field, Field]


@dataclass(frozen=True, slots=True)
class _Region:
    """A part of the frame in whole cells, and the nodes around it."""

    nodes: tuple[slice, slice]
    width: int
    height: int
    left: int
    top: int

    @staticmethod
    def whole(stage: Stage) -> _Region:
        every = slice(None)
        return _Region((every, every), stage.width, stage.height, 0, 0)

    @staticmethod
    def around(stage: Stage, covered: Mask) -> _Region | None:
        inner = covered[1:-1, 1:-1]
        rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
        if len(rows) == 0:
            return None
        top, bottom = max(0, int(rows[0]) - 1), min(inner.shape[0], int(rows[-1]) + 2)
        left, right = max(0, int(columns[0]) - 1), min(inner.shape[1], int(columns[-1]) + 2)
        return _Region(
            (slice(top, bottom + 2), slice(left, right + 2)),
            min(stage.width, right * CELL_PX) - left * CELL_PX,
            min(stage.height, bottom * CELL_PX) - top * CELL_PX,
            left * CELL_PX,
            top * CELL_PX,
        )

    def enlarge(self, map_x: Field, map_y: Field, cell_px: int) -> tuple[Field, Field]:
        return self._grow(map_x, cell_px), self._grow(map_y, cell_px)

    def spread(self, values: Field) -> Field:
        return self._grow(as_field(values), CELL_PX)

    def _grow(self, values: Field, cell_px: int) -> Field:
        rows, columns = values.shape
        grown = cv2.resize(
            values, (columns * cell_px, rows * cell_px), interpolation=cv2.INTER_LINEAR
        )
        height, width = self.height * cell_px // CELL_PX, self.width * cell_px // CELL_PX
        return grown[cell_px : cell_px + height, cell_px : cell_px + width]

    def lay(self, frame: Planes, seen: Planes) -> Planes:
        """Lays a premultiplied part over the frame, in place."""
        alpha, alpha_half = cast("Bytes", seen.alpha), cast("Bytes", seen.alpha_half)
        full = (slice(self.top, self.top + self.height), slice(self.left, self.left + self.width))
        top, left = self.top // 2, self.left // 2
        half = (
            slice(top, top + alpha_half.shape[0]),
            slice(left, left + alpha_half.shape[1]),
        )
        frame.luma[full] = _blend(frame.luma[full], seen.luma, alpha)
        frame.blue[half] = _blend(frame.blue[half], seen.blue, alpha_half)
        frame.red[half] = _blend(frame.red[half], seen.red, alpha_half)
        return frame


def _coverage(sheet: Sheet) -> Field:
    rows, columns = sheet.disparity.shape
    if sheet.planes.alpha is None:
        return np.ones((rows, columns), dtype=np.float32)
    small = cv2.resize(sheet.planes.alpha, (columns, rows), interpolation=cv2.INTER_AREA)
    solid = (small > 0).astype(np.float32)
    return as_field(cv2.dilate(solid, np.ones((5, 5), np.uint8)))


def _sample(planes: Planes, maps: _Maps, outside: int | None = None) -> Planes:
    alpha = None if planes.alpha is None else _remap(planes.alpha, maps.full, outside)
    half = None if planes.alpha_half is None else _remap(planes.alpha_half, maps.half, outside)
    return Planes(
        _remap(planes.luma, maps.full, outside),
        _remap(planes.blue, maps.half, outside),
        _remap(planes.red, maps.half, outside),
        alpha,
        half,
    )


def _remap(plane: Bytes, maps: tuple[Field, Field], outside: int | None) -> Bytes:
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    seen = cv2.remap(
        plane, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=border, borderValue=outside or 0
    )
    return cast("Bytes", seen)


def _blend(back: Bytes, front: Bytes, alpha: Bytes) -> Bytes:
    through = cv2.multiply(back, cv2.bitwise_not(alpha), scale=1.0 / 255.0)
    return cast("Bytes", cv2.add(through, front))


def _mix(one: Planes, other: Planes, share: Field) -> Planes:
    small = (one.blue.shape[1], one.blue.shape[0])
    half = as_field(cv2.resize(share, small, interpolation=cv2.INTER_AREA))

    def mixed(a: Bytes, b: Bytes, weight: Field) -> Bytes:
        return cast("Bytes", cv2.blendLinear(a, b, 1.0 - weight, weight))

    alpha = alpha_half = None
    if one.alpha is not None and other.alpha is not None:
        alpha = mixed(one.alpha, other.alpha, share)
        alpha_half = mixed(cast("Bytes", one.alpha_half), cast("Bytes", other.alpha_half), half)
    return Planes(
        mixed(one.luma, other.luma, share),
        mixed(one.blue, other.blue, half),
        mixed(one.red, other.red, half),
        alpha,
        alpha_half,
    )
