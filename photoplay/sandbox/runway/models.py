"""What Runway's image-to-video models take and cost.

Source: `runwayml/sdk-python` 5.24.0, `src/runwayml/types/image_to_video_create_params.py`; prices from
the vendor's pricing page, checked 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from photoplay.sandbox.fields import FieldRule, Rules, anything, choice, flag, number, units, whole


@dataclass(frozen=True, slots=True)
class RunwayModel:
    """One model.

    Attributes:
        fields: what the request may hold besides `model` and `promptImage`.
        credits_s: credits for a second.
        has_last: takes a last frame as well.
    """

    fields: Rules
    credits_s: float = 10.0
    has_last: bool = False
    duration_s: int = 5


_GEN4: Final = choice(
    "1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672", required=True
)
_VEO: Final = choice("1280:720", "720:1280", "1920:1080", "1080:1920", required=True)
_480P: Final = ("992:432", "864:496", "752:560", "640:640", "560:752", "496:864")
_720P: Final = ("1470:630", "1280:720", "1112:834", "960:960", "834:1112", "720:1280")
_1080P: Final = ("2206:946", "1920:1080", "1664:1248", "1440:1440", "1248:1664", "1080:1920")
_4K: Final = ("3840:1646", "3840:2160", "3840:2880", "3840:3840", "2880:3840", "2160:3840")
_WAN: Final = (
    "832:480", "720:544", "624:624", "544:720", "480:832", "1280:720", "1104:832", "960:960",
    "832:1104", "720:1280", "1920:1080", "1648:1248", "1440:1440", "1248:1648", "1080:1920",
    "auto_480p", "auto_720p", "auto_1080p",
)  # fmt: skip
_SEED: Final = whole(0, 4_294_967_295)
_TEXT: Final = units(1000, least=1)
_TEXT_NEEDED: Final = units(1000, least=1, required=True)


def _auto(least: int, most: int) -> FieldRule:
    return choice("auto", *range(least, most + 1))


def _kling(*ratios: str, cfg: bool, references: bool) -> RunwayModel:
    fields: dict[str, FieldRule] = {
        "promptText": units(2500, least=1), "ratio": choice(*ratios), "duration": whole(3, 15),
        "audio": flag(), "providerSettings": anything(),
    }  # fmt: skip
    if cfg:
        fields["cfgScale"] = number(0, 1)
    if references:
        fields["references"] = anything()
    return RunwayModel(fields, has_last=True)


def _veo(credits_s: float) -> RunwayModel:
    fields = {
        "promptText": _TEXT, "ratio": _VEO, "duration": choice(4, 6, 8), "audio": flag(),
        "negativePrompt": units(1000), "seed": _SEED,
    }  # fmt: skip
    return RunwayModel(fields, credits_s, has_last=True, duration_s=8)


def _seedance(
    credits_s: float, *ratios: str, texts: int = 3500, more: Rules | None = None
) -> RunwayModel:
    fields: dict[str, FieldRule] = {
        "promptText": units(texts, least=1), "ratio": choice(*ratios), "duration": _auto(4, 15),
        "audio": flag(), "seed": _SEED, "referenceAudio": anything(), **(more or {}),
    }  # fmt: skip
    return RunwayModel(fields, credits_s, has_last=True)


def _wan() -> RunwayModel:
    return RunwayModel(
        {
            "promptText": _TEXT_NEEDED, "audio": flag(), "duration": whole(2, 15),
            "ratio": choice(*_WAN), "referenceAudio": anything(), "referenceVideos": anything(),
        }
    )  # fmt: skip


_STANDARD: Final = ("1280:720", "720:1280", "960:960")
_PRO: Final = ("1920:1080", "1080:1920", "1440:1440")
_LARGE: Final = ("3840:2160", "2160:3840", "2880:2880")

MODELS: Final[Mapping[str, RunwayModel]] = {
    "gen4.5": RunwayModel(
        {
            "promptText": _TEXT_NEEDED, "ratio": _GEN4, "duration": whole(2, 10, required=True),
            "seed": _SEED, "contentModeration": anything(), "proresProfile": anything(),
            "outputFormat": choice(
                "mp4", "prores", "png_sequence", "hdr10", "hlg", "sdr_rec709_10bit",
                "hdr_pq_12bit_master", "hdr_prores", "hdr_png_sequence", "hdr_exr_sequence",
                "hdr_exr_acescg_sequence_1_3", "hdr_exr_acescg_sequence_2_0",
            ),
        },
        12,
    ),
    "gen4_turbo": RunwayModel(
        {
            "promptText": _TEXT, "ratio": _GEN4, "duration": whole(2, 10), "seed": _SEED,
            "contentModeration": anything(),
        },
        5,
        duration_s=10,
    ),
    "veo3.1": _veo(40),
    "veo3.1_fast": _veo(15),
    "kling2.5_turbo_pro": RunwayModel(
        {
            "promptText": units(2500, least=1, required=True), "duration": choice(5, 10),
            "cfgScale": number(0, 1),
        },
        has_last=True,
    ),
    "kling3.0_standard": _kling(*_STANDARD, cfg=True, references=False),
    "kling3.0_pro": _kling(*_PRO, cfg=True, references=False),
    "kling3.0_4k": _kling(*_LARGE, cfg=True, references=False),
    "klingO3_standard": _kling(*_STANDARD, cfg=False, references=True),
    "klingO3_pro": _kling(*_PRO, cfg=False, references=True),
    "klingO3_4k": _kling(*_LARGE, cfg=False, references=True),
    "kling_4": RunwayModel(
        {
            "promptText": units(2500, least=1), "duration": whole(3, 15),
            "ratio": choice("auto_720p", "auto_1080p"), "references": anything(),
            "referenceVideos": anything(),
        }
    ),
    "seedance2": _seedance(36, *_480P, *_720P, *_1080P, *_4K),
    "seedance2_fast": _seedance(24, *_480P, *_720P),
    "seedance2_mini": _seedance(12, *_480P, *_720P),
    "seedance2_5": _seedance(
        30, "992:432", "854:480", "752:560", "640:640", "560:752", "480:854", *_720P, *_1080P,
        texts=15_000, more={"draft": flag(), "outputFormat": choice("mp4", "mov")},
    ),
    "hailuo3": RunwayModel(
        {
            "promptText": _TEXT_NEEDED, "duration": whole(5, 15), "referenceAudio": anything(),
            "ratio": choice("adaptive", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"),
            "resolution": choice("768p", "2k", "768P", "2K"),
        }
    ),
    "h3_max": RunwayModel(
        {
            "promptText": _TEXT_NEEDED, "duration": whole(5, 15), "seed": _SEED,
            "resolution": choice("480p", "768p"),
            "promptExpansionMode": choice("disabled", "balanced", "quality"),
        }
    ),
    "gemini_omni_flash": RunwayModel(
        {"promptText": _TEXT, "ratio": choice("1280:720", "720:1280"), "duration": whole(3, 10)}
    ),
    "gemini_omni_flash_1.1": RunwayModel(
        {
            "promptText": _TEXT_NEEDED, "duration": _auto(3, 10),
            "ratio": choice(
                "640:360", "360:640", "1280:720", "720:1280", "1920:1080", "1080:1920",
                "3840:2160", "2160:3840",
            ),
        }
    ),
    "grok_imagine_1_5": RunwayModel(
        {
            "promptText": _TEXT, "duration": whole(1, 15),
            "resolution": choice("480p", "720p", "1080p"),
        }
    ),
    "grok_imagine_1_5_lite": RunwayModel(
        {
            "promptText": _TEXT, "duration": whole(1, 15),
            "ratio": choice("auto_480p", "auto_720p", "auto_1080p"),
        }
    ),
    "wan3": _wan(),
    "wan3_prime": _wan(),
    "happyhorse_1_0": RunwayModel(
        {
            "promptText": units(2500, least=1), "duration": whole(3, 15),
            "resolution": choice("720p", "1080p", "720P", "1080P"),
        }
    ),
}  # fmt: skip
