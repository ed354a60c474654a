"""How far the camera may go in this picture, and how much must be cropped for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from photoplay.providers.local.arrays import Field, Mask, as_field
from photoplay.providers.local.camera import Lens, Pose, to_frame
from photoplay.providers.local.guard import (
    LEAN_LIMIT_DEG,
    SAGITTA_LIMIT,
    StraightEdges,
    measure_edges,
)
from photoplay.providers.local.moves import Move
from photoplay.providers.local.warp import Nodes, Sight, Stage, limit_slope, look

PARALLAX_LAYERED = 0.046
PARALLAX_SHEET = 0.038
FLOOR = 0.020
_KEY_FRAMES = 11
_MAX_AMPLITUDE = 3.0
_ROAM = 0.115
_CALMS = (1.0, 0.7, 0.45)


@dataclass(frozen=True, slots=True)
class Scene:
    """Relief and subject on the stage's grid.

    Attributes:
        back: disparity of the background, or of the only sheet.
        front: disparity of the subject's layer; None on a single sheet.
        subject: places covered by the subject's layer.
    """

    back: Field
    front: Field | None
    subject: Mask

    def seen(self) -> Field:
        """Disparity of what the first look shows: subject before background."""
        return self.back if self.front is None else np.where(self.subject, self.front, self.back)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided before the first frame is drawn.

    Attributes:
        move: the path.
        amplitude: factor on the path.
        lens: focus, convergence and the zoom that hides the borders.
        scene: with slopes limited for this amplitude.
        parallax: p95 of the motion left after the best similarity, in frame widths.
        guarded: True when straight edges held the camera back.
    """

    move: Move
    amplitude: float
    lens: Lens
    scene: Scene
    parallax: float
    guarded: bool

    def pose(self, s: float) -> Pose:
        """The camera at eased time s."""
        return self.move.path(s).scaled(self.amplitude)


def plan_motion(
    stage: Stage,
    scene: Scene,
    edges: StraightEdges,
    move: Move,
    lens: Lens,
    strength: float,
    margin: float = 0.0,
) -> Plan:
    """Finds the amplitude that reaches the wanted parallax and the zoom that covers it.

    Args:
        stage: where the canvas lies.
        scene: relief on the grid, slopes not yet limited.
        edges: straight edges that must neither lean nor bend much.
        move: the path at unit amplitude.
        lens: focus and convergence; its zoom is replaced.
        strength: factor on the wanted parallax.
        margin: part of the canvas, in frame widths, kept for an unsteady hand.
    """
    wanted = (PARALLAX_SHEET if scene.front is None else PARALLAX_LAYERED) * strength * move.weight
    amplitude = _reach(stage, scene, move, lens, wanted)
    amplitude = _stay_near(stage, scene, move, lens, amplitude, min(wanted, FLOOR), strength)
    guarded = False
    if edges.matters and wanted > 0.0:
        floor = min(wanted, FLOOR)
        scene, kept = _keep_straight(stage, scene, edges, move, lens, amplitude, wanted, floor)
        guarded, amplitude = kept < 0.999 * amplitude, kept
    limited = _limit(stage, scene, move, lens, amplitude)
    zoom = _cover(stage, limited, move, lens, amplitude, margin)
    lens = replace(lens, zoom=zoom)
    parallax = measure_parallax(stage, limited, move, lens, amplitude)
    return Plan(move, amplitude, lens, limited, parallax, guarded)


def _reach(stage: Stage, scene: Scene, move: Move, lens: Lens, wanted: float) -> float:
    """The amplitude that gives the wanted parallax after the slopes have been limited for it."""
    amplitude = _solve_amplitude(stage, scene, move, lens, wanted)
    if wanted <= 0.0:
        return amplitude
    for _ in range(3):
        limited = _limit(stage, scene, move, lens, amplitude)
        reached = measure_parallax(stage, limited, move, lens, amplitude)
        if reached < 1e-6 or abs(reached / wanted - 1.0) < 0.02:
            break
        amplitude = min(_MAX_AMPLITUDE, amplitude * min(1.4, wanted / reached))
    return amplitude


