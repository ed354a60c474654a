"""What Kling's models take, in the new style (model in the path) and in the older one.

Source: kling.ai document API (image-to-video, errors), checked 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from photoplay.sandbox.fields import Rules, anything, choice, number, text, whole


@dataclass(frozen=True, slots=True)
class KlingModel:
    """A model of the new style.

    Attributes:
        settings: what `settings` may hold.
        has_last: takes a last frame.
        usd: price of a second.
    """

    settings: Rules
    has_last: bool
    usd: float


MODELS: Final[Mapping[str, KlingModel]] = {
    "kling-3.0": KlingModel(
        {
            "resolution": choice("720p", "1080p", "4k"), "duration": whole(3, 15),
            "audio": choice("native", "original", "off"), "multi_shot": anything(),
        },
        True, 0.084,
    ),
    "kling-3.0-turbo": KlingModel(
        {
            "resolution": choice("720p", "1080p"), "duration": whole(3, 15),
            "audio": choice("native", "original", "off"), "multi_shot": anything(),
        },
        False, 0.14,
    ),
}  # fmt: skip

CONTENTS: Final = frozenset({"prompt", "first_frame", "last_frame"})
OPTIONS: Final[Rules] = {
    "callback_url": text(most=2048),
    "external_task_id": text(least=1, most=64),
    "watermark_info": anything(),
}
PROMPT_MOST: Final = 3072

LEGACY_MODELS: Final = (
    "kling-v1", "kling-v1-5", "kling-v1-6", "kling-v2-master", "kling-v2-1", "kling-v2-1-master",
    "kling-v2-5-turbo", "kling-v2-6", "kling-v3",
)  # fmt: skip
LEGACY: Final[Rules] = {
    "model_name": choice(*LEGACY_MODELS),
    "image": text(required=True),
    "image_tail": text(),
    "prompt": text(most=2500),
    "negative_prompt": text(most=2500),
    "cfg_scale": number(0, 1),
    "mode": choice("std", "pro"),
    "duration": choice(*(str(n) for n in range(3, 16))),
    "sound": choice("on", "off"),
    "camera_control": anything(),
    "static_mask": text(),
    "dynamic_masks": anything(),
    "callback_url": text(most=2048),
    "external_task_id": text(least=1, most=64),
    "watermark_info": anything(),
}
