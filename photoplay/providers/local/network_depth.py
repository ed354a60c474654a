"""Real depth from an ONNX network that the operator supplies; off unless asked for.

Nothing is ever downloaded. Known networks and their licences:

- `midas-small`: MiDaS v2.1 small, 256 x 256, MIT (some of its training sets are
  non-commercial). https://github.com/isl-org/MiDaS
- `depth-anything-v2-small`: Depth Anything V2 Small, 518 x 518, Apache-2.0 (the
  Base and Large ones are CC-BY-NC and have no preset).
  https://github.com/DepthAnything/Depth-Anything-V2
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, as_field
from photoplay.providers.local.smoothing import guided_by_colour

_MEAN = np.array((0.485, 0.456, 0.406), dtype=np.float32)
_DEVIATION = np.array((0.229, 0.224, 0.225), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class DepthPreset:
    """How a network wants its picture.

    Attributes:
        side_px: side of the square that the picture is squeezed into.
        licence: of the published weights.
    """

    side_px: int
    licence: str


DEPTH_PRESETS: dict[str, DepthPreset] = {
    "midas-small": DepthPreset(256, "MIT"),
    "depth-anything-v2-small": DepthPreset(518, "Apache-2.0"),
}
"""Networks by name."""


def preset_for(path: Path, name: str) -> DepthPreset:
    """The preset of that name; `auto` tells by the file's name.

    Raises:
        ValueError: no such preset.
    """
    if name != "auto":
        if name not in DEPTH_PRESETS:
            raise ValueError("depth_preset is not known")
        return DEPTH_PRESETS[name]
    stem = path.stem.lower()
    anything = any(word in stem for word in ("anything", "dav2", "da_v2", "vits", "dinov2"))
    return DEPTH_PRESETS["depth-anything-v2-small" if anything else "midas-small"]


def load_depth_network(path: str | None, name: str = "auto") -> Callable[[Bytes], Field] | None:
    """Opens a depth network.

    Args:
        path: an ONNX file that gives relative inverse depth; None for no network.
        name: a preset's name, or `auto`.

    Returns:
        A function from a picture to its disparity (0 far, 1 near), or None.

    Raises:
        ValueError: the file is missing or cannot be read as a network; an operator's fault.
    """
    if path is None:
        return None
    file = Path(path)
    preset = preset_for(file, name)
    if not file.is_file():
        raise ValueError("the depth model's file does not exist")
    try:
        network = cv2.dnn.readNetFromONNX(np.frombuffer(file.read_bytes(), dtype=np.uint8))
    except cv2.error:
        raise ValueError("the depth model cannot be read as an ONNX network") from None

    def depth(rgb: Bytes) -> Field:
        return _read_depth(network, preset, rgb)

    return depth


def _read_depth(network: cv2.dnn.Net, preset: DepthPreset, rgb: Bytes) -> Field:
    height, width = rgb.shape[:2]
    size = (preset.side_px, preset.side_px)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    network.setInput(as_field(((small - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None]))
    try:
        answer = np.asarray(network.forward(), dtype=np.float32)
    except cv2.error:
        raise ValueError("the depth model does not take this preset's input") from None
    if answer.size < 16 or not np.isfinite(answer).all():
        raise ValueError("the depth model does not answer with a depth map")
    inverse = answer.reshape(answer.shape[-2:]) if answer.ndim > 1 else answer.reshape(1, -1)
    low, high = (float(v) for v in np.percentile(inverse, (0.5, 99.5)))
    near = np.clip((inverse - low) / max(high - low, 1e-6), 0.0, 1.0)
    full = as_field(cv2.resize(as_field(near), (width, height), interpolation=cv2.INTER_CUBIC))
    guide = as_field(rgb.astype(np.float32) / 255.0)
    return as_field(np.clip(guided_by_colour(guide, full, 4, 1e-3), 0.0, 1.0))