def _stay_near(
    stage: Stage,
    scene: Scene,
    move: Move,
    lens: Lens,
    amplitude: float,
    floor: float,
    strength: float,
) -> float:
    """Keeps the picture in view: no longer way for its places than a viewer follows calmly."""
    if floor <= 0.0:
        return amplitude
    x, y, disparity = _places(stage, scene)

    def roams(factor: float) -> float:
        first = to_frame(x, y, disparity, move.path(0.0).scaled(factor), lens)
        far = move.path(move.middle).scaled(factor)
        last = to_frame(x, y, disparity, far, lens)
        return float(np.percentile(np.hypot(last[0] - first[0], last[1] - first[1]), 90))

    limit = _ROAM * strength
    if roams(amplitude) <= limit:
        return amplitude
    low, high = 0.0, amplitude
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if roams(middle) <= limit else (low, middle)
    return max(low, min(amplitude, _reach(stage, scene, move, lens, floor)))


def _keep_straight(
    stage: Stage,
    scene: Scene,
    edges: StraightEdges,
    move: Move,
    lens: Lens,
    amplitude: float,
    wanted: float,
    floor: float,
) -> tuple[Scene, float]:
    """Calms the relief, then the camera, until straight edges stay straight.

    Of the reliefs tried, from full to calm, the one that allows the most parallax is taken; at
    worst the least parallax that still reads as depth.
    """

    def is_straight(tried: Scene, factor: float) -> bool:
        limited = _limit(stage, tried, move, lens, factor)
        poses = [move.path(s).scaled(factor) for s in (0.0, 0.5, 1.0)]
        lean, bend = measure_edges(stage, limited.seen(), edges, poses, lens)
        return lean <= LEAN_LIMIT_DEG and bend <= SAGITTA_LIMIT

    if is_straight(scene, amplitude):
        return scene, amplitude
    best: tuple[float, Scene, float] | None = None
    for calm in _CALMS:
        tried = scene if calm == 1.0 else _calm(scene, calm)
        high = amplitude if calm == 1.0 else _reach(stage, tried, move, lens, wanted)
        low = min(high, _solve_amplitude(stage, tried, move, lens, floor))
        if is_straight(tried, high):
            low = high
        else:
            for _ in range(4):
                middle = (low + high) / 2
                if is_straight(tried, middle):
                    low = middle
                else:
                    high = middle
        limited = _limit(stage, tried, move, lens, low)
        parallax = measure_parallax(stage, limited, move, lens, low)
        straight = is_straight(tried, low)
        score = parallax * calm**0.5 + (1.0 if straight else 0.0)
        if best is None or score > best[0]:
            best = (score, tried, low)
    assert best is not None
    return best[1], best[2]


def _calm(scene: Scene, share: float) -> Scene:
    """Keeps only a share of what sets the relief apart from a plane."""
    front = None if scene.front is None else _towards_plane(scene.front, share)
    return Scene(_towards_plane(scene.back, share), front, scene.subject)


def _towards_plane(disparity: Field, share: float) -> Field:
    rows, columns = disparity.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    terms = np.stack((np.ones(disparity.size), x.reshape(-1), y.reshape(-1)), axis=1)
    weights, *_ = np.linalg.lstsq(terms, disparity.reshape(-1).astype(np.float64), rcond=None)
    plane = (terms @ weights).reshape(disparity.shape)
    return as_field(plane + share * (disparity - plane))


def measure_parallax(
    stage: Stage, scene: Scene, move: Move, lens: Lens, amplitude: float
) -> float:
    """p95 of what remains of the motion between the path's ends after the best similarity."""
    x, y, disparity = _places(stage, scene)
    far = move.middle
    first = to_frame(x, y, disparity, move.path(0.0).scaled(amplitude), lens)
    last = to_frame(x, y, disparity, move.path(far).scaled(amplitude), lens)
    inside = np.ones(x.shape, dtype=bool)
    for seen_x, seen_y in (first, last):
        inside &= (np.abs(seen_x) < 0.5) & (np.abs(seen_y) < 0.5 * stage.height / stage.width)
    if int(inside.sum()) < 16:
        return 0.0
    source = np.stack((first[0][inside], first[1][inside]), axis=1).astype(np.float64)
    target = np.stack((last[0][inside], last[1][inside]), axis=1).astype(np.float64)
    return float(np.percentile(_residual(source, target), 95))


