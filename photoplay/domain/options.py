"""What a user may ask of a clip, and what a model makes of it.

Asked options are kept as asked (`video_jobs.options`); fitting turns them into what a model accepts
(`effective_options`), nearest first, and never silently drops the picture's proportions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

Resolution = Literal["480p", "720p", "1080p"]
MotionStrength = Literal["low", "medium", "high"]
AspectRatio = Literal["auto", "16:9", "9:16", "1:1", "4:3", "3:4"]

RESOLUTIONS: tuple[Resolution, ...] = get_args(Resolution)
MOTION_STRENGTHS: tuple[MotionStrength, ...] = get_args(MotionStrength)
ASPECT_RATIOS: tuple[AspectRatio, ...] = get_args(AspectRatio)
MOVES = (
    "auto",
    "dolly_in",
    "dolly_out",
    "orbit",
    "orbit_loop",
    "pan_left",
    "pan_right",
    "tilt_up",
    "tilt_down",
    "rise",
    "descend",
    "zoom_in",
    "zoom_out",
    "vertigo",
    "static",
)
MAX_PROMPT_CHARACTERS = 2000
MAX_KEY_CHARACTERS = 255
FPS = (24, 30)


@dataclass(frozen=True, slots=True)
class MotionOptions:
    """Options as asked; None means that the user left it to us.

    Attributes:
        duration_s: length of the clip in seconds, 1 to 15.
        resolution: short side of the frame in lines.
        motion_strength: how far the camera moves.
        aspect_ratio: `auto` follows the picture.
        seed: same seed, same clip, where a model supports it; 0 to 2^31 - 1.
        provider: name of the provider to use instead of the configured order.
        loop: the last frame leads into the first.
        move: camera move, one of `MOVES`.
        fps: frames a second, 24 or 30.
    """

    duration_s: float | None = None
    resolution: Resolution | None = None
    motion_strength: MotionStrength | None = None
    aspect_ratio: AspectRatio | None = None
    seed: int | None = None
    provider: str | None = None
    loop: bool | None = None
    move: str | None = None
    fps: int | None = None

    def as_wire(self) -> dict[str, object]:
        """Return the options under their wire names, without those that were not asked."""
        return {_WIRE[k]: v for k, v in asdict(self).items() if v is not None}

    @classmethod
    def from_wire(cls, wire: dict[str, object]) -> MotionOptions:
        """Read what `as_wire` wrote; unknown names of older rows are ignored."""
        values = {ours: wire[name] for ours, name in _WIRE.items() if name in wire}
        return cls(**values)  # pyright: ignore[reportArgumentType] -- validated when it was asked


_WIRE = {
    "duration_s": "durationSec",
    "resolution": "resolution",
    "motion_strength": "motionStrength",
    "aspect_ratio": "aspectRatio",
    "seed": "seed",
    "provider": "provider",
    "loop": "loop",
    "move": "move",
    "fps": "fps",
}


@dataclass(frozen=True, slots=True)
class OptionDefaults:
    """What holds where the user asked for nothing (settings `VIDEO_DEFAULT_…`)."""

    duration_s: float = 4.0
    resolution: Resolution = "720p"
    motion_strength: MotionStrength = "low"


@dataclass(frozen=True, slots=True)
class EffectiveOptions:
    """What a provider's model is given.

    Attributes:
        notes: one sentence a difference between what was asked and what is given, for people.
    """

    duration_s: float
    resolution: Resolution
    motion_strength: MotionStrength
    aspect_ratio: AspectRatio
    seed: int
    loop: bool
    move: str
    fps: int
    notes: tuple[str, ...] = field(default=())

    def as_wire(self) -> dict[str, object]:
        """Return the options under their wire names."""
        wire = {_WIRE[k]: v for k, v in asdict(self).items() if k in _WIRE}
        return {**wire, "notes": list(self.notes)} if self.notes else wire

    @classmethod
    def from_wire(cls, wire: dict[str, object]) -> EffectiveOptions:
        """Read what `as_wire` wrote."""
        values = {ours: wire[name] for ours, name in _WIRE.items() if name in wire}
        notes = wire.get("notes")
        return cls(  # pyright: ignore[reportCallIssue]
            **values,  # pyright: ignore[reportArgumentType]
            notes=tuple(str(n) for n in notes) if isinstance(notes, list) else (),  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        )


def nearest_duration(asked_s: float, offered_s: tuple[float, ...]) -> float:
    """Return the offered length closest to the asked one; the longer one when two are as close."""
    return min(offered_s, key=lambda offered: (abs(offered - asked_s), -offered))


def nearest_resolution(asked: Resolution, offered: tuple[Resolution, ...]) -> Resolution:
    """Return the asked resolution or the closest offered one, the smaller when two are as close."""
    rank = RESOLUTIONS.index(asked)
    return min(offered, key=lambda r: (abs(RESOLUTIONS.index(r) - rank), RESOLUTIONS.index(r)))
