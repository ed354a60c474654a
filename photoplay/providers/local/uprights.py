"""Makes the disparity obey straight edges.

Seen by a moving camera, a straight edge stays straight only if disparity changes evenly along
it, and an upright thing stays upright only if disparity does not change along it at all. A
relief guessed from colours breaks both rules. So the relief is changed as little as possible,
in its slopes rather than its values, until it keeps them: one sparse least-squares problem,
solved by conjugate gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, Mask, Places, Values, as_field
from photoplay.providers.local.segments import Segments, samples_along

_GRID_PX = 160
_SAMPLES = 24
_ROUNDS = 120
_STEEP_KNOWN = np.deg2rad(20.0)
_STEEP_GUESSED = np.deg2rad(12.0)
_KEEP_VALUE = 0.004
_STRAIGHT = 6.0
_UPRIGHT = 3.0
_BODY = 0.4
_BODY_WIDTH = 0.20
_FOOT = 0.07
_STROKE_PX = 9
_ABOVE = 0.03


@dataclass(frozen=True, slots=True)
class _Lines:
    """Bilinear reading points of all segments on the solving grid."""

    index: Places  # (n, samples, 4)
    share: Values  # (n, samples, 4)
    straight: Values  # (n, 1)
    upright: Values  # (n, 1)
    level: Values  # (n, 1)
    body: Values  # (rows, columns): pull of the things that stand
    body_level: Values  # (rows, columns)
    things: list[list[int]]

    def read(self, flat: Values) -> Values:
        return np.sum(flat[self.index] * self.share, axis=2)

    def spread(self, values: Values, cells: int) -> Values:
        given = (values[:, :, None] * self.share).reshape(-1)
        return np.bincount(self.index.reshape(-1), weights=given, minlength=cells)


def is_upright(segments: Segments, horizon: float, horizon_known: bool) -> Mask:
    """Steep edges of things that stand, as against marks that run along the ground.

    An edge that lies wholly below a known horizon may be a road; it only has to stay straight.
    """
    limit = _STEEP_KNOWN if horizon_known else _STEEP_GUESSED
    steep = segments.tilt < limit
    if not horizon_known:
        return steep
    return steep & (segments.ends[:, 1] / segments.size[1] < horizon - _ABOVE)


def straighten(
    disparity: Field,
    rgb: Bytes,
    segments: Segments,
    upright: Mask,
    horizon_known: bool,
    where: Mask | None = None,
) -> Field:
    """Gives the nearest disparity under which straight edges stay straight and uprights upright.

    Args:
        disparity: map at analysis size.
        rgb: the picture at that size; the relief may break at its edges.
        segments: straight edges.
        upright: which of them stand.
        horizon_known: with it, an upright takes the disparity of its foot, else its median.
        where: the layer's places; edges that lie mostly elsewhere are left out.
    """
    used = _used(segments, where)
    if not used.any():
        return disparity
    height, width = disparity.shape
    scale = min(1.0, _GRID_PX / max(height, width))
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    start = np.asarray(cv2.resize(disparity, size, interpolation=cv2.INTER_AREA), dtype=np.float64)
    ends = segments.ends[used] * scale
    lines = _lines(start, ends, segments.weight[used], upright[used], horizon_known)
    across, down = _slope_weights(rgb, size)
    solved = _solve(start, lines, across, down)
    change = as_field(cv2.resize(as_field(solved - start), (width, height)))
    changed = as_field(np.clip(disparity + change, 0.0, 1.2))
    return _stamp(changed, segments.ends[used], upright[used], lines) if horizon_known else changed


def _stamp(disparity: Field, ends: Values, upright: Mask, lines: _Lines) -> Field:
    """Draws standing edges at full resolution: a thin mast is narrower than a solving cell."""
    share = np.zeros_like(disparity)
    level = disparity.copy()
    drawn = _extended(ends, _FOOT * disparity.shape[0])
    for k in np.flatnonzero(upright):
        x0, y0, x1, y1 = (round(float(v)) for v in drawn[k])
        cv2.line(share, (x0, y0), (x1, y1), 1.0, _STROKE_PX)
        cv2.line(level, (x0, y0), (x1, y1), float(lines.level[k, 0]), _STROKE_PX)
    for thing in lines.things:
        hull = _hull(drawn[thing], disparity.shape[1])
        if hull is not None:
            cv2.fillConvexPoly(share, hull, 1.0)
            cv2.polylines(share, [hull], True, 1.0, _STROKE_PX)
            cv2.fillConvexPoly(level, hull, float(lines.level[thing[0], 0]))
            cv2.polylines(level, [hull], True, float(lines.level[thing[0], 0]), _STROKE_PX)
    share = cv2.GaussianBlur(share, (0, 0), 1.2)
    return as_field(disparity + share * (level - disparity))


def _used(segments: Segments, where: Mask | None) -> Mask:
    used = segments.weight > 0.3
    if where is None or not used.any():
        return used
    x, y = samples_along(segments.ends, 16)
    height, width = where.shape
    rows, columns = np.clip(y.astype(int), 0, height - 1), np.clip(x.astype(int), 0, width - 1)
    return used & (where[rows, columns].mean(axis=1) > 0.5)


def _lines(start: Values, ends: Values, weight: Values, upright: Mask, from_foot: bool) -> _Lines:
    rows, columns = start.shape
    x, y = samples_along(ends, _SAMPLES)
    x, y = np.clip(x - 0.5, 0, columns - 1.001), np.clip(y - 0.5, 0, rows - 1.001)
    column, row = x.astype(np.intp), y.astype(np.intp)
    fx, fy = x - column, y - row
    index = np.stack(
        (
            row * columns + column,
            row * columns + column + 1,
            (row + 1) * columns + column,
            (row + 1) * columns + column + 1,
        ),
        axis=2,
    )
    share = np.stack(
        ((1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy),
        axis=2,
    )
    near = np.asarray(cv2.dilate(start, np.ones((3, 3), np.uint8)), dtype=np.float64)
    seen = np.sum(near.reshape(-1)[index] * share, axis=2)
    level = _feet(near, ends) if from_foot else np.median(seen, axis=1)
    things = _things(ends, upright, columns)
    for thing in things:
        level[thing] = (
            np.max(level[thing])
            if from_foot
            else np.average(level[thing], weights=_lengths(ends[thing]))
        )
    body, body_level = _bodies(start.shape, ends, level, things, _FOOT if from_foot else 0.0)
    lengths = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    pull = (weight * lengths / _SAMPLES)[:, None]
    return _Lines(
        index,
        share,
        _STRAIGHT * _SAMPLES * pull,
        _UPRIGHT * pull * upright[:, None],
        level[:, None],
        body,
        body_level,
        things,
    )


def _lengths(ends: Values) -> Values:
    return np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])


def _things(ends: Values, upright: Mask, columns: int) -> list[list[int]]:
    """Uprights side by side or on top of each other belong to one thing."""
    things: list[list[int]] = []
    pending = [int(k) for k in np.flatnonzero(upright)]
    reach = 0.05 * columns
    while pending:
        group = [pending.pop(0)]
        for member in group:
            joined = [k for k in pending if _touch(ends[member], ends[k], reach)]
            group.extend(joined)
            pending = [k for k in pending if k not in joined]
        things.append(group)
    return things


def _feet(near: Values, ends: Values) -> Values:
    """Disparity where each upright meets the ground, a little below its last visible edge."""
    rows, columns = near.shape
    down = _extended(ends, _FOOT * rows)
    row = np.clip(down[:, 3].astype(int), 0, rows - 1)
    column = np.clip(down[:, 2].astype(int), 0, columns - 1)
    return near[row, column]


def _extended(ends: Values, by: float) -> Values:
    longer = ends.copy()
    along = (ends[:, 2:] - ends[:, :2]) / _lengths(ends)[:, None]
    longer[:, 2:] += along * by
    return longer


def _bodies(
    shape: tuple[int, ...], ends: Values, level: Values, things: list[list[int]], foot: float
) -> tuple[Values, Values]:
    """A slim thing between its edges is one board: a mast, a tower, a trunk, a rocket."""
    pull, wanted = np.zeros(shape), np.zeros(shape)
    ends = _extended(ends, foot * shape[0])
    for thing in things:
        hull = _hull(ends[thing], shape[1])
        if hull is None:
            continue
        inside = cv2.fillConvexPoly(np.zeros(shape, dtype=np.uint8), hull, 1).astype(bool)
        pull[inside], wanted[inside] = _BODY, level[thing[0]]
    return pull, wanted


def _hull(ends: Values, columns: int) -> Places | None:
    """Outline of a slim thing; None for a lone edge or a wide front."""
    corners = ends.reshape(-1, 2)
    if len(ends) < 2 or np.ptp(corners[:, 0]) > _BODY_WIDTH * columns:
        return None
    return np.asarray(cv2.convexHull(np.rint(corners).astype(np.int32)), dtype=np.int32)


def _touch(a: Values, b: Values, reach: float) -> bool:
    apart = max(a[1], b[1]) - min(a[3], b[3])
    if apart > reach:
        return False
    y = min(max((max(a[1], b[1]) + min(a[3], b[3])) / 2, 0.0), 1e9)
    return abs(_at(a, y) - _at(b, y)) < reach


def _at(end: Values, y: float) -> float:
    t = (y - end[1]) / max(1e-6, end[3] - end[1])
    return float(end[0] + (end[2] - end[0]) * t)


def _slope_weights(rgb: Bytes, size: tuple[int, int]) -> tuple[Values, Values]:
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float64)
    across = np.abs(np.diff(small, axis=1)).max(axis=2)
    down = np.abs(np.diff(small, axis=0)).max(axis=2)
    return 0.03 + np.exp(-across / 18.0), 0.03 + np.exp(-down / 18.0)


def _solve(start: Values, lines: _Lines, across: Values, down: Values) -> Values:
    """Conjugate gradients for the change against `start`."""
    cells = start.size

    def apply(change: Values) -> Values:
        grid = change.reshape(start.shape)
        out = (_KEEP_VALUE + lines.body) * grid
        step = across * np.diff(grid, axis=1)
        out[:, 1:] += step
        out[:, :-1] -= step
        step = down * np.diff(grid, axis=0)
        out[1:] += step
        out[:-1] -= step
        read = lines.read(change)
        pulled = lines.straight * _bend_back(_bend(read)) + lines.upright * read
        return out.reshape(-1) + lines.spread(pulled, cells)

    read = lines.read(start.reshape(-1))
    pulled = lines.straight * _bend_back(_bend(read)) + lines.upright * (read - lines.level)
    rest = -lines.spread(pulled, cells) - (lines.body * (start - lines.body_level)).reshape(-1)
    change = np.zeros(cells)
    direction = rest.copy()
    energy = float(rest @ rest)
    first = energy
    for _ in range(_ROUNDS):
        if energy <= 1e-7 * first or energy == 0.0:
            break
        moved = apply(direction)
        step = energy / float(direction @ moved)
        change += step * direction
        rest -= step * moved
        fresh = float(rest @ rest)
        direction = rest + (fresh / energy) * direction
        energy = fresh
    return start + change.reshape(start.shape)


def _bend(read: Values) -> Values:
    return read[:, :-2] - 2.0 * read[:, 1:-1] + read[:, 2:]


def _bend_back(bend: Values) -> Values:
    out = np.zeros((bend.shape[0], bend.shape[1] + 2))
    out[:, :-2] += bend
    out[:, 1:-1] -= 2.0 * bend
    out[:, 2:] += bend
    return out
