"""Is there one subject, and can the cut-out be trusted?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, Mask

Finder = Callable[[Bytes], Field]

LAYERED_FROM = 0.6
_SURELY = 0.85
_HALO = 0.010
"""Confidence from which the subject becomes a layer of its own."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What stands out, and how sure that is.

    Attributes:
        salience: 0..1 a place, at analysis size.
        mask: the subject's places.
        confidence: 0..1; from `LAYERED_FROM` on it is cut out.
        box: left, top, right, bottom in 0..1 of the picture; None when nothing stands out.
        centre: centre of mass in 0..1 of the picture.
    """

    salience: Field
    mask: Mask
    confidence: float
    box: tuple[float, float, float, float] | None
    centre: tuple[float, float]

    @property
    def is_layer(self) -> bool:
        """True when the subject is cut out and moves before its background."""
        return self.confidence >= LAYERED_FROM


def find_subject(rgb: Bytes, find: Finder) -> Subject:
    """Looks once, and a second time at the mirror image when the first look is doubtful.

    Args:
        rgb: the picture at analysis size.
        find: gives the salience of a picture.
    """
    salience = find(rgb)
    mask = _main_part(_sure(salience))
    area = float(mask.mean())
    if float(salience.max()) < 0.9 or area < 0.001:
        return _subject(salience, mask, 0.0)
    doubt = _ambiguity(salience, mask)
    if doubt > 0.30 or _is_range(mask):
        return _subject(salience, mask, 0.0)
    fit = _ramp(area, 0.022, 0.008) * _ramp(0.88 - area, 0.0, 0.1)
    if doubt < 0.03 or fit == 0.0:
        return _subject(salience, mask, fit)
    mirrored = find(np.ascontiguousarray(rgb[:, ::-1]))[:, ::-1]
    agreement = _overlap(salience > 0.5, mirrored > 0.5)
    sure = _ramp(agreement, 0.70, 0.15) * _ramp(0.22 - doubt, 0.0, 0.10)
    return _subject(salience, mask, fit * sure)


def _ramp(value: float, start: float, width: float) -> float:
    return min(1.0, max(0.0, (value - start) / width))


def _overlap(one: Mask, other: Mask) -> float:
    union = float((one | other).sum())
    return float((one & other).sum()) / union if union else 0.0


def _sure(salience: Field) -> Mask:
    """Salient places, without half-salient ones that no surely salient place is near to."""
    side = 2 * round(_HALO * max(salience.shape)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    reach = cv2.dilate((salience > _SURELY).astype(np.uint8), kernel) > 0
    return (salience > 0.5) & reach


def _main_part(mask: Mask) -> Mask:
    """Leaves out specks: parts below a twelfth of the largest one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count <= 2:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = 1 + np.flatnonzero(areas >= areas.max() / 12)
    return np.isin(labels, kept)


def _ambiguity(salience: Field, mask: Mask) -> float:
    """Half-salient places away from the contour, as a share of the subject."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    unsure = (salience > 0.12) & (salience < 0.88) & (np.maximum(inside, outside) > 4)
    return float(unsure.sum()) / max(1.0, float(mask.sum()))


def _is_range(mask: Mask) -> bool:
    """A mask nearly as wide as the picture that does not reach the ground is a skyline."""
    columns = np.flatnonzero(mask.any(axis=0))
    rows = np.flatnonzero(mask.any(axis=1))
    height, width = mask.shape
    return bool(len(columns) > 0.85 * width and rows.max() < 0.86 * height)


def _subject(salience: Field, mask: Mask, confidence: float) -> Subject:
    if not mask.any():
        return Subject(salience, mask, 0.0, None, (0.5, 0.5))
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    box = (
        float(columns.min()) / width,
        float(rows.min()) / height,
        float(columns.max() + 1) / width,
        float(rows.max() + 1) / height,
    )
    centre = (float(columns.mean() + 0.5) / width, float(rows.mean() + 0.5) / height)
    return Subject(salience, mask, confidence, box, centre)
