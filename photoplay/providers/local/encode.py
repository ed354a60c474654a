"""Frames to an MP4 file, in a thread of its own."""

from __future__ import annotations

import queue
import secrets
import threading
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from photoplay.providers.local.arrays import Bytes
from photoplay.providers.local.layers import Planes

_QUEUE = 4
_WAIT_S = 0.05
_BITS_A_PIXEL = 0.14
_BT709 = 1
_LIMITED = 1


ENCODERS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "veryfast", "crf": "20"},
    "libopenh264": {"profile": "high"},
    "libsvtav1": {"preset": "10", "crf": "32", "svtav1-params": "lp=1"},
}
"""Encoders and their options, best first.

x264 is GPL; OpenH264 (BSD) and SVT-AV1 (BSD) are for builds of FFmpeg without GPL parts.
"""


def _pick(wanted: str) -> str:
    names = tuple(ENCODERS) if wanted == "auto" else (wanted,)
    for name in names:
        if name in ENCODERS and name in av.codecs_available:
            return name
    raise ValueError("the video encoder is not available in this build of PyAV")


class ClipWriter:
    """Encodes frames while the next ones are drawn; the file appears whole or not at all.

    Args:
        video: where the finished file goes.
        size: frame width and height, even.
        fps: frames per second.
        comment: text for the file's comment tag.
        encoder: a name in `ENCODERS`, or `auto` for the first that this build of FFmpeg has.
    """

    def __init__(
        self, video: Path, size: tuple[int, int], fps: int, comment: str, encoder: str
    ) -> None:
        self._video = video
        self._part = video.with_name(f".{video.name}.{secrets.token_hex(4)}.part")
        self._size = size
        self._encoder = _pick(encoder)
        self._fps = fps
        self._comment = comment
        self._frames: queue.Queue[Planes | None] = queue.Queue(_QUEUE)
        self._failure: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="render-encode", daemon=True)

    def __enter__(self) -> ClipWriter:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._stopped.set()
            self._thread.join()
            self._part.unlink(missing_ok=True)
            return
        self._put(None)
        self._thread.join()
        if self._failure is not None:
            self._part.unlink(missing_ok=True)
            raise self._failure
        self._part.replace(self._video)

    def add(self, frame: Planes) -> None:
        """Hands over a frame; waits while the encoder is four frames behind."""
        self._put(frame)

    def _put(self, frame: Planes | None) -> None:
        while self._failure is None:
            try:
                self._frames.put(frame, timeout=_WAIT_S)
            except queue.Full:
                continue
            return
        if frame is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            self._encode()
        except BaseException as error:  # noqa: BLE001 - raised again in the drawing thread
            self._failure = error

    def _encode(self) -> None:
        width, height = self._size
        flat = np.empty(width * height * 3 // 2, dtype=np.uint8)
        tick = Fraction(1, self._fps)
        with av.open(
            str(self._part), "w", format="mp4", options={"movflags": "+faststart"}
        ) as container:
            container.metadata["comment"] = self._comment
            stream = self._open_stream(container)
            number = 0
            while (planes := self._next()) is not None:
                _pack(planes, flat)
                frame = av.VideoFrame.from_ndarray(
                    flat.reshape(height * 3 // 2, width), format="yuv420p"
                )
                frame.pts, frame.time_base = number, tick
                container.mux(stream.encode(frame))  # pyright: ignore[reportUnknownMemberType]
                number += 1
            container.mux(stream.encode(None))  # pyright: ignore[reportUnknownMemberType]

    def _open_stream(self, container: OutputContainer) -> VideoStream:
        width, height = self._size
        stream = cast(
            "VideoStream",
            container.add_stream(self._encoder, rate=self._fps),  # pyright: ignore[reportUnknownMemberType]
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, self._fps)
        stream.options = dict(ENCODERS[self._encoder])
        context = stream.codec_context
        context.thread_count = 1
        if self._encoder == "libopenh264":
            context.bit_rate = round(width * height * self._fps * _BITS_A_PIXEL)
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED
        return stream

    def _next(self) -> Planes | None:
        while True:
            if self._stopped.is_set():
                raise InterruptedError("the clip was given up")
            try:
                return self._frames.get(timeout=_WAIT_S)
            except queue.Empty:
                continue


def _pack(planes: Planes, flat: Bytes) -> None:
    at = 0
    for plane in (planes.luma, planes.blue, planes.red):
        flat[at : at + plane.size] = plane.reshape(-1)
        at += plane.size
