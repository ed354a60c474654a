"""What a clip costs, as data with its source. A price that is not known is None, never zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from photoplay.domain.options import EffectiveOptions, Resolution


@dataclass(frozen=True, slots=True)
class Price:
    """List price of one model, in US dollars.

    Attributes:
        per_second: price of a second by resolution.
        per_clip: price of a whole clip by resolution and length in seconds; goes first.
        source: where it was read.
        checked: ISO date of that.
        unconfirmed: the source is not the provider's own.
    """

    source: str
    checked: str
    per_second: Mapping[Resolution, float] = field(default_factory=dict[Resolution, float])
    per_clip: Mapping[tuple[Resolution, int], float] = field(
        default_factory=dict[tuple[Resolution, int], float]
    )
    unconfirmed: bool = False

    def of(self, resolution: Resolution, duration_s: float) -> float | None:
        """Return the price of a clip in US dollars, None when it is not listed."""
        clip = self.per_clip.get((resolution, round(duration_s)))
        if clip is not None:
            return clip
        rate = self.per_second.get(resolution)
        return None if rate is None else round(rate * duration_s, 6)


def estimate(price: Price | None, options: EffectiveOptions) -> float | None:
    """Return what a clip will cost in US dollars, None when that is not known."""
    return None if price is None else price.of(options.resolution, options.duration_s)
