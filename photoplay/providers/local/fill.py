"""Paints the background that the subject hides, as far as the camera can look behind it.

Only a ring around the subject is ever seen. There the picture is continued with patches of
itself, coarse to fine (Wexler, Shechtman, Irani: "Space-Time Completion of Video", 2007); deeper
inside smooth colours do. The patches are sought on a small copy; the full-size detail is carried
over from where they were found.
"""

from __future__ import annotations

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, Mask, Places, Values, as_field, mesh
from photoplay.providers.local.smoothing import fill_from_known

_GROW = 0.007
_RING = 0.10
_FRINGE = 0.16
_LEVELS_PX = (104, 208)
_ROUNDS = (4, 1)
_TONE_PX = 2.5
_HUE = 4.0
_RADIUS = 3
_MAX_SOURCES = 2000
_NEARBY = 1.5


def fill_background(rgb: Field, alpha: Field, salience: Field, frame_px: int) -> tuple[Field, Mask]:
    """Paints what the subject hides.

    Args:
        rgb: canvas colours 0..255.
        alpha: the subject's opacity.
        salience: 0..1; faint hair and fluff just outside the outline is painted over too.
        frame_px: the clip's width in canvas pixels, for lengths.

    Returns:
        The background, and the hole that was painted.
    """
    grow = max(2, round(_GROW * frame_px))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1))
    core: Mask = alpha > 0.04
    near: Mask = np.asarray(cv2.dilate(core.astype(np.uint8), kernel)) > 0
    fluff: Mask = near & (salience > _FRINGE)
    hole: Bytes = np.asarray(cv2.dilate((core | fluff).astype(np.uint8), kernel))
    if not hole.any() or hole.all():
        return rgb, hole.astype(bool)
    painted = _complete(rgb, hole, _RING * frame_px)
    inside = cv2.distanceTransform(hole, cv2.DIST_L2, 5)
    seam = np.clip(inside / max(1.0, 0.6 * grow), 0.0, 1.0)[..., None]
    return as_field(np.clip(rgb * (1 - seam) + painted * seam, 0, 255)), hole.astype(bool)


def _complete(rgb: Field, hole: Bytes, ring_px: float) -> Field:
    """Texture of the likeliest patches, in the tones that run on smoothly from all around."""
    height, width = hole.shape
    longest = max(height, width)
    small: Field = rgb
    places: tuple[Places, Places] | None = None
    holed = hole
    for side, rounds in zip(_LEVELS_PX, _ROUNDS, strict=True):
        scale = min(1.0, side / longest)
        least = 2 * _RADIUS + 2
        size = (max(least, round(width * scale)), max(least, round(height * scale)))
        holed = _shrink_hole(hole, size)
        known = _shrink_known(rgb, hole, size)
        if small is rgb:
            start = fill_from_known(known, as_field(1 - holed))
        else:
            grown = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
            start = np.where(holed[..., None] > 0, grown, known)
        small, places = _synthesise(as_field(start), holed, ring_px * scale, rounds)
    smooth = _smooth(rgb, hole, 0.006 * longest)
    base = as_field(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
    off = as_field((smooth - base) * hole[..., None])
    part = cv2.resize(off, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA)
    tone = cv2.GaussianBlur(part, (0, 0), _TONE_PX)
    base = as_field(base + cv2.resize(tone, (width, height), interpolation=cv2.INTER_LINEAR))
    return base if places is None else _with_detail(rgb, hole, base, holed, places)


def _smooth(rgb: Field, hole: Bytes, sigma: float) -> Field:
    """The picture with its tones carried smoothly into the hole."""
    seen = as_field(1 - hole)
    weight = cv2.GaussianBlur(seen, (0, 0), sigma)[..., None]
    calm = cv2.GaussianBlur(rgb * seen[..., None], (0, 0), sigma) / np.maximum(weight, 1e-3)
    return fill_from_known(as_field(calm), seen)


def _shrink_hole(hole: Bytes, size: tuple[int, int]) -> Bytes:
    part = cv2.resize(as_field(hole), size, interpolation=cv2.INTER_AREA)
    return (part > 0.02).astype(np.uint8)


def _shrink_known(rgb: Field, hole: Bytes, size: tuple[int, int]) -> Field:
    """The small picture, from known pixels alone where a cell is partly hidden."""
    seen = as_field(1 - hole)
    weight = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)[..., None]
    total = cv2.resize(rgb * seen[..., None], size, interpolation=cv2.INTER_AREA)
    return as_field(total / np.maximum(weight, 1e-3))


