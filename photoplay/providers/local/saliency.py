"""The network that finds what stands out in a picture (U2-Netp, a data file of the package)."""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib import resources

import cv2
import numpy as np

from photoplay.providers.local.arrays import Bytes, Field, as_field

_SIDE_PX = 320
_MEAN = np.array((0.485, 0.456, 0.406), dtype=np.float32)
_DEVIATION = np.array((0.229, 0.224, 0.225), dtype=np.float32)
_OUTPUT = "1959"
_LOCK = threading.Lock()


@lru_cache(maxsize=1)
def _network() -> cv2.dnn.Net:
    data = resources.files("photoplay.providers.local").joinpath("models/u2netp.onnx").read_bytes()
    return cv2.dnn.readNetFromONNX(np.frombuffer(data, dtype=np.uint8))


def find_salient(rgb: Bytes) -> Field:
    """How much each place stands out, 0..1, at the size of the picture given.

    Source: Qin et al., U2-Net, 2020; weights Apache-2.0, see `models/NOTICE`.
    """
    height, width = rgb.shape[:2]
    small = cv2.resize(rgb, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    found = _look(np.asarray(small, dtype=np.uint8).tobytes())
    return as_field(np.clip(cv2.resize(found, (width, height)), 0.0, 1.0))


@lru_cache(maxsize=8)
def _look(pixels: bytes) -> Field:
    """One pass of the network; the same picture with another move costs none."""
    small = np.frombuffer(pixels, dtype=np.uint8).reshape(_SIDE_PX, _SIDE_PX, 3)
    scaled = small.astype(np.float32) / max(1.0, float(small.max()))
    batch = ((scaled - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None]
    with _LOCK:
        network = _network()
        network.setInput(as_field(batch))
        answer = network.forward(_OUTPUT)
    return as_field(np.asarray(answer)[0, 0])
