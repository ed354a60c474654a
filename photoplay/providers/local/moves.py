"""The table of camera moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from photoplay.providers.local.camera import Pose

Path = Callable[[float], Pose]


@dataclass(frozen=True, slots=True)
class Move:
    """A camera move at unit amplitude.

    Attributes:
        says: what a viewer sees, for people who choose.
        path: pose at s in 0..1, the eased time.
        weight: share of the usual parallax this move aims for.
        closed: the path ends where it began.
    """

    says: str
    path: Path
    weight: float = 1.0
    closed: bool = False

    def mirrored(self) -> Move:
        """The same move with left and right changed over."""
        path = self.path

        def other(s: float) -> Pose:
            return path(s).mirrored()

        return Move(self.says, other, self.weight, self.closed)

    @property
    def middle(self) -> float:
        """Where on the path the camera is farthest from its start."""
        return 0.5 if self.closed else 1.0


def _between(start: Pose, end: Pose) -> Path:
    def path(s: float) -> Pose:
        return start.towards(end, s)

    return path


def _orbit(s: float) -> Pose:
    bow = 1.0 - (2.0 * s - 1.0) ** 2
    return Pose(x=0.085 * (2.0 * s - 1.0), z=0.05 * bow, hold=0.8)


def _orbit_loop(s: float) -> Pose:
    angle = 2.0 * math.pi * s
    return Pose(x=0.085 * math.cos(angle), y=0.030 * math.sin(angle), z=0.04 * math.sin(angle))


AUTO_MOVES: dict[str, Move] = {
    "auto_subject": Move(
        "An arc past the subject while closing in.",
        _between(Pose(-0.075, 0.012), Pose(0.075, -0.012, 0.17, 1.02)),
    ),
    "auto_landscape": Move(
        "A slow flight forward and up into the view.",
        _between(Pose(-0.018, 0.02), Pose(0.018, -0.02, 0.26, 1.055)),
    ),
    "auto_scene": Move(
        "A slow walk forward into the scene.",
        _between(Pose(-0.022), Pose(0.022, 0.0, 0.22, 1.055)),
    ),
}
"""What `auto` stands for, chosen by the scene."""

MOVES: dict[str, Move] = {
    "auto": Move("Chosen by the scene.", AUTO_MOVES["auto_scene"].path),
    "dolly_in": Move("The camera drives forward.", _between(Pose(), Pose(z=0.26))),
    "dolly_out": Move("The camera drives back.", _between(Pose(z=0.26), Pose())),
    "orbit": Move("An arc around the subject.", _orbit),
    "orbit_loop": Move("A small ellipse without end.", _orbit_loop, closed=True),
    "pan_left": Move(
        "The camera glides to the left.",
        _between(Pose(0.085, hold=0.25), Pose(-0.085, hold=0.25)),
    ),
    "pan_right": Move(
        "The camera glides to the right.",
        _between(Pose(-0.085, hold=0.25), Pose(0.085, hold=0.25)),
    ),
    "tilt_up": Move(
        "The view goes up.", _between(Pose(y=0.06, hold=0.25), Pose(y=-0.06, hold=0.25))
    ),
    "tilt_down": Move(
        "The view goes down.", _between(Pose(y=-0.06, hold=0.25), Pose(y=0.06, hold=0.25))
    ),
    "rise": Move("The camera is lifted.", _between(Pose(y=0.055), Pose(y=-0.055, z=0.10))),
    "descend": Move("The camera is lowered.", _between(Pose(y=-0.055, z=0.10), Pose(y=0.055))),
    "zoom_in": Move(
        "The picture grows, with a little depth.",
        _between(Pose(), Pose(z=0.10, gain=1.16)),
        weight=0.55,
    ),
    "zoom_out": Move(
        "The picture shrinks, with a little depth.",
        _between(Pose(z=0.10, gain=1.16), Pose()),
        weight=0.55,
    ),
    "vertigo": Move(
        "The subject keeps its size while the background moves away.",
        _between(Pose(lock=1.0), Pose(z=0.42, lock=1.0)),
    ),
    "static": Move("The camera stands still; for effects.", _between(Pose(), Pose()), weight=0.0),
}
"""Moves a caller may ask for, by name."""


def path_named(name: str) -> Move:
    """The move of that name, those behind `auto` included."""
    return AUTO_MOVES[name] if name in AUTO_MOVES else MOVES[name]
