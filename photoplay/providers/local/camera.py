"""Where the camera is at each moment, and what that does to a place of known disparity.

Lengths are frame widths from the frame's centre; disparity is 1 near and 0 far.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from photoplay.providers.local.arrays import Field

_EASE = 0.18


@dataclass(frozen=True, slots=True)
class Pose:
    """One placing of the camera.

    Attributes:
        x: sideways step, in widths per unit of disparity.
        y: downward step.
        z: forward step: a place of disparity d grows by `1 / (1 - z * d)`.
        gain: optical zoom.
        roll: radians.
        hold: share of the sideways step taken back by turning towards the subject.
        lock: share of the subject's growth taken back by zooming.
        shake_x: the whole view's shift, in widths, as of an unsteady hand.
        shake_y: the same, vertically.
    """

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    gain: float = 1.0
    roll: float = 0.0
    hold: float = 1.0
    lock: float = 0.0
    shake_x: float = 0.0
    shake_y: float = 0.0

    def scaled(self, amplitude: float) -> Pose:
        """The same direction, further or less far."""
        return replace(
            self,
            x=self.x * amplitude,
            y=self.y * amplitude,
            z=self.z * amplitude,
            gain=1.0 + (self.gain - 1.0) * amplitude,
            roll=self.roll * amplitude,
        )

    def towards(self, end: Pose, s: float) -> Pose:
        """The pose a share s of the way to `end`."""
        return replace(
            self,
            x=self.x + (end.x - self.x) * s,
            y=self.y + (end.y - self.y) * s,
            z=self.z + (end.z - self.z) * s,
            gain=self.gain + (end.gain - self.gain) * s,
            roll=self.roll + (end.roll - self.roll) * s,
        )

    def mirrored(self) -> Pose:
        """The pose seen in a mirror: left and right changed over."""
        return replace(self, x=-self.x, roll=-self.roll)

    def shaken(self, x: float, y: float, roll: float) -> Pose:
        """The pose held by an unsteady hand."""
        return replace(
            self, shake_x=self.shake_x + x, shake_y=self.shake_y + y, roll=self.roll + roll
        )


@dataclass(frozen=True, slots=True)
class Lens:
    """What stays the same for a whole clip.

    Attributes:
        focus_x: the place the camera keeps looking at.
        focus_y: the same, vertically.
        convergence: disparity of that place.
        zoom: constant enlargement that hides the picture's borders.
    """

    focus_x: float = 0.0
    focus_y: float = 0.0
    convergence: float = 0.4
    zoom: float = 1.0


def ease(t: float) -> float:
    """Constant speed with parabolic ends, 0..1 to 0..1."""
    speed = 1.0 / (1.0 - _EASE)
    if t < _EASE:
        return speed * t * t / (2.0 * _EASE)
    if t > 1.0 - _EASE:
        return 1.0 - speed * (1.0 - t) ** 2 / (2.0 * _EASE)
    return speed * (t - _EASE / 2.0)


def to_source(
    x: Field, y: Field, disparity: Field | float, pose: Pose, lens: Lens
) -> tuple[Field, Field]:
    """Where in the picture the frame's place (x, y) looks, if it has that disparity there."""
    cos, sin = float(np.cos(pose.roll)), float(np.sin(pose.roll))
    scale = 1.0 / (pose.gain * lens.zoom * (1.0 - pose.z * lens.convergence * pose.lock))
    near = (1.0 - pose.z * disparity) * scale
    turn = disparity - pose.hold * lens.convergence
    dx, dy = x - (lens.focus_x + pose.shake_x), y - (lens.focus_y + pose.shake_y)
    return (
        lens.focus_x + (cos * dx - sin * dy) * near + pose.x * turn,
        lens.focus_y + (sin * dx + cos * dy) * near + pose.y * turn,
    )


def to_frame(
    x: Field, y: Field, disparity: Field | float, pose: Pose, lens: Lens
) -> tuple[Field, Field]:
    """Where in the frame the picture's place (x, y) of that disparity appears."""
    cos, sin = float(np.cos(pose.roll)), float(np.sin(pose.roll))
    scale = pose.gain * lens.zoom * (1.0 - pose.z * lens.convergence * pose.lock)
    near = scale / (1.0 - pose.z * disparity)
    turn = disparity - pose.hold * lens.convergence
    dx = x - lens.focus_x - pose.x * turn
    dy = y - lens.focus_y - pose.y * turn
    return (
        lens.focus_x + pose.shake_x + (cos * dx + sin * dy) * near,
        lens.focus_y + pose.shake_y + (-sin * dx + cos * dy) * near,
    )
