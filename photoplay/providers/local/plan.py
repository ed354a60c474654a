"""How far the camera may go in this picture, and how much must be cropped for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from photoplay.providers.local.arrays import Field, Mask, Values, as_field, mesh
from photoplay.providers.local.camera import Lens, Pose, to_frame
from photoplay.providers.local.guard import (
    LEAN_LIMIT_DEG,
    SAGITTA_LIMIT,
    StraightEdges,
    measure_edges,
)
from photoplay.providers.local.moves import Move
from photoplay.providers.local.warp import Nodes, Sight, Stage, limit_slope, look, read_at

PARALLAX_LAYERED = 0.046
"""Parallax aimed for when a subject moves before its background, in frame widths."""

PARALLAX_SHEET = 0.038
"""Parallax aimed for on a single sheet, in frame widths."""

FLOOR = 0.020
"""Parallax below which the camera is never held back, in frame widths."""

_KEY_FRAMES = 11
_MAX_AMPLITUDE = 3.0
_ROAM = 0.14
_ROAM_EDGED = 0.105
_GROWTH = 0.30
_CALMS = (1.0, 0.7, 0.45)
_RIM_PLACES = 161


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
class Setting:
    """What the camera finds before it moves.

    Attributes:
        stage: where the canvas lies.
        scene: relief on the grid.
        edges: straight edges that must neither lean nor bend much.
        lens: focus, convergence and constant zoom.
        margin: part of the canvas, in frame widths, kept for an unsteady hand.
    """

    stage: Stage
    scene: Scene
    edges: StraightEdges
    lens: Lens
    margin: float = 0.0

    def limited(self, move: Move, amplitude: float) -> Setting:
        """The setting with slopes no steeper than this move can follow."""
        return replace(self, scene=_limit(self, move, amplitude))


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided before the first frame is drawn.

    Attributes:
        move: the path.
        amplitude: factor on the path.
        setting: with slopes limited, and the zoom that hides the borders.
        parallax: p95 of the motion left after the best similarity, in frame widths.
        guarded: True when straight edges, or too long a way, held the camera back.
    """

    move: Move
    amplitude: float
    setting: Setting
    parallax: float
    guarded: bool

    def pose(self, s: float) -> Pose:
        """The camera at eased time s."""
        return self.move.path(s).scaled(self.amplitude)

    def usual_look(self) -> float:
        """The mean enlargement of the subject along the path."""
        lens = self.setting.lens
        poses = [self.pose(key / (_KEY_FRAMES - 1)) for key in range(_KEY_FRAMES)]
        return float(np.mean([_size(pose, lens) for pose in poses]))


def plan_motion(setting: Setting, move: Move, strength: float) -> Plan:
    """Finds the amplitude that reaches the wanted parallax and the zoom that covers it.

    Args:
        setting: what the camera finds; slopes not yet limited, zoom not yet known.
        move: the path at unit amplitude.
        strength: factor on the wanted parallax.
    """
    usual = PARALLAX_SHEET if setting.scene.front is None else PARALLAX_LAYERED
    wanted = usual * strength * move.weight
    floor = min(wanted, FLOOR * move.weight)
    amplitude = _reach(setting, move, wanted)
    guarded = False
    if wanted > 0.0:
        diagonal = float(np.hypot(1.0, setting.stage.height / setting.stage.width))
        roam = (_ROAM_EDGED if setting.edges.matters else _ROAM) * diagonal * strength
        kept = _stay_near(setting, move, amplitude, floor, roam)
        if setting.edges.matters:
            setting, kept = _keep_straight(setting, move, kept, floor)
        guarded, amplitude = kept < 0.999 * amplitude, kept
    setting = setting.limited(move, amplitude)
    setting = replace(setting, lens=replace(setting.lens, zoom=_cover(setting, move, amplitude)))
    parallax = measure_parallax(setting, move, amplitude)
    return Plan(move, amplitude, setting, parallax, guarded)


def measure_parallax(setting: Setting, move: Move, amplitude: float) -> float:
    """p95 of what remains of the motion between the path's ends after the best similarity."""
    first, last = _ends(setting, move, amplitude)
    stage = setting.stage
    inside = np.ones(first[0].shape, dtype=bool)
    for seen_x, seen_y in (first, last):
        inside &= (np.abs(seen_x) < 0.5) & (np.abs(seen_y) < 0.5 * stage.height / stage.width)
    if int(inside.sum()) < 16:
        return 0.0
    source = np.stack((first[0][inside], first[1][inside]), axis=1).astype(np.float64)
    target = np.stack((last[0][inside], last[1][inside]), axis=1).astype(np.float64)
    return float(np.percentile(similarity_residual(source, target), 95))