def _synthesise(
    picture: Field, hole: Bytes, ring: float, rounds: int
) -> tuple[Field, tuple[Places, Places] | None]:
    """Rounds of: find each hidden patch's likeness, then let all patches vote for colours.

    Returns:
        The completed picture, and for the hidden patches their centres and sources, both as
        flat indices; None when there is too little to copy from.
    """
    height, width = hole.shape
    inside = cv2.distanceTransform(hole, cv2.DIST_L2, 5)
    side = 2 * _RADIUS + 1
    reach = cv2.dilate(hole, np.ones((side, side), np.uint8))
    wanted = (reach > 0) & (inside <= ring + _RADIUS)
    outside = cv2.distanceTransform(1 - hole, cv2.DIST_L2, 5)
    usable = (reach == 0) & (outside < max(12.0, 2.5 * ring))
    for mask in (wanted, usable):
        mask[:_RADIUS], mask[-_RADIUS:] = False, False
        mask[:, :_RADIUS], mask[:, -_RADIUS:] = False, False
    targets, sources = np.flatnonzero(wanted), np.flatnonzero(usable)
    if len(targets) == 0 or len(sources) < 40:
        return picture, None
    if len(sources) > _MAX_SOURCES:
        step = len(sources) / _MAX_SOURCES
        sources = sources[(np.arange(_MAX_SOURCES) * step).astype(np.intp)]
    offsets = np.array(
        [
            dy * width + dx
            for dy in range(-_RADIUS, _RADIUS + 1)
            for dx in range(-_RADIUS, _RADIUS + 1)
        ]
    )
    hidden = hole.reshape(-1) > 0
    flat = picture.reshape(-1, 3).copy()
    found = sources[np.zeros(len(targets), dtype=np.intp)]
    for _ in range(rounds):
        found = _likenesses(flat, targets, sources, offsets, width)
        flat = _vote(flat, hidden, targets, found, offsets, inside.reshape(-1))
    return as_field(flat.reshape(height, width, 3)), (targets, found)


def _likenesses(
    flat: Field, targets: Places, sources: Places, offsets: Places, width: int
) -> Places:
    """For each target patch the source patch most like it, nearby ones preferred."""
    light = as_field(flat @ np.array((0.3, 0.6, 0.1), dtype=np.float32))
    hue = as_field(flat[:, (0, 2)] - light[:, None]) * np.float32(_HUE)

    def feature(places: Places) -> Field:
        where = np.stack((places // width, places % width), axis=1).astype(np.float32)
        return as_field(
            np.concatenate((light[places[:, None] + offsets], hue[places], where * _NEARBY), axis=1)
        )

    a, b = feature(sources), feature(targets)
    norms = np.einsum("ij,ij->i", a, a)
    best = np.empty(len(targets), dtype=np.intp)
    none = np.zeros((0, 0), dtype=np.float32)
    for start in range(0, len(targets), 1024):
        part = b[start : start + 1024]
        # OpenCV's product: numpy's would spin up a second set of threads.
        likeness: Field = np.asarray(cv2.gemm(part, a, -2.0, none, 0.0, flags=cv2.GEMM_2_T))
        best[start : start + 1024] = np.argmin(norms[None, :] + likeness, axis=1)
    return sources[best]


def _vote(
    flat: Field, hidden: Mask, targets: Places, found: Places, offsets: Places, inside: Field
) -> Field:
    total = np.zeros_like(flat)
    weight = np.zeros(len(flat), dtype=np.float32)
    # Patches near the known picture are surer than those deep inside.
    trust = (1.3 ** -inside[targets]).astype(np.float32) + np.float32(1e-3)
    for offset in offsets:
        total[targets + offset] += flat[found + offset] * trust[:, None]
        weight[targets + offset] += trust
    voted = hidden & (weight > 0)
    out = flat.copy()
    out[voted] = total[voted] / weight[voted, None]
    return out


def _with_detail(
    rgb: Field, hole: Bytes, base: Field, small_hole: Bytes, places: tuple[Places, Places]
) -> Field:
    """Adds the full-size detail of the places that the small patches came from."""
    height, width = hole.shape
    rows, columns = small_hole.shape
    targets, found = places
    shift_x = np.zeros((rows, columns), dtype=np.float32)
    shift_y = np.zeros_like(shift_x)
    known = np.zeros_like(shift_x)
    shift_x.reshape(-1)[targets] = found % columns - targets % columns
    shift_y.reshape(-1)[targets] = found // columns - targets // columns
    known.reshape(-1)[targets] = 1.0
    shift_x, shift_y = as_field(cv2.medianBlur(shift_x, 5)), as_field(cv2.medianBlur(shift_y, 5))
    size = (width, height)
    across = cv2.resize(shift_x, size, interpolation=cv2.INTER_NEAREST) * (width / columns)
    down = cv2.resize(shift_y, size, interpolation=cv2.INTER_NEAREST) * (height / rows)
    there = cv2.resize(known, size, interpolation=cv2.INTER_LINEAR)
    columns_px: Values = np.arange(int(width))
    rows_px: Values = np.arange(int(height))
    x, y = mesh(columns_px, rows_px)
    seen = as_field(1 - hole)
    sigma = max(1.0, 0.6 * width / columns)
    calm = cv2.GaussianBlur(rgb * seen[..., None], (0, 0), sigma) / np.maximum(
        cv2.GaussianBlur(seen, (0, 0), sigma)[..., None], 1e-3
    )
    detail = as_field((rgb - calm) * seen[..., None])
    carried = cv2.remap(
        detail,
        as_field(x + across),
        as_field(y + down),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return as_field(base + carried * there[..., None])
