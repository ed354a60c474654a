"""The file itself: format, length, determinism, no network (design 7.1)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from photoplay.providers.local import RenderResult, RenderSpec, render, saliency
from tests.unit.providers.local.conftest import sample
from tests.unit.providers.local.scenes import decode

Clip = Callable[..., tuple[Path, RenderResult]]
SHORT = RenderSpec(duration_s=1.0, resolution="480p", fps=24)


def atoms(video: Path) -> list[str]:
    data, at, names = video.read_bytes(), 0, []
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        names.append(name.decode())
        at += size
    return names


def test_clip_is_what_players_and_the_spec_ask_for(clip_of: Clip) -> None:
    video, result = clip_of("coffee", SHORT)
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)
        assert context.color_range == 1
        assert (stream.width, stream.height) == (result.width, result.height) == (640, 480)
        frames = sum(1 for _ in container.decode(video=0))
        assert frames == result.frames == 24
        assert abs(float(stream.duration * stream.time_base) - 1.0) <= 1 / 24 + 1e-6
        assert "Nothing is generated" in container.metadata["comment"]
    assert result.duration_s == pytest.approx(1.0)
    names = atoms(video)
    assert names.index("moov") < names.index("mdat")


def test_same_input_and_seed_give_the_same_frames_without_a_network(
    clip_of: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = clip_of("coffee", SHORT)

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("the renderer opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    saliency._look.cache_clear()
    again = tmp_path / "again.mp4"
    render(sample("coffee"), again, SHORT, on_progress=lambda _: None, is_cancelled=lambda: False)
    one, other = decode(first), decode(again)
    assert len(one) == len(other)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_no_frame_is_repeated_on_the_way(clip_of: Clip) -> None:
    frames = decode(clip_of("coffee", SHORT)[0])
    still = [
        number
        for number in range(2, len(frames) - 5)
        if np.array_equal(frames[number], frames[number - 1])
    ]
    assert still == []


@pytest.mark.parametrize(
    ("resolution", "aspect", "size"),
    [
        ("480p", "16:9", (854, 480)),
        ("480p", "9:16", (480, 854)),
        ("720p", "1:1", (720, 720)),
        ("1080p", "3:4", (1080, 1440)),
    ],
)
def test_resolution_and_aspect_give_the_size(
    tmp_path: Path, resolution: str, aspect: str, size: tuple[int, int]
) -> None:
    spec = RenderSpec(duration_s=1.0, fps=24, resolution=resolution, aspect=aspect, move="static")
    video = tmp_path / "clip.mp4"
    result = render(
        sample("rocket"), video, spec, on_progress=lambda _: None, is_cancelled=lambda: False
    )
    assert (result.width, result.height) == size
    assert decode(video)[0].shape == (size[1], size[0])


def test_provenance_never_claims_to_have_generated_anything(clip_of: Clip) -> None:
    provenance = clip_of("coffee", SHORT)[1].provenance
    assert provenance["generative"] is False
    assert provenance["engine"] == "local-parallax"
    assert provenance["motion"] == "camera-only"
    assert provenance["depth"] == "heuristic"
    assert provenance["subject"] is True
    assert isinstance(provenance["parallax_pct"], float)
    assert set(provenance) >= {"move", "understood", "ignored"}


def test_nothing_but_the_clip_is_left_beside_it(tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    render(sample("coffee"), video, SHORT, on_progress=lambda _: None, is_cancelled=lambda: False)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration_s": 0.5},
        {"duration_s": 16.0},
        {"resolution": "4k"},
        {"motion_strength": "wild"},
        {"aspect": "2:1"},
        {"fps": 25},
        {"move": "somersault"},
        {"encoder": "none"},
        {"depth_model": "no-such-file.onnx"},
    ],
)
def test_values_out_of_range_are_a_fault_of_the_caller(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    spec = RenderSpec(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        render(
            sample("coffee"),
            tmp_path / "x.mp4",
            spec,
            on_progress=lambda _: None,
            is_cancelled=lambda: False,
        )
    assert list(tmp_path.iterdir()) == []
