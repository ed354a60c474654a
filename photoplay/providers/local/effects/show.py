"""All effects of one clip, in the order in which light passes them."""

from __future__ import annotations

from dataclasses import dataclass

from photoplay.providers.local.arrays import Field, Mask
from photoplay.providers.local.camera import Lens, Pose
from photoplay.providers.local.effects.clouds import CloudDrift
from photoplay.providers.local.effects.focus import focus_at
from photoplay.providers.local.effects.fog import Fog
from photoplay.providers.local.effects.lens import Grain, Tremor, Vignette
from photoplay.providers.local.effects.particles import KINDS, Particles
from photoplay.providers.local.layers import Planes
from photoplay.providers.local.warp import Projector

EFFECTS = (
    "clouds", "dust", "snow", "embers", "rain", "fog", "vignette", "grain", "rack_focus",
    "handheld",
)  # fmt: skip
"""Names of all effects."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What the effects need to know of the clip.

    Attributes:
        size: frame width and height in pixels.
        duration_s: length in seconds.
        loop: everything is back at its place at the end.
        seed: picks places and shapes.
    """

    size: tuple[int, int]
    duration_s: float
    loop: bool
    seed: int


class Show:
    """Draws frames with the wanted effects.

    Args:
        names: effects from `EFFECTS`.
        clip: the clip they are for.
        sky: the sky on the stage's grid; clouds need it.
        cells_a_width: grid cells in one frame width.
    """

    def __init__(self, names: tuple[str, ...], clip: Clip, sky: Mask, cells_a_width: float) -> None:
        size, seconds, loop, seed = clip.size, clip.duration_s, clip.loop, clip.seed
        self._loop = loop
        self._particles = [Particles(n, size, seconds, loop, seed) for n in names if n in KINDS]
        self._fog = Fog(size, seconds, loop, seed) if "fog" in names else None
        self._vignette = Vignette(size) if "vignette" in names else None
        self._grain = Grain(size, seed) if "grain" in names else None
        self._tremor = Tremor(seconds, seed) if "handheld" in names else None
        drifts = "clouds" in names and bool(sky.any())
        self._clouds = CloudDrift(sky, cells_a_width, seconds, loop) if drifts else None
        self.racks_focus = "rack_focus" in names

    @property
    def cloud_share(self) -> Field | None:
        """Which places drift with the clouds; None without drifting clouds."""
        return None if self._clouds is None else self._clouds.share

    def draw(self, projector: Projector, pose: Pose, lens: Lens, t: float, number: int) -> Planes:
        """One frame after a share t of the clip."""
        if self._tremor is not None:
            pose = self._tremor.apply(pose, t)
        drift = 0.0 if self._clouds is None else self._clouds.at(t)
        far, close = focus_at(t, self._loop) if self.racks_focus else (0.0, 0.0)
        frame, nearness = projector.back(pose, drift, far)
        if self._fog is not None:
            frame = self._fog.behind(frame, nearness, t)
        for particles in self._particles:
            frame = particles.behind(frame, pose, lens, t)
        frame = projector.front(frame, pose, close)
        if self._fog is not None:
            frame = self._fog.before(frame, t)
        for particles in self._particles:
            frame = particles.before(frame, pose, lens, t)
        if self._vignette is not None:
            frame = self._vignette.apply(frame)
        if self._grain is not None:
            frame = self._grain.apply(frame, number)
        return frame
