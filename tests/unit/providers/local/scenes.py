"""Generated pictures and scenes of known disparity, and what tests measure on frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from photoplay.providers.local.camera import Lens
from photoplay.providers.local.guard import StraightEdges
from photoplay.providers.local.layers import Planes, to_planes
from photoplay.providers.local.moves import Move
from photoplay.providers.local.plan import Plan, Scene, Setting, plan_motion
from photoplay.providers.local.warp import Projector, Sheet, Stage

Array = npt.NDArray[np.generic]

NO_EDGES = StraightEdges(
    np.zeros((0, 24)), np.zeros((0, 24)), np.zeros(0), np.zeros(0, dtype=bool), 0.0
)


def texture(seed: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    """A picture with corners everywhere, at several sizes."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), dtype=np.float32)
    for cells in (12, 30, 80):
        noise = rng.uniform(0, 1, (max(2, cells * height // width), cells, 3)).astype(np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_NEAREST)
    soft = cv2.GaussianBlur(total / 3.0, (0, 0), 0.8)
    return np.clip(40 + 180 * soft, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class KnownScene:
    """A near square before a far wall that stands on ground, on a 640 x 360 frame."""

    stage: Stage
    sheets: list[Sheet]
    scene: Scene
    lens: Lens
    square: tuple[int, int, int, int]

    def plan(self, move: Move, strength: float = 1.0) -> Plan:
        return plan_motion(Setting(self.stage, self.scene, NO_EDGES, self.lens), move, strength)

    def projector(self, plan: Plan) -> Projector:
        scene = plan.setting.scene
        assert scene.front is not None
        sheets = [
            replace(self.sheets[0], disparity=scene.back),
            replace(self.sheets[1], disparity=scene.front),
        ]
        return Projector(self.stage, sheets, plan.setting.lens)

    def frame(self, plan: Plan, s: float) -> npt.NDArray[np.uint8]:
        projector = self.projector(plan)
        pose = plan.pose(s)
        back, _ = projector.back(pose)
        return projector.front(back, pose).luma


def known_scene() -> KnownScene:
    """Wall at disparity 0.15, ground to 0.6 at the bottom, a square at 0.9."""
    width, height = 640, 360
    stage = Stage(width, height, -0.56, -0.34, 0.56, 0.34)
    across, down = stage.canvas_size(1.0)
    columns, rows = stage.grid_size()
    v = np.linspace(stage.top, stage.bottom, rows)
    back = np.maximum(0.15, 0.15 + (v - 0.05) * 1.5).astype(np.float32)
    back = np.repeat(back[:, None], columns, axis=1)
    left, top, right, bottom = across * 2 // 5, down * 3 // 10, across * 3 // 5, down * 7 // 10
    alpha = np.zeros((down, across), dtype=np.float32)
    alpha[top:bottom, left:right] = 1.0
    mask = cv2.resize(alpha, (columns, rows)) > 0.5
    front = np.full((rows, columns), 0.9, dtype=np.float32)
    wall = texture(1, across, down).astype(np.float32)
    near = texture(2, across, down).astype(np.float32)
    sheets = [
        Sheet(to_planes(wall), back),
        Sheet(to_planes(near, alpha), front),
    ]
    square = (left - (across - width) // 2, top - (down - height) // 2)
    return KnownScene(
        stage,
        sheets,
        Scene(back, front, mask),
        Lens(0.0, 0.0, 0.9),
        (*square, square[0] + right - left, square[1] + bottom - top),
    )


def tracks(
    first: npt.NDArray[np.uint8], last: npt.NDArray[np.uint8], count: int = 900
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Corners of the first frame and where they are in the last, checked there and back."""
    corners = cv2.goodFeaturesToTrack(first, count, 0.004, 6)
    options = {"winSize": (21, 21), "maxLevel": 4}
    moved, seen, _ = cv2.calcOpticalFlowPyrLK(first, last, corners, None, **options)
    back, seen_back, _ = cv2.calcOpticalFlowPyrLK(last, first, moved, None, **options)
    off = np.hypot(*(back - corners).reshape(-1, 2).T)
    kept = (seen.reshape(-1) == 1) & (seen_back.reshape(-1) == 1) & (off < 0.6)
    source, target = corners.reshape(-1, 2)[kept], moved.reshape(-1, 2)[kept]
    return source.astype(np.float64), target.astype(np.float64)


def luma_rgb(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Video luma of a picture, as the renderer makes it."""
    planes: Planes = to_planes(rgb.astype(np.float32))
    return planes.luma


def psnr(one: Array, other: Array) -> float:
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return 99.0 if error == 0.0 else 10.0 * float(np.log10(255.0**2 / error))


def decode(clip: Path) -> list[npt.NDArray[np.uint8]]:
    """The luma planes of a clip."""
    frames: list[npt.NDArray[np.uint8]] = []
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            grey = frame.to_ndarray(format="yuv420p")
            frames.append(grey[: frame.height, : frame.width])
    return frames
