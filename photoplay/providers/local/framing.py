"""From the picture's shape to the clip's: frame size, crop around the subject, backdrop."""

from __future__ import annotations

import math
from dataclasses import dataclass

from photoplay.providers.local.spec import ASPECTS, RESOLUTIONS

_SLACK = 0.12
_LOSS_FOR_BACKDROP = 0.35
_HEADROOM = 0.42
_SHARPEST = 1.25

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Framing:
    """Where the frame lies in the picture.

    Attributes:
        width: clip width in pixels, even.
        height: clip height in pixels, even.
        pane: left, top, width, height in clip pixels of the part that shows the picture; all
            of the frame unless there is a backdrop.
        window: left, top, right, bottom of the crop in picture pixels.
        canvas: whole pixels around the window that the camera may wander into.
        backdrop: a blurred copy fills the frame around the pane.
    """

    width: int
    height: int
    pane: tuple[int, int, int, int]
    window: Box
    canvas: tuple[int, int, int, int]
    backdrop: bool


def frame_size(ratio: tuple[int, int], resolution: str) -> tuple[int, int]:
    """Width and height in pixels, both even, with the resolution as the short side."""
    short = RESOLUTIONS[resolution]
    across, down = ratio
    if across >= down:
        return _even(short * across / down), short
    return short, _even(short * down / across)


def nearest_aspect(width: int, height: int) -> str:
    """The name of the frame shape nearest to a picture's."""
    shape = math.log(width / height)
    return min(ASPECTS, key=lambda name: abs(math.log(ASPECTS[name][0] / ASPECTS[name][1]) - shape))


def pixels_needed(size: tuple[int, int], aspect: str, resolution: str) -> int:
    """Pixels on the picture's longer side that fill the frame sharply at every zoom.

    Args:
        size: picture width and height in pixels.
        aspect: `auto` or a name in `ASPECTS`.
        resolution: a name in `RESOLUTIONS`.
    """
    name = nearest_aspect(*size) if aspect == "auto" else aspect
    width, height = frame_size(ASPECTS[name], resolution)
    window = _crop(size, width / height, None, (0.5, 0.5))
    return math.ceil(_SHARPEST * max(size) * width / (window[2] - window[0]))


def frame_picture(
    size: tuple[int, int],
    aspect: str,
    resolution: str,
    subject_box: Box | None,
    subject_centre: tuple[float, float],
) -> Framing:
    """Lays the frame over the picture.

    Args:
        size: picture width and height in pixels.
        aspect: `auto` or a name in `ASPECTS`.
        resolution: a name in `RESOLUTIONS`.
        subject_box: the subject in 0..1 of the picture, None without one.
        subject_centre: its centre of mass in 0..1 of the picture.
    """
    name = nearest_aspect(*size) if aspect == "auto" else aspect
    width, height = frame_size(ASPECTS[name], resolution)
    window = _crop(size, width / height, subject_box, subject_centre)
    if aspect != "auto" and subject_box and _lost(subject_box, window, size) > _LOSS_FOR_BACKDROP:
        pane = _fit(size, (width, height))
        window = _crop(size, pane[2] / pane[3], None, (0.5, 0.5))
        return Framing(width, height, pane, window, _with_slack(window, size), True)
    return Framing(width, height, (0, 0, width, height), window, _with_slack(window, size), False)


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))


def _crop(size: tuple[int, int], ratio: float, box: Box | None, centre: tuple[float, float]) -> Box:
    full_w, full_h = size
    width = min(float(full_w), full_h * ratio)
    height = width / ratio
    centre_x, centre_y = centre[0] * full_w, centre[1] * full_h
    if box is None:
        centre_x, centre_y = full_w / 2, full_h / 2
    else:
        centre_y = min(centre_y, box[1] * full_h + _HEADROOM * height)
    left = min(max(0.0, centre_x - width / 2), full_w - width)
    top = min(max(0.0, centre_y - height / 2), full_h - height)
    return left, top, left + width, top + height


def _lost(box: Box, window: Box, size: tuple[int, int]) -> float:
    """Share of the subject's box that the crop cuts off."""
    left, top, right, bottom = (
        box[0] * size[0],
        box[1] * size[1],
        box[2] * size[0],
        box[3] * size[1],
    )
    across = max(0.0, min(right, window[2]) - max(left, window[0]))
    down = max(0.0, min(bottom, window[3]) - max(top, window[1]))
    return 1.0 - across * down / max(1e-9, (right - left) * (bottom - top))


def _fit(size: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int, int, int]:
    scale = min(frame[0] / size[0], frame[1] / size[1])
    width = min(frame[0], _even(size[0] * scale))
    height = min(frame[1], _even(size[1] * scale))
    return 2 * ((frame[0] - width) // 4), 2 * ((frame[1] - height) // 4), width, height


def _with_slack(window: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    slack = _SLACK * (window[2] - window[0])
    return (
        max(0, math.floor(window[0] - slack)),
        max(0, math.floor(window[1] - slack)),
        min(size[0], math.ceil(window[2] + slack)),
        min(size[1], math.ceil(window[3] + slack)),
    )
