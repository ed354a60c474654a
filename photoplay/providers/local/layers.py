"""From a picture and its relief to the planes the camera films: one sheet, or two layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, Mask, as_bytes, as_field
from photoplay.providers.local.smoothing import box_mean, guided_by_colour


@dataclass(frozen=True, slots=True)
class Planes:
    """One layer in YUV 4:2:0, BT.709 limited range.

    Attributes:
        luma: (h, w).
        blue: chroma at half size.
        red: chroma at half size.
        alpha: opacity (h, w); None for an opaque layer. Colours are premultiplied.
        alpha_half: opacity at chroma size.
    """

    luma: Bytes
    blue: Bytes
    red: Bytes
    alpha: Bytes | None = None
    alpha_half: Bytes | None = None


def to_planes(rgb: Field, alpha: Field | None = None) -> Planes:
    """Converts RGB (0..255) to video planes, premultiplied when there is an alpha (0..1)."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    c_blue = (blue - luma) * (224.0 / 255.0 / 1.8556) + 128.0
    c_red = (red - luma) * (224.0 / 255.0 / 1.5748) + 128.0
    luma = luma * (219.0 / 255.0) + 16.0
    if alpha is None:
        return Planes(as_bytes(luma), as_bytes(_half(c_blue)), as_bytes(_half(c_red)))
    return Planes(
        as_bytes(luma * alpha),
        as_bytes(_half(c_blue * alpha)),
        as_bytes(_half(c_red * alpha)),
        as_bytes(alpha * 255.0),
        as_bytes(_half(alpha) * 255.0),
    )


def _half(plane: Field) -> Field:
    height, width = plane.shape
    return as_field(cv2.resize(plane, (width // 2, height // 2), interpolation=cv2.INTER_AREA))


def blend_over(back: Bytes, tone: int, alpha: Bytes) -> Bytes:
    """Lays one even tone over a plane, with an opacity of 0..255 a place."""
    through = cv2.multiply(back, cv2.bitwise_not(alpha), scale=1.0 / 255.0)
    return cast("Bytes", cv2.add(through, cv2.LUT(alpha, _ramp_to(tone))))


@lru_cache(maxsize=64)
def _ramp_to(tone: int) -> Bytes:
    return as_bytes(np.arange(256) * (tone / 255.0))


def cut_matte(rgb: Field, salience: Field, mask: Mask) -> Field:
    """Opacity of the subject, 0..1, soft only along its outline.

    A guided filter runs in a narrow unknown band; the inside is forced opaque, for a network
    that is unsure of a shirt would otherwise turn it to fog.

    Args:
        rgb: canvas colours 0..255.
        salience: 0..1 at canvas size.
        mask: the subject at canvas size.
    """
    height, width = mask.shape
    side = min(1.0, 640.0 / max(height, width))
    size = (max(8, round(width * side)), max(8, round(height * side)))
    small = as_field(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) / 255.0)
    soft = as_field(cv2.resize(salience, size, interpolation=cv2.INTER_AREA))
    part = cv2.resize(as_field(mask), size, interpolation=cv2.INTER_AREA)
    radius = max(2, round(0.012 * 640))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    inner = cv2.erode(((soft > 0.5) & (part > 0.5)).astype(np.uint8), kernel).astype(bool)
    near = cv2.dilate(((soft > 0.5) & (part > 0.5)).astype(np.uint8), kernel).astype(bool)
    band = near & ~inner
    start = np.where(inner, 1.0, np.where(near, np.where(part > 0.5, soft, 0.0), 0.0))

    fine = guided_by_colour(small, as_field(start), 8, 1e-4)
    fine = np.clip((fine - 0.12) / 0.76, 0.0, 1.0)
    fine = fine * fine * (3.0 - 2.0 * fine)
    alpha = np.where(inner, 1.0, np.where(band, fine, 0.0))
    return as_field(np.clip(cv2.resize(as_field(alpha), (width, height)), 0.0, 1.0))


def subject_colours(rgb: Field, alpha: Field, back: Field) -> Field:
    """The subject's own colours where it is half transparent, without the background's halo.

    Forte: "Approximate Fast Foreground Colour Estimation", 2021 (blur fusion).
    """
    fused, mean_back = _blur_fusion(rgb, rgb, rgb, alpha, 30)
    fused, _ = _blur_fusion(rgb, fused, mean_back, alpha, 5)
    # Over the painted background the layer must give the photograph again.
    share = alpha[..., None]
    exact = (rgb - (1.0 - share) * back) / np.maximum(share, 0.02)
    trust = np.clip((share - 0.02) / 0.08, 0.0, 1.0)
    return as_field(np.clip(fused * (1.0 - trust) + exact * trust, 0.0, 255.0))


def _blur_fusion(
    rgb: Field, front: Field, back: Field, alpha: Field, radius: int
) -> tuple[Field, Field]:
    share = alpha[..., None]
    mean_alpha = box_mean(alpha, radius)[..., None]
    mean_front = box_mean(as_field(front * share), radius) / (mean_alpha + 1e-5)
    mean_back = box_mean(as_field(back * (1.0 - share)), radius) / (1.0 - mean_alpha + 1e-5)
    fused = mean_front + share * (rgb - share * mean_front - (1.0 - share) * mean_back)
    return as_field(fused), as_field(mean_back)