def _residual(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    norm = float((a * a).sum()) or 1.0
    real = float((a * b).sum()) / norm
    imaginary = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / norm
    fitted = np.stack(
        (real * a[:, 0] - imaginary * a[:, 1], imaginary * a[:, 0] + real * a[:, 1]), axis=1
    )
    return np.linalg.norm(b - fitted, axis=1)


def _places(stage: Stage, scene: Scene) -> tuple[Field, Field, Field]:
    seen = scene.seen()
    rows, columns = seen.shape
    step = max(1, columns // 100)
    part = seen[step // 2 :: step, step // 2 :: step]
    column = (np.arange(columns)[step // 2 :: step] + 0.5) / columns
    row = (np.arange(rows)[step // 2 :: step] + 0.5) / rows
    x, y = np.meshgrid(
        stage.left + column * (stage.right - stage.left),
        stage.top + row * (stage.bottom - stage.top),
    )
    return as_field(x), as_field(y), as_field(part)


def _solve_amplitude(stage: Stage, scene: Scene, move: Move, lens: Lens, wanted: float) -> float:
    if wanted <= 0.0 or measure_parallax(stage, scene, move, lens, 1.0) < 1e-6:
        return 1.0
    low, high = 0.0, _MAX_AMPLITUDE
    for _ in range(18):
        middle = (low + high) / 2
        if measure_parallax(stage, scene, move, lens, middle) < wanted:
            low = middle
        else:
            high = middle
    return high


def _limit(stage: Stage, scene: Scene, move: Move, lens: Lens, amplitude: float) -> Scene:
    reach = 0.0
    half_diagonal = 0.5 * float(np.hypot(1.0, stage.height / stage.width))
    for key in range(_KEY_FRAMES):
        pose = move.path(key / (_KEY_FRAMES - 1)).scaled(amplitude)
        away = half_diagonal + float(np.hypot(lens.focus_x, lens.focus_y))
        reach = max(reach, float(np.hypot(pose.x, pose.y)) + abs(pose.z) * away)
    columns = scene.back.shape[1]
    cells = reach * columns / (stage.right - stage.left)
    front = None if scene.front is None else limit_slope(scene.front, cells)
    return Scene(limit_slope(scene.back, cells), front, scene.subject)


def _cover(
    stage: Stage, scene: Scene, move: Move, lens: Lens, amplitude: float, margin: float
) -> float:
    """The least constant zoom with which no sample leaves the canvas."""
    poses = [move.path(k / (_KEY_FRAMES - 1)).scaled(amplitude) for k in range(_KEY_FRAMES)]
    low, high = 1.0, 1.6
    if _covers(stage, scene, poses, replace(lens, zoom=low), margin):
        return low
    for _ in range(9):
        middle = (low + high) / 2
        if _covers(stage, scene, poses, replace(lens, zoom=middle), margin):
            high = middle
        else:
            low = middle
    return high


def _covers(
    stage: Stage, scene: Scene, poses: list[Pose], lens: Lens, margin: float
) -> bool:
    nodes = _rim(stage)
    covered = cv2.dilate(scene.subject.astype(np.uint8), np.ones((5, 5), np.uint8))
    for pose in poses:
        seen = look(stage, nodes, scene.back, pose, lens)
        if _outside(stage, seen, margin).any():
            return False
        if scene.front is not None:
            seen = look(stage, nodes, scene.front, pose, lens)
            rows, columns = covered.shape
            column = (seen.x - stage.left) / (stage.right - stage.left) * columns
            row = (seen.y - stage.top) / (stage.bottom - stage.top) * rows
            there = covered[
                np.clip(row.astype(np.int32), 0, rows - 1),
                np.clip(column.astype(np.int32), 0, columns - 1),
            ]
            if (_outside(stage, seen, margin) & (there > 0)).any():
                return False
    return True


def _outside(stage: Stage, seen: Sight, margin: float) -> Mask:
    eps = 1e-4 - margin
    return (
        (seen.x < stage.left - eps)
        | (seen.x > stage.right + eps)
        | (seen.y < stage.top - eps)
        | (seen.y > stage.bottom + eps)
    )


def _rim(stage: Stage) -> Nodes:
    """The frame's four edges, where the camera first looks past the picture."""
    across = np.linspace(-0.5, 0.5, 161)
    high = 0.5 * stage.height / stage.width
    down = np.linspace(-high, high, 161)
    x = np.concatenate((across, across, np.full(161, -0.5), np.full(161, 0.5)))
    y = np.concatenate((np.full(161, -high), np.full(161, high), down, down))
    return Nodes(as_field(x[None]), as_field(y[None]))
