"""The Runway models that are offered, as data. A field of one model is refused by another.

Source: runwayml/sdk-python 5.24.0, src/runwayml/types/image_to_video_create_params.py, and
https://docs.dev.runwayml.com (models, pricing, inputs); checked 2026-11. A credit is 0.01 USD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from photoplay.domain.capability import Capability
from photoplay.domain.options import ASPECT_RATIOS, AspectRatio, Resolution
from photoplay.providers.prices import Price
from photoplay.providers.protocol import PictureRule, RemoteModel, Way

_CHECKED: Final = "2026-10"
_SOURCE: Final = "https://docs.dev.runwayml.com/guides/pricing"
_MB: Final = 1 << 20

Frame = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunwayModel(RemoteModel):
    """How one model wants to be asked.

    Attributes:
        frames: sizes that `ratio` can name, by resolution; the first is taken when in doubt.
        fixed: further fields with one value.
    """

    frames: Mapping[Resolution, tuple[Frame, ...]]
    fixed: Mapping[str, object] = field(default_factory=dict[str, object])


_PICTURE: Final = PictureRule(
    ways=(Way.UPLOAD, Way.URL, Way.DATA_URI),
    max_bytes=16 * _MB,
    data_uri_max_chars=5 * _MB,
    needs_head=True,
    min_side_px=64,
    ratio=(0.5, 2.0),
)
_GEN4_FRAMES: Final[Mapping[Resolution, tuple[Frame, ...]]] = {
    "720p": ((1280, 720), (720, 1280), (1104, 832), (832, 1104), (960, 960), (1584, 672))
}
_VEO_FRAMES: Final[Mapping[Resolution, tuple[Frame, ...]]] = {
    "720p": ((1280, 720), (720, 1280)),
    "1080p": ((1920, 1080), (1080, 1920)),
}


def _model(
    provider: str,
    model: str,
    durations_s: tuple[float, ...],
    rates: Mapping[Resolution, float],
    *,
    frames: Mapping[Resolution, tuple[Frame, ...]],
    aspect_ratios: tuple[AspectRatio, ...] = ASPECT_RATIOS,
    fixed: Mapping[str, object] | None = None,
    can_seed: bool = True,
) -> RunwayModel:
    resolutions = tuple(rates)
    return RunwayModel(
        capability=Capability(
            provider=provider,
            model=model,
            durations_s=durations_s,
            resolutions=resolutions,
            aspect_ratios=aspect_ratios,
            fps=(24,),
            can_seed=can_seed,
            usd_per_s=rates[resolutions[0]],
            source=f"{_SOURCE} ({_CHECKED})",
        ),
        picture=_PICTURE,
        price=Price(per_second=dict(rates), source=_SOURCE, checked=_CHECKED),
        max_prompt=1000,
        unconfirmed="which proportions of a picture are taken (0.5 to 2 is commonly named)",
        frames=frames,
        fixed=fixed or {},
    )


_TWO_TO_TEN: Final = tuple(float(n) for n in range(2, 11))

RUNWAY_MODELS: Final[Mapping[str, RunwayModel]] = {
    model.capability.provider: model
    for model in (
        _model("runway", "gen4_turbo", _TWO_TO_TEN, {"720p": 0.05}, frames=_GEN4_FRAMES),
        _model("runway-gen45", "gen4.5", _TWO_TO_TEN, {"720p": 0.12}, frames=_GEN4_FRAMES),
        _model(
            "runway-veo",
            "veo3.1_fast",
            (4.0, 6.0, 8.0),
            {"720p": 0.10, "1080p": 0.10},
            frames=_VEO_FRAMES,
            aspect_ratios=("auto", "16:9", "9:16"),
            fixed={"audio": False},
        ),
    )
}
"""By the name under which each is stored and configured."""
