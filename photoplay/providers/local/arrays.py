"""Names for the array types that travel between the rooms of the renderer."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
"""8-bit samples: a plane (h, w) or a picture (h, w, 3)."""

Field: TypeAlias = npt.NDArray[np.float32]
"""One 32-bit value a place: a map (h, w) or a stack of maps."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""True where something is."""


def as_field(values: npt.NDArray[Any]) -> Field:
    """Gives the values as contiguous 32-bit floats, which OpenCV insists on."""
    return np.ascontiguousarray(values, dtype=np.float32)


def as_bytes(values: npt.NDArray[Any]) -> Bytes:
    """Rounds and clips the values into 0..255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
