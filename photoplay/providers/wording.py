"""What a model is told: the user's prompt, and the options that only words can carry.

A prompt is passed on as written. `motionStrength` and `move` become a sentence after it, because no
model here has a parameter for them; `low`, the default, adds nothing to a prompt.
"""

from __future__ import annotations

from typing import Final

from photoplay.domain.options import EffectiveOptions, MotionStrength

_ALONE: Final[dict[MotionStrength, str]] = {
    "low": "Subtle, natural motion. The camera hardly moves.",
    "medium": "Natural motion. The camera moves slowly and steadily.",
    "high": "Lively, natural motion. The camera moves boldly through the scene.",
}
_BESIDE_A_PROMPT: Final[dict[MotionStrength, str]] = {
    "low": "",
    "medium": "Moderate motion.",
    "high": "Strong, lively motion.",
}
_MOVES: Final[dict[str, str]] = {
    "dolly_in": "The camera slowly moves in.",
    "dolly_out": "The camera slowly moves back.",
    "orbit": "The camera orbits the subject.",
    "orbit_loop": "The camera orbits the subject and returns to where it began.",
    "pan_left": "The camera pans left.",
    "pan_right": "The camera pans right.",
    "tilt_up": "The camera tilts up.",
    "tilt_down": "The camera tilts down.",
    "rise": "The camera rises.",
    "descend": "The camera descends.",
    "zoom_in": "The camera zooms in.",
    "zoom_out": "The camera zooms out.",
    "vertigo": "A dolly zoom: the camera moves in while it zooms out.",
    "static": "The camera does not move.",
}


def instructions(prompt: str | None, options: EffectiveOptions, max_units: int) -> str:
    """Return the text for a model, never empty and at most `max_units` UTF-16 units long.

    What does not fit is cut from the prompt at a word, so that the options keep their meaning.
    """
    wish = " ".join((prompt or "").split())
    # A lone surrogate cannot be sent as UTF-8.
    wish = wish.encode("utf-8", "ignore").decode("utf-8")
    strength = options.motion_strength
    direction = _MOVES.get(options.move, "")
    if not wish:
        wish = _ALONE[strength]
    else:
        direction = " ".join(part for part in (_BESIDE_A_PROMPT[strength], direction) if part)
    wish = _cut(wish, max_units - _units(direction) - 1 if direction else max_units)
    return f"{wish} {direction}".strip()


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, max_units: int) -> str:
    if _units(text) <= max_units:
        return text
    kept = text.encode("utf-16-le")[: max_units * 2].decode("utf-16-le", "ignore")
    head, _, tail = kept.rpartition(" ")
    return head if head and len(tail) < len(kept) // 2 else kept
