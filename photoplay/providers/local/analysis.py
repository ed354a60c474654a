"""Everything read off the picture before the camera is placed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, Mask
from photoplay.providers.local.disparity import Relief, lay_out, scene_disparity
from photoplay.providers.local.patience import Patience
from photoplay.providers.local.saliency import find_salient
from photoplay.providers.local.segments import Segments, find_segments
from photoplay.providers.local.sky import Sky, find_sky
from photoplay.providers.local.subject import Subject, find_subject
from photoplay.providers.local.uprights import is_upright, straighten

ANALYSIS_PX = 512
"""Longer side of the picture that is analysed."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """What the picture shows.

    Attributes:
        subject: what stands out.
        sky: the sky and the horizon.
        segments: long straight edges.
        upright: which of them stand upright.
        relief: disparity of the layers.
    """

    subject: Subject
    sky: Sky
    segments: Segments
    upright: Mask
    relief: Relief


def shrink(rgb: Bytes, side_px: int = ANALYSIS_PX) -> Bytes:
    """The picture with its longer side at most `side_px`."""
    height, width = rgb.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def understand(
    rgb: Bytes, patience: Patience, depth: Callable[[Bytes], Field] | None = None
) -> Understanding:
    """Finds subject, sky, straight edges and relief.

    Args:
        rgb: the picture.
        patience: asked between the steps.
        depth: gives a picture's disparity from a network; None reads it from the picture.
    """
    small = shrink(rgb)
    subject = find_subject(small, lambda image: patience.run(lambda: find_salient(image)))
    patience.reach(0.08)
    segments = patience.run(lambda: find_segments(small))
    sky = patience.run(lambda: find_sky(small, segments))
    patience.reach(0.09)
    if depth is None:
        scene = patience.run(lambda: scene_disparity(small, sky.mask, sky.horizon))
        source = "heuristic"
    else:
        scene = patience.run(lambda: depth(small))
        source = "model"
    patience.reach(0.10)
    upright = is_upright(segments, sky.horizon, sky.known)

    def straight(disparity: Field, where: Mask | None) -> Field:
        return straighten(disparity, small, segments, upright, sky.known, where)

    def untouched(disparity: Field, _where: Mask | None) -> Field:
        return disparity

    rule = straight if depth is None else untouched
    relief = patience.run(lambda: lay_out(scene, subject, sky.horizon, source, rule))
    patience.reach(0.11)
    return Understanding(subject, sky, segments, upright, relief)
