"""Dust, snow, embers and rain: points in the same space that the camera moves through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Places, Values, as_field
from photoplay.providers.local.camera import Lens, Pose, to_frame
from photoplay.providers.local.layers import Planes, blend_over

_ROOM = 1.35
_LARGE = 0.85
_SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Kind:
    """How one sort of particle looks and falls.

    Attributes:
        count: particles in view at 16:9.
        colour: luma, blue and red difference of the brightest place.
        opacity: 0..1 of a particle at disparity 1.
        radius: in frame widths at disparity 1.
        fall: frame widths per second at disparity 1, downwards.
        drift: the same to the right.
        sway: sideways swing in frame widths.
        streak: seconds of fall that one particle shows as a line; 0 draws dots.
        glow: share of a wide soft halo.
        twinkle: share of the brightness that comes and goes.
        spares_light: fainter over bright places, where light dust would look like dirt.
    """

    count: int
    colour: tuple[int, int, int]
    opacity: float
    radius: float
    fall: float
    drift: float
    sway: float
    streak: float = 0.0
    glow: float = 0.0
    twinkle: float = 0.0
    spares_light: bool = False


KINDS: dict[str, Kind] = {
    "dust": Kind(
        170, (228, 120, 134), 0.65, 0.0017, -0.012, 0.018, 0.012, 0.0, 0.5, 0.8, spares_light=True
    ),
    "snow": Kind(620, (235, 129, 127), 0.95, 0.0036, 0.14, 0.025, 0.016),
    "embers": Kind(110, (215, 62, 186), 0.95, 0.0018, -0.11, 0.03, 0.022, 0.0, 1.0, 0.6),
    "rain": Kind(620, (212, 130, 126), 0.55, 0.0011, 1.5, 0.10, 0.0, 0.042),
}


class Particles:
    """One kind of particle over a whole clip.

    Args:
        kind: name in `KINDS`.
        size: frame width and height in pixels.
        duration_s: length of the clip.
        loop: every particle is back where it began at the end.
        seed: their places.
    """

    def __init__(
        self, kind: str, size: tuple[int, int], duration_s: float, loop: bool, seed: int
    ) -> None:
        self._kind = KINDS[kind]
        self._size = size
        self._duration_s = duration_s
        self._loop = loop
        rng = np.random.default_rng((seed, sum(kind.encode())))
        self._high = size[1] / size[0]
        count: int = round(self._kind.count * min(2.0, max(0.6, self._high * 16 / 9)) ** 0.5)
        self._x: Values = rng.uniform(-0.5, 0.5, count)
        self._y: Values = rng.uniform(-0.5, 0.5, count)
        # Nearness is drawn so that far particles are many and near ones few.
        self._near: Values = 0.15 + 1.25 * rng.uniform(0.0, 1.0, count) ** 3.0
        self._phase: Values = rng.uniform(0.0, 2 * math.pi, count)
        self._pace: Values = rng.uniform(0.75, 1.25, count)

    def behind(self, frame: Planes, pose: Pose, lens: Lens, t: float) -> Planes:
        """Draws the particles farther away than the subject."""
        return self._draw(frame, pose, lens, t, self._near < lens.convergence)

    def before(self, frame: Planes, pose: Pose, lens: Lens, t: float) -> Planes:
        """Draws the particles nearer than the subject."""
        return self._draw(frame, pose, lens, t, self._near >= lens.convergence)

    def _travel(self, speed: Values, extent: float, t: float) -> Values:
        """Way covered after a share t of the clip, in extents; whole rounds for a loop."""
        rounds: Values = speed * self._duration_s / extent
        return (np.rint(rounds) if self._loop else rounds) * t

    def _places(self, t: float) -> tuple[Values, Values]:
        kind, high = self._kind, self._high * _ROOM
        speed = self._near * self._pace
        y = self._y + self._travel(kind.fall * speed, high, t)
        x = self._x + self._travel(kind.drift * speed, _ROOM, t)
        swings = max(1.0, round(self._duration_s / 3.0))
        swing = kind.sway * self._near * np.sin(2 * math.pi * swings * t + self._phase)
        return (np.mod(x + 0.5, 1.0) - 0.5) * _ROOM + swing, (np.mod(y + 0.5, 1.0) - 0.5) * high

    def _draw(self, frame: Planes, pose: Pose, lens: Lens, t: float, chosen: Values) -> Planes:
        if not chosen.any():
            return frame
        kind = self._kind
        where = np.flatnonzero(chosen)
        x, y = self._places(t)
        near = as_field(self._near[where])
        seen_x, seen_y = to_frame(as_field(x[where]), as_field(y[where]), near, pose, lens)
        twinkle = 1.0 - kind.twinkle * (
            0.5 + 0.5 * np.sin(2 * math.pi * round(self._duration_s) * t + 3.0 * self._phase[where])
        )
        fade = np.clip(0.35 + 0.75 * near, 0.0, 1.0) * twinkle
        # Streaks are thin, so they are drawn at full size; dots are soft anyway.
        parts = 1 if kind.streak > 0.0 else 2
        width, height = self._size[0] // parts, self._size[1] // parts
        px = (seen_x + 0.5) * width
        py = seen_y * width + height / 2
        sheet = np.zeros((height, width), dtype=np.uint8)
        tone = np.clip(255.0 * kind.opacity * fade, 0, 255).astype(int)
        if kind.streak > 0.0:
            self._streaks(sheet, px, py, near, tone)
            return _lay(frame, sheet, kind)
        large = near > _LARGE
        self._dots(sheet, px[large], py[large], near[large], tone[large] * 3 // 4)
        if large.any():
            sheet = cast("Bytes", cv2.GaussianBlur(sheet, (0, 0), max(0.8, 0.0016 * width)))
        self._dots(sheet, px[~large], py[~large], near[~large], tone[~large])
        return _lay(frame, sheet, kind)

    def _dots(self, sheet: Bytes, x: Values, y: Values, near: Values, tone: Places) -> None:
        unit = 1 << _SUBPIXEL_BITS
        width = sheet.shape[1]
        for cx, cy, n, v in zip(x, y, near, tone, strict=True):
            radius = max(0.55, self._kind.radius * float(n) * width)
            light = int(v) if radius > 0.56 else int(v * 0.8)
            at = (round(float(cx) * unit), round(float(cy) * unit))
            cv2.circle(sheet, at, round(radius * unit), light, -1, cv2.LINE_AA, _SUBPIXEL_BITS)

    def _streaks(self, sheet: Bytes, x: Values, y: Values, near: Values, tone: Places) -> None:
        unit = 1 << _SUBPIXEL_BITS
        kind, width = self._kind, sheet.shape[1]
        for cx, cy, n, v in zip(x, y, near, tone, strict=True):
            dx = kind.drift * float(n) * kind.streak * width
            dy = kind.fall * float(n) * kind.streak * width
            start = (round(float(cx) * unit), round(float(cy) * unit))
            end = (round((float(cx) + dx) * unit), round((float(cy) + dy) * unit))
            cv2.line(sheet, start, end, int(v), 1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _lay(frame: Planes, sheet: Bytes, kind: Kind) -> Planes:
    soft = cast("Bytes", cv2.GaussianBlur(sheet, (5, 5), 0.5 if kind.streak > 0.0 else 0.9))
    if kind.glow > 0.0:
        side = max(3, sheet.shape[1] // 90 * 2 + 1)
        halo = cv2.GaussianBlur(sheet, (side, side), 0)
        soft = cast("Bytes", cv2.addWeighted(soft, 1.0, halo, 1.6 * kind.glow, 0.0))
    size = (frame.luma.shape[1], frame.luma.shape[0])
    if kind.spares_light:
        small = cv2.resize(frame.luma, (soft.shape[1], soft.shape[0]), interpolation=cv2.INTER_AREA)
        room = cv2.subtract(np.full_like(small, 245), small)
        soft = cast("Bytes", cv2.multiply(soft, np.minimum(room, 160), scale=1.0 / 160.0))
    full = cast("Bytes", cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR))
    chroma = (frame.blue.shape[1], frame.blue.shape[0])
    half = soft if soft.shape == frame.blue.shape else cast("Bytes", cv2.resize(soft, chroma))
    luma, blue, red = kind.colour
    return Planes(
        blend_over(frame.luma, luma, full),
        blend_over(frame.blue, blue, half),
        blend_over(frame.red, red, half),
    )