def similarity_residual(source: Values, target: Values) -> Values:
    """Length of what the best shift, turn and scaling leaves of a motion, point by point."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    norm = float((a * a).sum()) or 1.0
    real = float((a * b).sum()) / norm
    imaginary = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / norm
    fitted = np.stack(
        (real * a[:, 0] - imaginary * a[:, 1], imaginary * a[:, 0] + real * a[:, 1]), axis=1
    )
    return np.hypot(*(b - fitted).T)


def _ends(
    setting: Setting, move: Move, amplitude: float
) -> tuple[tuple[Field, Field], tuple[Field, Field]]:
    """Where the picture's places appear at the path's two ends."""
    stage, seen = setting.stage, setting.scene.seen()
    rows, columns = seen.shape
    step = max(1, columns // 100)
    part = as_field(seen[step // 2 :: step, step // 2 :: step])
    column = _middles(columns, step)
    row = _middles(rows, step)
    x, y = mesh(
        stage.left + column * (stage.right - stage.left),
        stage.top + row * (stage.bottom - stage.top),
    )
    near, far = move.path(0.0).scaled(amplitude), move.path(move.middle).scaled(amplitude)
    return to_frame(x, y, part, near, setting.lens), to_frame(x, y, part, far, setting.lens)


def _middles(count: int, step: int) -> Values:
    return np.asarray(np.arange(step // 2, count, step), dtype=np.float64) / count + 0.5 / count


def _size(pose: Pose, lens: Lens) -> float:
    """How large the subject appears, against the picture."""
    locked = 1.0 - pose.z * lens.convergence * pose.lock
    return pose.gain * lens.zoom * locked / max(0.05, 1.0 - pose.z * lens.convergence)


def _solve_amplitude(setting: Setting, move: Move, wanted: float) -> float:
    if wanted <= 0.0 or measure_parallax(setting, move, 1.0) < 1e-6:
        return 1.0
    low, high = 0.0, _MAX_AMPLITUDE
    for _ in range(18):
        middle = (low + high) / 2
        if measure_parallax(setting, move, middle) < wanted:
            low = middle
        else:
            high = middle
    return high


def _reach(setting: Setting, move: Move, wanted: float) -> float:
    """The amplitude that gives the wanted parallax after the slopes have been limited for it."""
    amplitude = _solve_amplitude(setting, move, wanted)
    if wanted <= 0.0:
        return amplitude
    for _ in range(3):
        reached = measure_parallax(setting.limited(move, amplitude), move, amplitude)
        if reached < 1e-6 or abs(reached / wanted - 1.0) < 0.02:
            break
        amplitude = min(_MAX_AMPLITUDE, amplitude * min(1.4, wanted / reached))
    return amplitude


def _stay_near(setting: Setting, move: Move, amplitude: float, floor: float, limit: float) -> float:
    """Keeps the picture in view: no longer way for its places than a viewer follows calmly."""

    def is_calm(factor: float) -> bool:
        first, last = _ends(setting, move, factor)
        way = float(np.percentile(np.hypot(last[0] - first[0], last[1] - first[1]), 90))
        ends = [move.path(s).scaled(factor) for s in (0.0, move.middle)]
        growth = abs(float(np.log(_size(ends[1], setting.lens) / _size(ends[0], setting.lens))))
        return way <= limit and growth <= _GROWTH * limit / _ROAM

    if is_calm(amplitude):
        return amplitude
    low, high = 0.0, amplitude
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if is_calm(middle) else (low, middle)
    return max(low, min(amplitude, _reach(setting, move, floor)))


def _keep_straight(
    setting: Setting, move: Move, amplitude: float, floor: float
) -> tuple[Setting, float]:
    """Calms the relief, then the camera, until straight edges stay straight.

    Of the reliefs tried, from full to calm, the one that allows the most parallax is taken; at
    worst the least parallax that still reads as depth.
    """
    wanted = measure_parallax(setting.limited(move, amplitude), move, amplitude)
    if _is_straight(setting, move, amplitude):
        return setting, amplitude
    best = (-1.0, setting, amplitude)
    for calm in _CALMS:
        tried = replace(setting, scene=_calm(setting.scene, calm))
        high = amplitude if calm == 1.0 else _reach(tried, move, wanted)
        low = min(high, _reach(tried, move, floor))
        if _is_straight(tried, move, high):
            low = high
        else:
            for _ in range(4):
                middle = (low + high) / 2
                if _is_straight(tried, move, middle):
                    low = middle
                else:
                    high = middle
        parallax = measure_parallax(tried.limited(move, low), move, low)
        score = parallax * calm**0.5 + (1.0 if _is_straight(tried, move, low) else 0.0)
        if score > best[0]:
            best = (score, tried, low)
    return best[1], best[2]


def _is_straight(setting: Setting, move: Move, amplitude: float) -> bool:
    seen = setting.limited(move, amplitude).scene.seen()
    poses = [move.path(s).scaled(amplitude) for s in (0.0, 0.5, 1.0)]
    lean, bend = measure_edges(setting.stage, seen, setting.edges, poses, setting.lens)
    return lean <= LEAN_LIMIT_DEG and bend <= SAGITTA_LIMIT


def _calm(scene: Scene, share: float) -> Scene:
    """Keeps only a share of what sets the relief apart from a plane."""
    if share == 1.0:
        return scene
    front = None if scene.front is None else _towards_plane(scene.front, share)
    return Scene(_towards_plane(scene.back, share), front, scene.subject)


def _towards_plane(disparity: Field, share: float) -> Field:
    rows, columns = disparity.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    terms = np.stack((np.ones(disparity.size), x.reshape(-1), y.reshape(-1)), axis=1)
    weights = np.linalg.lstsq(terms, disparity.reshape(-1).astype(np.float64), rcond=None)[0]
    plane = (terms @ weights).reshape(disparity.shape)
    return as_field(plane + share * (disparity - plane))


def _limit(setting: Setting, move: Move, amplitude: float) -> Scene:
    stage, scene, lens = setting.stage, setting.scene, setting.lens
    reach = 0.0
    half_diagonal = 0.5 * float(np.hypot(1.0, stage.height / stage.width))
    away = half_diagonal + float(np.hypot(lens.focus_x, lens.focus_y))
    for key in range(_KEY_FRAMES):
        pose = move.path(key / (_KEY_FRAMES - 1)).scaled(amplitude)
        reach = max(reach, float(np.hypot(pose.x, pose.y)) + abs(pose.z) * away)
    cells = reach * scene.back.shape[1] / (stage.right - stage.left)
    front = None if scene.front is None else limit_slope(scene.front, cells)
    return Scene(limit_slope(scene.back, cells), front, scene.subject)


def _cover(setting: Setting, move: Move, amplitude: float) -> float:
    """The least constant zoom with which no sample leaves the canvas."""
    poses = [move.path(k / (_KEY_FRAMES - 1)).scaled(amplitude) for k in range(_KEY_FRAMES)]

    def covers(zoom: float) -> bool:
        return _covers(replace(setting, lens=replace(setting.lens, zoom=zoom)), poses)

    low, high = 1.0, 1.6
    if covers(low):
        return low
    for _ in range(9):
        middle = (low + high) / 2
        if covers(middle):
            high = middle
        else:
            low = middle
    return high


def _covers(setting: Setting, poses: list[Pose]) -> bool:
    stage, scene = setting.stage, setting.scene
    nodes = _rim(stage)
    covered = as_field(cv2.dilate(scene.subject.astype(np.float32), np.ones((5, 5), np.uint8)))
    for pose in poses:
        sight = look(stage, nodes, scene.back, pose, setting.lens)
        if _outside(stage, sight, setting.margin).any():
            return False
        if scene.front is not None:
            sight = look(stage, nodes, scene.front, pose, setting.lens)
            there = read_at(stage, covered, sight.x, sight.y) > 0.0
            if (_outside(stage, sight, setting.margin) & there).any():
                return False
    return True


def _outside(stage: Stage, sight: Sight, margin: float) -> Mask:
    eps = 1e-4 - margin
    return (
        (sight.x < stage.left - eps)
        | (sight.x > stage.right + eps)
        | (sight.y < stage.top - eps)
        | (sight.y > stage.bottom + eps)
    )


def _rim(stage: Stage) -> Nodes:
    """The frame's four edges, where the camera first looks past the picture."""
    along = np.linspace(-0.5, 0.5, _RIM_PLACES)
    end = np.full(_RIM_PLACES, 0.5)
    high = stage.height / stage.width
    x = np.concatenate((along, along, -end, end))
    y = np.concatenate((-end, end, along, along)) * high
    return Nodes(as_field(x[None]), as_field(y[None]))
