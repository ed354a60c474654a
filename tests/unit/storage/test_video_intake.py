"""A stored clip is an MP4 that browsers play, index in front; anything else is told apart."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from photoplay.storage.decoders import DecoderPool
from photoplay.storage.errors import VideoError
from photoplay.storage.videos import inspect_video, make_poster, prepare_video

Make = Callable[..., bytes]
FRONT = {"movflags": "+faststart"}
FRAGMENTED = {"movflags": "+frag_keyframe+empty_moov+default_base_moof"}


@pytest.fixture
def clip(tmp_path: Path, make_video: Make) -> Callable[..., Path]:
    def write(**keywords: object) -> Path:
        path = tmp_path / "clip.mp4"
        path.write_bytes(make_video(**keywords))
        return path

    return write


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("audio", [False, True])
async def test_facts_are_what_the_clip_is(
    clip: Callable[..., Path], decoders: DecoderPool, codec: str, audio: bool
) -> None:
    path = clip(codec=codec, audio=audio, options=FRONT, frames=36)
    facts = await inspect_video(path, decoders=decoders)
    assert (facts.width, facts.height, facts.frames) == (300, 400, 36)
    assert facts.duration_s == pytest.approx(1.5)
    assert facts.codec == {"libx264": "h264", "libx265": "hevc"}[codec]
    assert facts.has_audio == audio
    assert facts.faststart
    assert facts.bytes == path.stat().st_size
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"audio": True},
        {"codec": "libx265"},
        {"codec": "libx265", "options": FRONT},
        {"codec": "libsvtav1"},
        {"options": FRAGMENTED},
        {"container": "mov"},
        {"container": "mov", "options": FRONT},
    ],
    ids=str,
)
async def test_clip_is_made_ready_without_encoding(
    clip: Callable[..., Path], decoders: DecoderPool, tmp_path: Path, kind: dict[str, object]
) -> None:
    path = clip(**kind)
    before = path.read_bytes()
    ready = await prepare_video(path, tmp_path / "ready.mp4", decoders=decoders)
    facts = await inspect_video(ready, decoders=decoders)

    assert ready == tmp_path / "ready.mp4"
    assert path.read_bytes() == before
    assert facts.faststart
    assert facts.has_audio == bool(kind.get("audio"))
    assert all(np.array_equal(*pair) for pair in zip(frames(path), frames(ready), strict=True))
    assert await prepare_video(ready, tmp_path / "again.mp4", decoders=decoders) == ready
    with av.open(str(ready)) as container:
        assert container.streams.video[0].codec_context.codec_tag in {"avc1", "hvc1", "av01"}


async def test_ready_clip_is_left_alone(
    clip: Callable[..., Path], decoders: DecoderPool, tmp_path: Path
) -> None:
    path = clip(options=FRONT)
    assert await prepare_video(path, tmp_path / "ready.mp4", decoders=decoders) == path
    assert list(tmp_path.iterdir()) == [path]


async def test_preparing_twice_gives_the_same_bytes(
    clip: Callable[..., Path], decoders: DecoderPool, tmp_path: Path
) -> None:
    path = clip(audio=True)
    first = await prepare_video(path, tmp_path / "first.mp4", decoders=decoders)
    second = await prepare_video(path, tmp_path / "second.mp4", decoders=decoders)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("act", [prepare_video, make_poster, inspect_video])
@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"", {"video_empty"}),
        (b"<html><title>502 Bad Gateway</title></html>", {"video_type", "video_unreadable"}),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", {"video_type", "video_unreadable"}),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", {"video_type", "video_unreadable"}),
        (b"\0\0\0\x14ftypisom\0\0\0\0isom", {"video_truncated", "video_unreadable"}),
        (b"\0\0\0\x01ftyp" + bytes(20), {"video_unreadable"}),
    ],
)
async def test_what_is_no_clip_is_refused(
    decoders: DecoderPool,
    tmp_path: Path,
    act: Callable[..., object],
    content: bytes,
    codes: set[str],
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    arguments = (path,) if act is inspect_video else (path, tmp_path / "out")
    with pytest.raises(VideoError) as caught:
        await act(*arguments, decoders=decoders)
    assert caught.value.code in codes
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ({"codec": "mpeg4"}, "video_codec"),
        ({"codec": "mpeg4", "options": FRONT}, "video_codec"),
        ({"container": "webm", "codec": "libvpx-vp9"}, "video_type"),
    ],
)
async def test_codecs_that_browsers_lack_are_refused(
    clip: Callable[..., Path], decoders: DecoderPool, tmp_path: Path, kind: dict, code: str
) -> None:
    path = clip(**kind)
    for act in (
        inspect_video(path, decoders=decoders),
        prepare_video(path, tmp_path / "out.mp4", decoders=decoders),
    ):
        with pytest.raises(VideoError) as caught:
            await act
        assert caught.value.code == code


@pytest.mark.parametrize("options", [{}, FRONT, FRAGMENTED])
async def test_cut_clip_is_never_taken_for_whole(
    clip: Callable[..., Path], decoders: DecoderPool, tmp_path: Path, options: dict[str, str]
) -> None:
    path = clip(options=options)
    whole = path.read_bytes()
    for missing in (1, 500, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:-missing])
        for act in (
            inspect_video(path, decoders=decoders),
            prepare_video(path, tmp_path / "out.mp4", decoders=decoders),
        ):
            with pytest.raises(VideoError) as caught:
                await act
            assert caught.value.code in {"video_truncated", "video_unreadable"}


async def test_damaged_clips_never_raise_anything_else(
    clip: Callable[..., Path], decoders: DecoderPool, tmp_path: Path
) -> None:
    path = clip(options=FRONT, audio=True)
    whole = path.read_bytes()
    chance = random.Random(34)
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 30)):
            # Half of the damage goes to the index, which is in front.
            end = chance.choice([3000, len(whole)])
            damaged[chance.randrange(end)] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            facts = await inspect_video(path, decoders=decoders)
        except VideoError:
            continue
        assert facts.width > 0
        assert facts.frames > 0


async def test_poster_is_the_first_frame(
    clip: Callable[..., Path], decoders: DecoderPool, tmp_path: Path, photograph: Image.Image
) -> None:
    poster = await make_poster(clip(options=FRONT), tmp_path / "poster.jpg", decoders=decoders)
    data = poster.path.read_bytes()
    assert (poster.bytes, poster.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    with Image.open(poster.path) as image:
        assert image.format == "JPEG"
        assert image.size == (poster.width, poster.height) == (300, 400)
        first = np.asarray(photograph.crop((0, 0, 300, 400)), np.int16)
        assert np.abs(np.asarray(image, np.int16) - first).mean() < 12


async def test_large_poster_is_scaled_down(
    clip: Callable[..., Path], decoders: DecoderPool, tmp_path: Path
) -> None:
    out = tmp_path / "poster.jpg"
    poster = await make_poster(clip(), out, decoders=decoders, max_side_px=200)
    assert (poster.width, poster.height) == (150, 200)
