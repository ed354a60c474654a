"""Names for the array types that travel between the rooms of the renderer.

Element types are promised by name only: OpenCV's and numpy's annotations do not carry them
through arithmetic.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[Any]
"""8-bit samples: a plane (h, w) or a picture (h, w, 3)."""

Field: TypeAlias = npt.NDArray[Any]
"""One 32-bit float a place: a map (h, w) or a stack of maps."""

Values: TypeAlias = npt.NDArray[Any]
"""64-bit floats."""

Places: TypeAlias = npt.NDArray[Any]
"""Indices."""

Mask: TypeAlias = npt.NDArray[Any]
"""True where something is."""


def as_field(values: npt.NDArray[Any]) -> Field:
    """Gives the values as contiguous 32-bit floats, which OpenCV insists on."""
    return np.ascontiguousarray(values, dtype=np.float32)


def as_bytes(values: npt.NDArray[Any]) -> Bytes:
    """Rounds and clips the values into 0..255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def mesh(across: Values, down: Values) -> tuple[Field, Field]:
    """The x and the y of every crossing of columns and rows."""
    x, y = np.meshgrid(across, down)
    return as_field(x), as_field(y)
