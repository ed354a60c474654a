"""Which move a picture gets, from the spec, the prompt and the scene."""

from __future__ import annotations

from dataclasses import dataclass

from photoplay.providers.local.analysis import Understanding
from photoplay.providers.local.moves import MOVES
from photoplay.providers.local.prompt import Direction, read_prompt
from photoplay.providers.local.spec import (
    ASPECTS,
    FRAME_RATES,
    MAX_DURATION_S,
    MIN_DURATION_S,
    RESOLUTIONS,
    STRENGTHS,
    RenderSpec,
)

_CLOSE_TO_TOP = 0.04


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be filmed, after spec and prompt have been brought together.

    Attributes:
        move: name of a move, or `auto`.
        strength: factor on the parallax.
        effects: names of effects.
        loop: the clip leads back into itself.
        direction: the prompt as read.
    """

    move: str
    strength: float
    effects: tuple[str, ...]
    loop: bool
    direction: Direction


def check_spec(spec: RenderSpec) -> None:
    """Raises ValueError when a value is outside its range."""
    wrong = (
        ("duration_s", MIN_DURATION_S <= spec.duration_s <= MAX_DURATION_S),
        ("resolution", spec.resolution in RESOLUTIONS),
        ("motion_strength", spec.motion_strength in STRENGTHS),
        ("aspect", spec.aspect == "auto" or spec.aspect in ASPECTS),
        ("fps", spec.fps in FRAME_RATES),
        ("move", spec.move in MOVES),
    )
    for name, right in wrong:
        if not right:
            raise ValueError(f"{name} is outside its range")


def settle_wish(spec: RenderSpec) -> Wish:
    """Brings spec and prompt together; a move named in the spec wins over one in the prompt."""
    direction = read_prompt(spec.prompt)
    move = spec.move
    if move == "auto" and direction.move is not None:
        move = direction.move
    # Short clips go less far, so that their speed stays calm.
    pace = min(1.0, max(0.55, (spec.duration_s / 3.0) ** 0.6))
    return Wish(
        move,
        STRENGTHS[spec.motion_strength] * direction.speed * pace,
        direction.effects,
        spec.loop or direction.loop,
        direction,
    )


def auto_move(found: Understanding) -> str:
    """The move behind `auto` for what the picture shows."""
    subject = found.subject
    if subject.is_layer and subject.box is not None:
        # Driving towards a head at the upper edge would cut it off.
        return "orbit" if subject.box[1] < _CLOSE_TO_TOP else "auto_subject"
    return "auto_landscape" if found.sky.known else "auto_scene"


def fitting_effects(wish: Wish, found: Understanding) -> tuple[str, ...]:
    """The effects wanted; a still camera with none gets the clouds' drift or a little dust."""
    effects = tuple(e for e in wish.effects if e != "clouds" or found.sky.mask.any())
    if wish.move == "static" and not set(effects) - {"vignette", "grain"}:
        return (*effects, "clouds" if found.sky.known else "dust")
    return effects
