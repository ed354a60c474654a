"""Looking into a video, putting its index in front, taking a picture of it.

Runs in a decoding child only. Files are opened as MP4 and nothing else, for other formats
(playlists) can make the library open further files and addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream
from PIL import Image

from photoplay.storage.refusals import Refusal

_PLAYABLE: Final = frozenset({"h264", "hevc", "av1"})
_AUDIO_IN_MP4: Final = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})
_HEVC_TAG_FEW_PLAY: Final = "hev1"
_KEY_FRAMES_DECODED: Final = 60
_UNREADABLE: Final = (FFmpegError, OSError, ValueError, EOFError, MemoryError)


def inspect(*, path: str) -> dict[str, Any]:
    """Return what the clip is, after reading all its packets and decoding its key frames.

    Raises:
        Refusal: with one of the codes of `VideoError`.
    """
    index_in_front = _is_index_in_front(Path(path))
    try:
        with _open(path) as clip:
            stream = _video_stream(clip)
            frames, end_s = _measure(clip, stream)
            clip.seek(0)
            stream.codec_context.skip_frame = "NONKEY"
            width = height = 0
            for number, frame in enumerate(clip.decode(stream)):
                width, height = frame.width, frame.height
                if number + 1 == _KEY_FRAMES_DECODED:
                    break
            if not (frames and width and height):
                raise Refusal("video_unreadable", "the clip has no frame that can be decoded")
            return {
                "width": width,
                "height": height,
                "duration_s": end_s,
                "codec": stream.codec_context.codec.canonical_name,
                "faststart": index_in_front,
                "has_audio": bool(clip.streams.audio),
                "frames": frames,
            }
    except _UNREADABLE as error:
        raise Refusal("video_unreadable", "the clip cannot be decoded") from error


def remux(*, path: str, out: str) -> dict[str, Any]:
    """Write the clip to `out` with its index in front, unless it is there already.

    Nothing is encoded again. Only the first video and audio track are kept. QuickTime becomes MP4,
    and HEVC is labelled `hvc1`, the only label that Apple's players take.

    Raises:
        Refusal: with one of the codes of `VideoError`.
    """
    is_ready = _is_index_in_front(Path(path)) and not _is_quicktime(Path(path))
    try:
        with _open(path) as clip:
            stream = _video_stream(clip)
            if is_ready and stream.codec_context.codec_tag != _HEVC_TAG_FEW_PLAY:
                return {"remuxed": False}
            _copy(clip, stream, out)
    except _UNREADABLE as error:
        raise Refusal("video_unreadable", "the clip cannot be read to its end") from error
    return {"remuxed": True}


def _copy(clip: InputContainer, video: VideoStream, out: str) -> None:
    kept: list[VideoStream | AudioStream] = [video]
    kept += [
        sound
        for sound in clip.streams.audio[:1]
        if sound.codec_context.codec.canonical_name in _AUDIO_IN_MP4
    ]
    # PyAV's own types leave the streams' packets open.
    with av.open(out, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        output: Any = container
        # Opaque, for the decoder of AV1 has no encoder of its name to copy from.
        targets = {s.index: output.add_stream_from_template(s, opaque=True) for s in kept}
        if video.codec_context.codec.canonical_name == "hevc":
            targets[video.index].codec_context.codec_tag = "hvc1"
        for packet in clip.demux(kept):
            # The demuxer ends each track with an empty packet.
            if packet.dts is not None:
                packet.stream = targets[packet.stream.index]
                output.mux(packet)


def make_poster(*, path: str, out: str, max_side_px: int) -> dict[str, Any]:
    """Write the clip's first frame as a JPEG to `out` and return its size.

    Raises:
        Refusal: with one of the codes of `VideoError`.
    """
    try:
        with _open(path) as clip:
            frame: Any = next(clip.decode(_video_stream(clip)))
            image: Image.Image = frame.to_image()
    except (*_UNREADABLE, StopIteration) as error:
        raise Refusal("video_unreadable", "the clip has no frame that can be decoded") from error
    image.thumbnail((max_side_px, max_side_px))
    image.save(out, "JPEG", quality=85)
    return {"width": image.width, "height": image.height}


def _open(path: str) -> InputContainer:
    return av.open(path, "r", format="mp4", options={"protocol_whitelist": "file"})


def _video_stream(clip: InputContainer) -> VideoStream:
    if not clip.streams.video:
        raise Refusal("video_unreadable", "the file has no video track")
    stream = clip.streams.video[0]
    codec = stream.codec_context.codec.canonical_name
    if codec not in _PLAYABLE:
        raise Refusal("video_codec", "browsers do not play this codec", codec=codec)
    return stream


def _measure(clip: InputContainer, stream: VideoStream) -> tuple[int, float]:
    """Return the number of frames and the instant at which the last one ends, in seconds."""
    frames, end = 0, 0
    for packet in clip.demux(stream):
        if packet.pts is not None:
            frames += 1
            end = max(end, packet.pts + (packet.duration or 0))
    start = stream.start_time or 0
    return frames, float((end - start) * stream.time_base) if stream.time_base else 0.0


def _is_index_in_front(path: Path) -> bool:
    with path.open("rb") as file:
        kinds = list(_boxes(file, path.stat().st_size))
    if b"moov" not in kinds or b"mdat" not in kinds:
        raise Refusal("video_truncated", "the clip has no index or no content")
    # A fragmented clip has an index that says nothing of its frames.
    return b"moof" not in kinds and kinds.index(b"moov") < kinds.index(b"mdat")


def _is_quicktime(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12)[8:] == b"qt  "


def _boxes(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the kinds of the file's outermost boxes, the first of which must be `ftyp`."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if at == 0 and kind != b"ftyp":
            raise Refusal("video_type", "the file is not an MP4")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - at
        if length < 8:
            raise Refusal("video_unreadable", "the clip's structure is broken")
        at += length
        if at > size:
            raise Refusal("video_truncated", "the clip is cut off")
        yield kind
    if at == 0:
        raise Refusal("video_type", "the file is not an MP4")
