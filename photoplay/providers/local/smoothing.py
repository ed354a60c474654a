"""Filters that respect edges (guided filter) or holes (push-pull)."""

from __future__ import annotations

import cv2
import numpy as np

from photoplay.providers.local.arrays import Field, as_field


def box_mean(values: Field, radius: int) -> Field:
    """Mean over a square of side `2 * radius + 1`."""
    side = 2 * radius + 1
    return as_field(cv2.boxFilter(values, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REFLECT))


def guided_by_colour(guide: Field, values: Field, radius: int, eps: float) -> Field:
    """Smooths `values` so that its edges follow those of a colour picture.

    He, Sun, Tang: "Guided Image Filtering", 2013.

    Args:
        guide: RGB in 0..1, (h, w, 3).
        values: map to smooth, (h, w).
        radius: half side of the window in pixels.
        eps: how strong a colour edge must be to be kept (variance, 0..1 scale).
    """
    mean_g = box_mean(guide, radius)
    mean_v = box_mean(values, radius)
    cov = box_mean(guide * values[..., None], radius) - mean_g * mean_v[..., None]
    red, green, blue = guide[..., 0], guide[..., 1], guide[..., 2]
    m_r, m_g, m_b = mean_g[..., 0], mean_g[..., 1], mean_g[..., 2]
    v_rr = box_mean(red * red, radius) - m_r * m_r + eps
    v_rg = box_mean(red * green, radius) - m_r * m_g
    v_rb = box_mean(red * blue, radius) - m_r * m_b
    v_gg = box_mean(green * green, radius) - m_g * m_g + eps
    v_gb = box_mean(green * blue, radius) - m_g * m_b
    v_bb = box_mean(blue * blue, radius) - m_b * m_b + eps
    i_rr, i_rg, i_rb = (
        v_gg * v_bb - v_gb * v_gb,
        v_gb * v_rb - v_rg * v_bb,
        v_rg * v_gb - v_gg * v_rb,
    )
    i_gg, i_gb, i_bb = (
        v_rr * v_bb - v_rb * v_rb,
        v_rb * v_rg - v_rr * v_gb,
        v_rr * v_gg - v_rg * v_rg,
    )
    det = i_rr * v_rr + i_rg * v_rg + i_rb * v_rb
    c_r, c_g, c_b = cov[..., 0], cov[..., 1], cov[..., 2]
    slope = np.stack(
        (
            (i_rr * c_r + i_rg * c_g + i_rb * c_b) / det,
            (i_rg * c_r + i_gg * c_g + i_gb * c_b) / det,
            (i_rb * c_r + i_gb * c_g + i_bb * c_b) / det,
        ),
        axis=-1,
    )
    offset = mean_v - np.sum(slope * mean_g, axis=-1)
    slope = box_mean(as_field(slope), radius)
    return as_field(np.sum(slope * guide, axis=-1) + box_mean(as_field(offset), radius))


def fill_from_known(values: Field, known: Field) -> Field:
    """Carries known values smoothly into the unknown places (push-pull pyramid).

    Args:
        values: (h, w) or (h, w, channels).
        known: weight 0..1 of each place, (h, w).

    Returns:
        `values` where `known` is 1, a smooth continuation elsewhere.
    """
    weight = known if values.ndim == 2 else known[..., None]
    filled, _ = _push_pull(as_field(values * weight), as_field(known))
    return as_field(values * weight + filled * (1.0 - weight))


def _push_pull(weighted: Field, weight: Field) -> tuple[Field, Field]:
    height, width = weight.shape
    here = weight if weighted.ndim == 2 else weight[..., None]
    if height <= 2 and width <= 2:
        total = float(weight.sum())
        mean = weighted.sum(axis=(0, 1)) / max(total, 1e-6)
        return as_field(np.broadcast_to(mean, weighted.shape)), weight
    size = ((width + 1) // 2, (height + 1) // 2)
    small = as_field(cv2.resize(weighted, size, interpolation=cv2.INTER_AREA))
    small_weight = as_field(cv2.resize(weight, size, interpolation=cv2.INTER_AREA))
    # Places seen at least a little count fully one level up, so that holes close fast.
    gain = np.minimum(1.0, small_weight * 4.0) / np.maximum(small_weight, 1e-6)
    scaled = small * (gain if small.ndim == 2 else gain[..., None])
    below, _ = _push_pull(as_field(scaled), as_field(small_weight * gain))
    pulled = as_field(cv2.resize(below, (width, height), interpolation=cv2.INTER_LINEAR))
    return as_field(weighted + pulled * (1.0 - np.minimum(here, 1.0))), weight
