"""Pools and files that the storage tests share; every file is made here, none is shipped."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from photoplay.storage.decoders import DecoderPool

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool(2) as pool:
        yield pool


@pytest.fixture(scope="session")
def photograph() -> Image.Image:
    """A real photograph, 600 x 400."""
    with Image.open(SAMPLES / "coffee.jpg") as image:
        return image.convert("RGB").resize((600, 400))


def encode_video(
    image: Image.Image,
    *,
    codec: str = "libx264",
    container: str = "mp4",
    frames: int = 12,
    options: dict[str, str] | None = None,
    audio: bool = False,
) -> bytes:
    """A clip that pans over `image` at 24 frames a second, with silence if `audio`."""
    # A real file, because the index is put in front by reading back.
    with (
        tempfile.NamedTemporaryFile() as file,
        av.open(file.name, "w", format=container, options=options or {}) as output,
    ):
        video = output.add_stream(codec, rate=24)
        video.width, video.height = image.width // 4 * 2, image.height // 2 * 2
        video.pix_fmt = "yuv420p"
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        preset = "12" if codec == "libsvtav1" else "ultrafast"
        video.codec_context.options = {"preset": preset, **quiet}
        sound = output.add_stream("aac", rate=48_000) if audio else None
        for number in range(frames):
            part = image.crop((number, 0, number + video.width, video.height))
            output.mux(video.encode(av.VideoFrame.from_image(part)))
        output.mux(video.encode(None))
        if sound is not None:
            silence = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
            silence.sample_rate = 48_000
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            for number in range(frames * 2):
                silence.pts, silence.time_base = number * 1024, Fraction(1, 48_000)
                output.mux(sound.encode(silence))
            output.mux(sound.encode(None))
        output.close()
        return Path(file.name).read_bytes()


@pytest.fixture(scope="session")
def make_video(photograph: Image.Image) -> Callable[..., bytes]:
    return lambda **keywords: encode_video(photograph, **keywords)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of the ISO base media file format."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def encode_heic(image: Image.Image, quarter_turns: int = 0) -> bytes:
    """A HEIC as a phone writes it: one HEVC picture, to be shown turned anticlockwise."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("libx265", rate=1)
        stream.width, stream.height, stream.pix_fmt = image.width, image.height, "yuv420p"
        stream.codec_context.options = {"crf": "8", "x265-params": "log-level=none:keyint=1"}
        output.mux(stream.encode(av.VideoFrame.from_image(image)))
        output.mux(stream.encode(None))
    movie = file.getvalue()
    with av.open(io.BytesIO(movie)) as source:
        sample = bytes(next(source.demux(video=0)))
    at = movie.index(b"hvcC") - 4
    properties = [
        movie[at : at + int.from_bytes(movie[at : at + 4], "big")],
        box(b"ispe", bytes(4), struct.pack(">II", image.width, image.height)),
        box(b"irot", bytes([quarter_turns])),
    ]
    uses = bytes([0x81, 0x02, 0x83])

    def meta(offset: int) -> bytes:
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", 1)),
            box(
                b"iinf",
                bytes(4),
                struct.pack(">H", 1),
                box(b"infe", b"\x02\0\0\0", struct.pack(">HH4s", 1, 0, b"hvc1"), b"\0"),
            ),
            box(
                b"iprp",
                box(b"ipco", *properties),
                box(b"ipma", bytes(4), struct.pack(">IHB", 1, 1, len(uses)), uses),
            ),
            box(
                b"iloc",
                bytes(4),
                b"\x44\0",
                struct.pack(">HHHHII", 1, 1, 0, 1, offset, len(sample)),
            ),
        )

    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", sample)


@pytest.fixture(scope="session")
def make_heic() -> Callable[..., bytes]:
    return encode_heic
