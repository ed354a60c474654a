"""What a provider's model can do, as data, and the fitting of a wish to it."""

from __future__ import annotations

from dataclasses import dataclass

from photoplay.domain.errors import InvalidRequestError
from photoplay.domain.options import (
    ASPECT_RATIOS,
    MOVES,
    RESOLUTIONS,
    AspectRatio,
    EffectiveOptions,
    MotionOptions,
    OptionDefaults,
    Resolution,
    nearest_duration,
    nearest_resolution,
)


@dataclass(frozen=True, slots=True)
class Capability:
    """One model of one provider.

    Attributes:
        provider: name as stored in `video_jobs.provider`.
        model: the provider's name of the model.
        durations_s: lengths it makes, in seconds; with `continuous` the first and last are bounds.
        continuous: any length between the bounds is possible.
        aspect_ratios: ratios it can be asked for; `auto` where it follows the picture.
        moves: camera moves that it has itself; empty where a move becomes a sentence of the prompt.
        usd_per_s: list price of a second of video; None when it is not known. Not known is not zero.
        billed: whether a submission can cost money at all.
        generative: whether a model invents what is seen; False for a camera over the picture itself.
        source: address and date of these facts.
    """

    provider: str
    model: str
    durations_s: tuple[float, ...]
    continuous: bool = False
    resolutions: tuple[Resolution, ...] = RESOLUTIONS
    aspect_ratios: tuple[AspectRatio, ...] = ASPECT_RATIOS
    moves: tuple[str, ...] = ()
    fps: tuple[int, ...] = (24, 30)
    can_loop: bool = False
    can_seed: bool = False
    usd_per_s: float | None = None
    billed: bool = True
    generative: bool = True
    source: str = ""


def fit(asked: MotionOptions, capability: Capability, defaults: OptionDefaults) -> EffectiveOptions:
    """Return what to give the model for a wish: exactly it where possible, else the nearest.

    Raises:
        InvalidRequestError: the wish cannot be met at all (`unknown_move`); nothing was sent.
    """
    notes: list[str] = []
    wanted_s = asked.duration_s or defaults.duration_s
    if capability.continuous:
        duration_s = min(max(wanted_s, capability.durations_s[0]), capability.durations_s[-1])
    else:
        duration_s = nearest_duration(wanted_s, capability.durations_s)
    if asked.duration_s is not None and duration_s != wanted_s:
        notes.append(f"{duration_s:g} s instead of {wanted_s:g} s")

    wanted_resolution = asked.resolution or defaults.resolution
    resolution = nearest_resolution(wanted_resolution, capability.resolutions)
    if asked.resolution is not None and resolution != wanted_resolution:
        notes.append(f"{resolution} instead of {wanted_resolution}")

    wanted_ratio = asked.aspect_ratio or "auto"
    aspect_ratio = (
        wanted_ratio if wanted_ratio in capability.aspect_ratios else capability.aspect_ratios[0]
    )
    if asked.aspect_ratio is not None and aspect_ratio != wanted_ratio:
        notes.append(f"aspect ratio {aspect_ratio} instead of {wanted_ratio}")

    moves = capability.moves or MOVES
    if asked.move is not None and asked.move not in moves:
        raise InvalidRequestError(
            f"options.move: '{asked.move}' is not known; use one of {', '.join(moves)}",
            code="unknown_move",
        )
    fps = asked.fps or capability.fps[-1]
    return EffectiveOptions(
        duration_s=duration_s,
        resolution=resolution,
        motion_strength=asked.motion_strength or defaults.motion_strength,
        aspect_ratio=aspect_ratio,
        seed=asked.seed or 0,
        loop=bool(asked.loop) and capability.can_loop,
        move=asked.move or "auto",
        fps=fps if fps in capability.fps else capability.fps[-1],
        notes=tuple(notes),
    )
