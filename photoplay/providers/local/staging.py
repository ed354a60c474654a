"""Lays what was found in the picture onto the stage that the camera films."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from photoplay.providers.local.analysis import Understanding
from photoplay.providers.local.arrays import Bytes, Field, Mask, as_field, mesh
from photoplay.providers.local.camera import Lens
from photoplay.providers.local.effects.focus import out_of_focus
from photoplay.providers.local.fill import fill_background
from photoplay.providers.local.framing import Framing
from photoplay.providers.local.guard import StraightEdges
from photoplay.providers.local.layers import (
    Planes,
    cut_matte,
    subject_colours,
    to_planes,
)
from photoplay.providers.local.plan import Plan, Scene
from photoplay.providers.local.segments import samples_along
from photoplay.providers.local.warp import Sheet, Stage

_DENSEST = 1.12
_SAMPLES = 24


@dataclass(frozen=True, slots=True)
class Staging:
    """The picture's places in the frame's units.

    Attributes:
        stage: where the canvas lies.
        framing: the crop it belongs to.
        size: picture width and height in pixels.
    """

    stage: Stage
    framing: Framing
    size: tuple[int, int]

    @staticmethod
    def of(framing: Framing, size: tuple[int, int]) -> Staging:
        """The stage of a framing."""
        left, top, right, bottom = framing.window
        width = right - left
        middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
        c_left, c_top, c_right, c_bottom = framing.canvas
        stage = Stage(
            framing.pane[2],
            framing.pane[3],
            (c_left - middle_x) / width,
            (c_top - middle_y) / width,
            (c_right - middle_x) / width,
            (c_bottom - middle_y) / width,
        )
        return Staging(stage, framing, size)

    def density(self, plan: Plan) -> float:
        """Canvas pixels an output pixel: as fine as the usual look, if the picture is."""
        left, _, right, _ = self.framing.window
        had = (right - left) / self.stage.width
        return max(1.0, min(_DENSEST, had, plan.usual_look()))

    def onto(self, values: Field, out: tuple[int, int]) -> Field:
        """Resamples an analysis map of the whole picture onto the canvas."""
        rows, columns = values.shape
        left, top, right, bottom = self.framing.canvas
        across = (left + (np.arange(out[0]) + 0.5) * (right - left) / out[0]) / self.size[0]
        down = (top + (np.arange(out[1]) + 0.5) * (bottom - top) / out[1]) / self.size[1]
        map_x, map_y = mesh(across * columns - 0.5, down * rows - 0.5)
        return as_field(
            cv2.remap(
                values,
                map_x,
                map_y,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )

    def place(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Frame units of places given in 0..1 of the picture."""
        left, top, right, bottom = self.framing.window
        width = right - left
        return (
            (x * self.size[0] - (left + right) / 2) / width,
            (y * self.size[1] - (top + bottom) / 2) / width,
        )

    def scene(self, found: Understanding) -> Scene:
        """Relief and subject on the grid."""
        grid = self.stage.grid_size()
        back = self.onto(found.relief.back, grid)
        mask: Mask = self.onto(as_field(found.subject.mask), grid) > 0.5
        if not found.subject.is_layer:
            return Scene(back, None, mask)
        return Scene(back, self.onto(found.relief.front, grid), mask)

    def sky(self, found: Understanding) -> Mask:
        """The sky on the grid, without what the subject covers."""
        grid = self.stage.grid_size()
        return self.onto(as_field(found.sky.mask), grid) > 0.6

    def lens(self, found: Understanding) -> Lens:
        """Looks at the subject's upper third, or straight ahead without one."""
        subject = found.subject
        if not subject.is_layer or subject.box is None:
            return Lens(convergence=found.relief.convergence)
        box = subject.box
        x, y = self.place(
            as_field(np.array(subject.centre[0])), as_field(np.array(box[1] * 2 / 3 + box[3] / 3))
        )
        return Lens(
            float(np.clip(x, -0.4, 0.4).item()),
            float(np.clip(y, -0.4, 0.4).item()),
            found.relief.convergence,
        )

    def edges(self, found: Understanding) -> StraightEdges:
        """Straight edges that lie on the canvas and are to be trusted."""
        segments = found.segments
        x, y = samples_along(segments.ends, _SAMPLES)
        stage = self.stage
        u, v = self.place(as_field(x / segments.size[0]), as_field(y / segments.size[1]))
        inside = (u > stage.left) & (u < stage.right) & (v > stage.top) & (v < stage.bottom)
        kept = (inside.mean(axis=1) > 0.7) & (segments.weight > 0.3)
        return StraightEdges(
            u[kept].astype(np.float64),
            v[kept].astype(np.float64),
            (segments.length * segments.weight)[kept],
            found.upright[kept],
            segments.diagonals,
        )

    def canvas(self, rgb: Bytes, density: float) -> Field:
        """The part of the picture the camera may see, at so many pixels an output pixel."""
        left, top, right, bottom = self.framing.canvas
        part = rgb[top:bottom, left:right]
        out = self.stage.canvas_size(density)
        way = cv2.INTER_AREA if out[0] <= part.shape[1] else cv2.INTER_CUBIC
        return as_field(np.clip(cv2.resize(part, out, interpolation=way), 0, 255))


def build_sheets(
    staging: Staging,
    rgb: Bytes,
    found: Understanding,
    plan: Plan,
    cloud_share: Field | None,
    racks_focus: bool,
) -> list[Sheet]:
    """Paints the layers: one sheet, or the background and the subject before it.

    Args:
        staging: where things lie.
        rgb: the picture.
        found: what it shows.
        plan: the camera's way; its reliefs are the layers'.
        cloud_share: which places drift with the clouds.
        racks_focus: also keep the layers out of focus.
    """
    density = staging.density(plan)
    canvas = staging.canvas(rgb, density)
    frame_px = staging.stage.width * density

    def soft(planes: Planes) -> tuple[Planes, ...]:
        return out_of_focus(planes, frame_px) if racks_focus else ()

    if plan.setting.scene.front is None:
        planes = to_planes(canvas)
        return [Sheet(planes, plan.setting.scene.back, soft(planes), cloud_share)]
    out = (canvas.shape[1], canvas.shape[0])
    salience = staging.onto(found.subject.salience, out)
    mask = staging.onto(as_field(found.subject.mask), out) > 0.5
    alpha = cut_matte(canvas, salience, mask)
    painted, _ = fill_background(canvas, alpha, salience, round(frame_px))
    back = to_planes(painted)
    front = to_planes(subject_colours(canvas, alpha, painted), alpha)
    return [
        Sheet(back, plan.setting.scene.back, soft(back), cloud_share),
        Sheet(front, plan.setting.scene.front, soft(front)),
    ]
