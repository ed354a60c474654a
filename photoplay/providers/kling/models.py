"""The Kling models that are offered, as data.

Source: https://kling.ai/document-api (image to video, errors, pricing; checked 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from photoplay.domain.capability import Capability
from photoplay.domain.options import Resolution
from photoplay.providers.prices import Price
from photoplay.providers.protocol import PictureRule, RemoteModel, Way

_DOCS: Final = "https://kling.ai/document-api"
_MB: Final = 1 << 20
_THREE_TO_FIFTEEN: Final = tuple(float(n) for n in range(3, 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class KlingModel(RemoteModel):
    """How one model is asked.

    Attributes:
        is_legacy: spoken to in the older dialect (`/v1/videos/image2video`).
    """

    is_legacy: bool = False


def _capability(
    provider: str, model: str, durations_s: tuple[float, ...], usd_per_s: float | None
) -> Capability:
    return Capability(
        provider=provider,
        model=model,
        durations_s=durations_s,
        resolutions=("720p", "1080p"),
        aspect_ratios=("auto",),
        fps=(24,),
        usd_per_s=usd_per_s,
        source=f"{_DOCS} (2026-11)",
    )


def _picture(max_bytes: int) -> PictureRule:
    return PictureRule(
        ways=(Way.URL, Way.DATA_URI),
        max_bytes=max_bytes,
        data_uri_max_chars=max_bytes // 3 * 4,
        media_types=("image/jpeg", "image/png"),
        min_side_px=300,
        ratio=(0.4, 2.5),
    )


LEGACY_MODES: Final[Mapping[Resolution, str]] = {"720p": "std", "1080p": "pro"}
"""The older dialect's word for each resolution."""

KLING_MODELS: Final[Mapping[str, KlingModel]] = {
    model.capability.provider: model
    for model in (
        KlingModel(
            capability=_capability("kling", "kling-3.0", _THREE_TO_FIFTEEN, 0.084),
            picture=_picture(50 * _MB),
            price=Price(
                per_second={"720p": 0.084, "1080p": 0.112},
                source="third-party price lists (without sound); the same as fal's",
                checked="2026-11-22",
                unconfirmed=True,
            ),
            max_prompt=3072,
            unconfirmed="price",
        ),
        KlingModel(
            capability=_capability("kling-turbo", "kling-3.0-turbo", _THREE_TO_FIFTEEN, None),
            picture=_picture(50 * _MB),
            price=None,
            max_prompt=3072,
            unconfirmed="price without sound",
        ),
        KlingModel(
            capability=_capability("kling-26", "kling-v2-6", (5.0, 10.0), 0.042),
            picture=_picture(10 * _MB),
            price=Price(per_second={"720p": 0.042, "1080p": 0.07}, source=_DOCS, checked="2026-11"),
            max_prompt=2500,
            is_legacy=True,
        ),
    )
}
"""By the name under which each is stored and configured."""


def is_legacy(model: str) -> bool:
    """Return whether a model is spoken to in the older dialect; unknown ones are not."""
    return any(m.is_legacy for m in KLING_MODELS.values() if m.capability.model == model)
