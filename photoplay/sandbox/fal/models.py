"""What fal's image-to-video endpoints take and charge.

Source: `fal-ai/fal-js`, `libs/client/src/types/endpoints.ts` (August 2026) and the endpoints' own
pages, checked 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from photoplay.sandbox.fields import Rules, anything, choice, flag, number, text, whole


@dataclass(frozen=True, slots=True)
class FalEndpoint:
    """One endpoint.

    Attributes:
        fields: what its input may hold.
        picture: name of the field with the first frame.
        duration_s: length of a clip whose input names none.
        usd: price of a second, or of the clip where `per_clip`.
        with_facts: its output describes the video (`VideoFile`) and names the seed.
        min_px: shortest side of the picture that it takes.
    """

    fields: Rules
    picture: str = "image_url"
    duration_s: float = 5.0
    usd: float = 0.05
    per_clip: bool = False
    with_facts: bool = False
    min_px: int = 0


def _texts(first: int, last: int) -> tuple[str, ...]:
    return tuple(str(n) for n in range(first, last + 1))


_PROMPT: Final = text(required=True, most=2500)
_URL: Final = text(required=True)
_SEED: Final = whole(0)

_KLING_2: Final = FalEndpoint(
    {
        "prompt": _PROMPT, "image_url": _URL, "duration": choice("5", "10"),
        "negative_prompt": text(most=2500), "cfg_scale": number(0, 1), "tail_image_url": text(),
    },
    usd=0.07, min_px=300,
)  # fmt: skip
_KLING_26: Final = FalEndpoint(
    {
        "prompt": _PROMPT, "start_image_url": _URL, "end_image_url": text(),
        "duration": choice("5", "10"), "generate_audio": flag(), "negative_prompt": text(),
        "voice_ids": anything(),
    },
    picture="start_image_url", usd=0.07, min_px=300,
)  # fmt: skip


def _kling_3(usd: float) -> FalEndpoint:
    return FalEndpoint(
        {
            "prompt": text(most=2500), "start_image_url": _URL, "end_image_url": text(),
            "multi_prompt": anything(), "duration": choice(*_texts(3, 15)),
            "generate_audio": flag(), "negative_prompt": text(), "cfg_scale": number(0, 1),
            "elements": anything(), "shot_type": choice("customize", "intelligent"),
        },
        picture="start_image_url", usd=usd, min_px=300,
    )  # fmt: skip


def _kling_3_turbo(usd: float) -> FalEndpoint:
    return FalEndpoint(
        {
            "prompt": text(most=2500), "multi_prompt": anything(), "image_url": _URL,
            "duration": choice(*_texts(3, 15)),
        },
        usd=usd, min_px=300,
    )  # fmt: skip


def _veo(usd: float, *resolutions: str) -> FalEndpoint:
    return FalEndpoint(
        {
            "prompt": _PROMPT, "image_url": _URL, "duration": choice("4s", "6s", "8s"),
            "resolution": choice(*resolutions), "aspect_ratio": choice("auto", "16:9", "9:16"),
            "generate_audio": flag(), "negative_prompt": text(), "seed": _SEED, "auto_fix": flag(),
            "safety_tolerance": choice(*_texts(1, 6)),
        },
        duration_s=8, usd=usd,
    )  # fmt: skip


_HAILUO: Final = {"prompt": _PROMPT, "image_url": _URL, "prompt_optimizer": flag()}
_HAILUO_TIMED: Final = {**_HAILUO, "duration": choice("6", "10")}
_WAN: Final = {
    "prompt": text(required=True, most=1500), "image_url": _URL, "audio_url": text(),
    "negative_prompt": text(most=500), "seed": _SEED, "enable_prompt_expansion": flag(),
    "enable_safety_checker": flag(),
}  # fmt: skip
_PIKA: Final = {
    "prompt": _PROMPT, "image_url": _URL, "negative_prompt": text(), "seed": _SEED,
    "resolution": choice("720p", "1080p"),
}  # fmt: skip
_RATIOS: Final = ("auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16")

ENDPOINTS: Final[Mapping[str, FalEndpoint]] = {
    "fal-ai/kling-video/v2.1/pro/image-to-video": _KLING_2,
    "fal-ai/kling-video/v2.5-turbo/pro/image-to-video": _KLING_2,
    "fal-ai/kling-video/v2.6/pro/image-to-video": _KLING_26,
    "fal-ai/kling-video/v3/standard/image-to-video": _kling_3(0.084),
    "fal-ai/kling-video/v3/pro/image-to-video": _kling_3(0.112),
    "fal-ai/kling-video/v3/4k/image-to-video": _kling_3(0.42),
    "fal-ai/kling-video/v3/turbo/standard/image-to-video": _kling_3_turbo(0.112),
    "fal-ai/kling-video/v3/turbo/pro/image-to-video": _kling_3_turbo(0.14),
    "fal-ai/minimax/hailuo-2.3/pro/image-to-video": FalEndpoint(_HAILUO, duration_s=6, usd=0.08),
    "fal-ai/minimax/hailuo-2.3/standard/image-to-video": FalEndpoint(_HAILUO_TIMED, duration_s=6),
    "fal-ai/minimax/hailuo-02-fast/image-to-video": FalEndpoint(_HAILUO_TIMED, duration_s=6),
    "fal-ai/minimax/hailuo-02/standard/image-to-video": FalEndpoint(
        {**_HAILUO_TIMED, "end_image_url": text(), "resolution": choice("512P", "768P")},
        duration_s=6,
    ),
    "minimax/h3/image-to-video": FalEndpoint(
        {
            "prompt": _PROMPT, "image_url": _URL, "duration": whole(5, 15),
            "end_image_url": text(), "resolution": text(),
        }
    ),
    "fal-ai/wan-25-preview/image-to-video": FalEndpoint(
        {**_WAN, "duration": choice("5", "10"), "resolution": choice("480p", "720p", "1080p")},
        with_facts=True,
    ),
    "wan/v2.6/image-to-video": FalEndpoint(
        {
            **_WAN, "duration": choice("5", "10", "15"), "resolution": choice("720p", "1080p"),
            "multi_shots": flag(),
        },
        usd=0.1, with_facts=True, min_px=240,
    ),
    "fal-ai/wan/v2.7/image-to-video": FalEndpoint(
        {
            **_WAN, "prompt": text(most=5000), "image_url": text(), "end_image_url": text(),
            "video_url": text(), "duration": whole(2, 15), "resolution": choice("720p", "1080p"),
        },
        usd=0.1, with_facts=True,
    ),
    "fal-ai/veo3.1/image-to-video": _veo(0.2, "720p", "1080p", "4k"),
    "fal-ai/veo3.1/fast/image-to-video": _veo(0.1, "720p", "1080p", "4k"),
    "fal-ai/veo3.1/lite/image-to-video": _veo(0.03, "720p", "1080p"),
    "fal-ai/ltx-2.3/image-to-video": FalEndpoint(
        {
            "prompt": _PROMPT, "image_url": _URL, "end_image_url": text(),
            "duration": choice(6, 8, 10), "resolution": choice("1080p", "1440p", "2160p"),
            "fps": choice(24, 25, 48, 50), "generate_audio": flag(),
            "aspect_ratio": choice("auto", "16:9", "9:16"),
        },
        duration_s=6, usd=0.06, with_facts=True,
    ),
    "fal-ai/luma-dream-machine/ray-2/image-to-video": FalEndpoint(
        {
            "prompt": _PROMPT, "image_url": text(), "end_image_url": text(),
            "duration": choice("5s", "9s"), "resolution": choice("540p", "720p", "1080p"),
            "aspect_ratio": choice("16:9", "9:16", "4:3", "3:4", "21:9", "9:21"), "loop": flag(),
        },
        usd=0.5, per_clip=True,
    ),
    "luma/agent/ray/v3.2/image-to-video": FalEndpoint(
        {
            "prompt": _PROMPT, "image_url": text(), "end_image_url": text(),
            "duration": choice("5s", "10s"), "resolution": choice("540p", "720p", "1080p"),
            "aspect_ratio": choice("3:4", "4:3", "1:1", "9:16", "16:9", "21:9"), "loop": flag(),
            "keyframes": anything(), "keyframe_indexes": anything(), "hdr": flag(),
            "exr_export": flag(),
        },
        usd=0.5, per_clip=True,
    ),
    "bytedance/seedance-2.0/image-to-video": FalEndpoint(
        {
            "prompt": _PROMPT, "image_url": _URL, "end_image_url": text(),
            "duration": choice("auto", *_texts(4, 15)),
            "resolution": choice("480p", "720p", "1080p", "4k"), "aspect_ratio": choice(*_RATIOS),
            "generate_audio": flag(), "bitrate_mode": choice("standard", "high"),
            "end_user_id": text(),
        },
        usd=0.1,
    ),
    "xai/grok-imagine-video/image-to-video": FalEndpoint(
        {
            "prompt": _PROMPT, "image_url": _URL, "duration": whole(1, 15),
            "resolution": choice("480p", "720p"), "aspect_ratio": choice(*_RATIOS, "3:2", "2:3"),
        },
        duration_s=6, with_facts=True,
    ),
    "fal-ai/pixverse/v6/image-to-video": FalEndpoint(
        {
            "prompt": text(required=True, most=2048), "image_url": _URL, "duration": whole(1, 15),
            "resolution": choice("360p", "540p", "720p", "1080p"), "seed": _SEED,
            "negative_prompt": text(), "generate_audio_switch": flag(),
            "generate_multi_clip_switch": flag(),
            "style": choice("anime", "3d_animation", "clay", "comic", "cyberpunk"),
            "thinking_type": choice("enabled", "disabled", "auto"),
        }
    ),
    "fal-ai/pika/v2.2/image-to-video": FalEndpoint(
        {**_PIKA, "duration": choice(5, 10)}, usd=0.2, per_clip=True
    ),
    "fal-ai/pika/v2.1/image-to-video": FalEndpoint(
        {**_PIKA, "duration": whole()}, usd=0.4, per_clip=True
    ),
    "fal-ai/pika/v2/turbo/image-to-video": FalEndpoint(
        {**_PIKA, "duration": whole()}, usd=0.2, per_clip=True
    ),
}  # fmt: skip

_UNCHECKED: Final = FalEndpoint({"prompt": text(), "image_url": text()})


def endpoint_for(endpoint_id: str) -> FalEndpoint | None:
    """Return an endpoint; other image-to-video endpoints are taken without looking into the input."""
    known = ENDPOINTS.get(endpoint_id)
    if known is None and endpoint_id.endswith("/image-to-video"):
        return _UNCHECKED
    return known
