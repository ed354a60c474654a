"""The fal models that are offered, as data: field names and types differ from model to model.

Only fields listed here are sent, for some models refuse unknown ones. Sound is switched off where
it can be: it costs more, and the clips are silent by promise.

Source of the fields: fal-ai/fal-js, libs/client/src/types/endpoints.ts at commit 381105e of
2026-08-02, and the models' own pages; checked 2026-11-22. Prices name their source themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from photoplay.domain.capability import Capability
from photoplay.domain.options import AspectRatio, Resolution
from photoplay.providers.prices import Price
from photoplay.providers.protocol import PictureRule, RemoteModel, Way

_CHECKED: Final = "2026-11-22"
_WAYS: Final = (Way.UPLOAD, Way.URL, Way.DATA_URI)
_MB: Final = 1 << 20
# fal advises data URIs for very small files only and names no limit.
_DATA_URI_CHARS: Final = 2 * _MB


@dataclass(frozen=True, slots=True, kw_only=True)
class FalModel(RemoteModel):
    """How one endpoint wants to be asked.

    Attributes:
        picture_field: name of the first frame's field.
        duration: how seconds are written: `"5"`, `"5s"` or `5`.
        resolutions: how each resolution is written; empty where it cannot be chosen.
        has_aspect_ratio: takes `aspect_ratio`, with `auto` as its own default.
        has_fps: takes `fps`.
        fixed: further fields with one value.
    """

    picture_field: str = "image_url"
    duration: Literal["text", "seconds", "integer"] = "text"
    resolutions: Mapping[Resolution, str] = field(default_factory=dict[Resolution, str])
    has_aspect_ratio: bool = False
    has_fps: bool = False
    fixed: Mapping[str, object] = field(default_factory=dict[str, object])


def _page(endpoint: str) -> str:
    return f"https://fal.ai/models/{endpoint}/llms.txt"


def _capability(
    provider: str,
    endpoint: str,
    durations_s: tuple[float, ...],
    resolutions: tuple[Resolution, ...],
    usd_per_s: float | None,
    *,
    aspect_ratios: tuple[AspectRatio, ...] = ("auto",),
    can_seed: bool = False,
) -> Capability:
    return Capability(
        provider=provider,
        model=endpoint,
        durations_s=durations_s,
        resolutions=resolutions,
        aspect_ratios=aspect_ratios,
        fps=(24,),
        can_seed=can_seed,
        usd_per_s=usd_per_s,
        source=f"{_page(endpoint)} ({_CHECKED})",
    )


_PICTURE: Final = PictureRule(
    ways=_WAYS, max_bytes=10 * _MB, data_uri_max_chars=_DATA_URI_CHARS, min_side_px=64
)
_KLING_PICTURE: Final = PictureRule(
    ways=_WAYS,
    max_bytes=50 * _MB,
    data_uri_max_chars=_DATA_URI_CHARS,
    media_types=("image/jpeg", "image/png"),
    min_side_px=300,
    ratio=(0.4, 2.5),
)

_PIKA: Final = FalModel(
    capability=_capability(
        "fal-pika",
        "fal-ai/pika/v2.2/image-to-video",
        (5.0, 10.0),
        ("720p", "1080p"),
        0.04,
        can_seed=True,
    ),
    picture=_PICTURE,
    price=Price(
        per_clip={("720p", 5): 0.20, ("1080p", 5): 0.45},
        source=_page("fal-ai/pika/v2.2/image-to-video"),
        checked=_CHECKED,
    ),
    max_prompt=2000,
    duration="integer",
    resolutions={"720p": "720p", "1080p": "1080p"},
    unconfirmed="price of 10 s; limits of prompt and picture",
)
_KLING: Final = FalModel(
    capability=_capability(
        "fal-kling",
        "fal-ai/kling-video/v3/standard/image-to-video",
        tuple(float(n) for n in range(3, 16)),
        ("720p",),
        0.084,
    ),
    picture=_KLING_PICTURE,
    price=Price(
        per_second={"720p": 0.084},
        source="https://fal.ai/pricing (without sound)",
        checked="2026-10",
    ),
    max_prompt=2500,
    picture_field="start_image_url",
    fixed={"generate_audio": False},
)
_HAILUO: Final = FalModel(
    capability=_capability(
        "fal-hailuo",
        "fal-ai/minimax/hailuo-2.3/standard/image-to-video",
        (6.0, 10.0),
        ("720p",),
        0.0467,
    ),
    picture=_PICTURE,
    price=Price(
        per_clip={("720p", 6): 0.28, ("720p", 10): 0.56},
        source=_page("fal-ai/minimax/hailuo-2.3/standard/image-to-video"),
        checked=_CHECKED,
    ),
    max_prompt=2000,
    unconfirmed="makes 768 lines, listed as 720p; limits of prompt and picture",
)
_WAN: Final = FalModel(
    capability=_capability(
        "fal-wan",
        "fal-ai/wan-25-preview/image-to-video",
        (5.0, 10.0),
        ("480p", "720p", "1080p"),
        0.10,
        can_seed=True,
    ),
    picture=_PICTURE,
    price=Price(
        per_second={"480p": 0.05, "720p": 0.10, "1080p": 0.15},
        source=_page("fal-ai/wan-25-preview/image-to-video"),
        checked=_CHECKED,
    ),
    max_prompt=1500,
    resolutions={"480p": "480p", "720p": "720p", "1080p": "1080p"},
    unconfirmed="prompt limit: 1500 characters in the types, 800 on the page",
)
_VEO: Final = FalModel(
    capability=_capability(
        "fal-veo",
        "fal-ai/veo3.1/fast/image-to-video",
        (4.0, 6.0, 8.0),
        ("720p", "1080p"),
        0.10,
        aspect_ratios=("auto", "16:9", "9:16"),
        can_seed=True,
    ),
    picture=_PICTURE,
    price=Price(
        per_second={"720p": 0.10, "1080p": 0.10},
        source="https://fal.ai/models/fal-ai/veo3.1/fast (without sound)",
        checked=_CHECKED,
    ),
    max_prompt=2000,
    duration="seconds",
    resolutions={"720p": "720p", "1080p": "1080p"},
    has_aspect_ratio=True,
    fixed={"generate_audio": False},
    unconfirmed="whether fal still offers it: Google withdrew its own Veo 3.1 names on 2026-10-22",
)
_LTX: Final = FalModel(
    capability=_capability(
        "fal-ltx",
        "fal-ai/ltx-2.3/image-to-video",
        (6.0, 8.0, 10.0),
        ("1080p",),
        0.06,
        aspect_ratios=("auto", "16:9", "9:16"),
    ),
    picture=_PICTURE,
    price=Price(
        per_second={"1080p": 0.06},
        source=_page("fal-ai/ltx-2.3/image-to-video"),
        checked=_CHECKED,
    ),
    max_prompt=2000,
    duration="integer",
    resolutions={"1080p": "1080p"},
    has_aspect_ratio=True,
    has_fps=True,
    fixed={"generate_audio": False},
    unconfirmed="limits of prompt and picture",
)
_SEEDANCE: Final = FalModel(
    capability=_capability(
        "fal-seedance",
        "bytedance/seedance-2.0/image-to-video",
        tuple(float(n) for n in range(4, 16)),
        ("480p", "720p", "1080p"),
        0.3024,
        aspect_ratios=("auto", "16:9", "9:16", "1:1", "4:3", "3:4"),
    ),
    picture=PictureRule(
        ways=_WAYS, max_bytes=30 * _MB, data_uri_max_chars=_DATA_URI_CHARS, min_side_px=300
    ),
    # 1080p by the page's formula: 0.014 USD for 1,000 tokens of 1,024 pixels, 24 frames a second.
    price=Price(
        per_second={"720p": 0.3024, "1080p": 0.6804},
        source=_page("bytedance/seedance-2.0/image-to-video"),
        checked=_CHECKED,
    ),
    max_prompt=3500,
    resolutions={"480p": "480p", "720p": "720p", "1080p": "1080p"},
    has_aspect_ratio=True,
    fixed={"generate_audio": False},
    unconfirmed="price at 480p; limit of prompt",
)

FAL_MODELS: Final[Mapping[str, FalModel]] = {
    model.capability.provider: model
    for model in (_PIKA, _KLING, _HAILUO, _WAN, _VEO, _LTX, _SEEDANCE)
}
"""By the name under which each is stored and configured."""
