"""The small language of camera words that a prompt may use.

No model reads the prompt. Words in the tables below choose the move, its speed and its effects;
all others are handed back, so that the user is told what had no influence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MOVE_WORDS: dict[str, tuple[str, ...]] = {
    "dolly_in": (
        "dolly in", "dolly forward", "dolly", "push in", "push forward", "push toward", "push",
        "move in", "move forward", "move toward", "move closer", "get closer", "come closer",
        "go closer", "closer", "track in", "track forward", "fly in", "fly forward",
        "fly through", "fly toward", "approach", "forward",
    ),
    "dolly_out": (
        "dolly out", "dolly back", "dolly backward", "pull out", "pull back", "pull away",
        "move out", "move back", "move backward", "move away", "back away", "track out",
        "track back", "fly out", "fly back", "retreat", "backward",
    ),
    "zoom_in": ("zoom in", "zoom into", "zoom on", "zoom toward", "zoom", "ken burns"),
    "zoom_out": ("zoom out", "zoom back", "zoom away"),
    "pan_left": (
        "pan left", "truck left", "track left", "slide left", "move left", "sweep left",
        "dolly left", "right to left", "leftward",
    ),
    "pan_right": (
        "pan right", "truck right", "track right", "slide right", "move right", "sweep right",
        "dolly right", "left to right", "rightward", "pan", "truck", "slide", "sweep",
        "tracking shot",
    ),
    "tilt_up": ("tilt up", "look up", "pan up", "tilt upward", "tilt"),
    "tilt_down": ("tilt down", "look down", "pan down", "tilt downward"),
    "rise": (
        "rise", "crane up", "crane", "pedestal up", "boom up", "jib up", "move up", "lift",
        "ascend", "fly up", "float up", "drone",
    ),
    "descend": (
        "descend", "crane down", "pedestal down", "boom down", "jib down", "move down",
        "fly down", "float down", "sink",
    ),
    "orbit": (
        "orbit", "arc", "rotate around", "rotate", "circle around", "go around", "move around",
        "revolve around", "revolve", "swing around", "turn around", "parallax",
    ),
    "orbit_loop": ("orbit loop", "full orbit", "circular", "circle", "loop around", "wiggle"),
    "vertigo": ("vertigo", "dolly zoom", "zolly", "hitchcock", "trombone shot"),
    "static": (
        "static", "still camera", "hold still", "stay still", "lock off", "locked off",
        "locked camera", "tripod", "fixed camera", "stationary", "no camera movement",
        "no camera motion", "no movement", "no motion",
    ),
}  # fmt: skip
"""Phrases for each move; longer phrases win over shorter ones."""

SPEED_WORDS: dict[float, tuple[str, ...]] = {
    0.6: ("slow", "slowly", "slight", "slightly", "very slow", "very slowly", "barely"),
    0.8: ("gentle", "gently", "subtle", "subtly", "calm", "calmly", "soft", "softly", "smooth",
          "smoothly", "relaxed"),
    1.3: ("fast", "quick", "quickly", "rapid", "rapidly", "strong", "strongly", "dynamic",
          "energetic"),
    1.6: ("dramatic", "dramatically", "extreme", "intense", "epic", "very fast", "wild"),
}  # fmt: skip
"""Words that scale how far, and so how fast, the camera goes."""

EFFECT_WORDS: dict[str, tuple[str, ...]] = {
    "clouds": (
        "clouds", "cloud", "cloud drift", "drifting clouds", "moving clouds", "clouds drift",
        "clouds drifting", "clouds moving", "clouds move", "passing clouds",
    ),
    "dust": (
        "dust", "dust particles", "dust motes", "floating dust", "floating particles", "motes",
        "particles", "pollen",
    ),
    "snow": (
        "snow", "snowing", "snowfall", "snowflakes", "falling snow", "snow falling",
        "snow falls", "blizzard",
    ),
    "embers": ("embers", "sparks", "glowing embers", "floating embers", "flying sparks"),
    "rain": (
        "rain", "raining", "rainfall", "falling rain", "rain falling", "rain falls", "drizzle",
        "downpour",
    ),
    "fog": ("fog", "foggy", "mist", "misty", "haze", "hazy", "rolling fog", "drifting fog",
            "drifting mist"),
    "vignette": ("vignette", "vignetting", "dark corners", "cinematic"),
    "grain": ("grain", "grainy", "film grain", "film noise"),
    "rack_focus": (
        "rack focus", "focus pull", "pull focus", "shift focus", "focus shift", "bokeh",
        "shallow depth of field", "shallow focus", "blur background", "blurred background",
        "background blur",
    ),
    "handheld": ("handheld", "hand held", "shaky", "shake", "camera shake", "shaky cam"),
}  # fmt: skip
"""Phrases for each effect."""

LOOK_WORDS: dict[str, tuple[str, ...]] = {
    "vintage": ("vignette", "grain"),
    "retro": ("vignette", "grain"),
    "old film": ("vignette", "grain"),
}
"""One word for several effects."""

LOOP_WORDS = (
    "loop", "looped", "looping", "seamless loop", "perfect loop", "seamless", "seamlessly",
    "boomerang", "back and forth", "endless", "endlessly",
)  # fmt: skip

_NO = frozenset({"no", "without", "not", "never", "don't", "dont", "avoid", "skip"})
_SKIPPED = frozenset({"to", "the", "a", "an", "towards", "some", "with"})
_NOISE = _SKIPPED | frozenset(
    [
        "and",
        "then",
        "while",
        "in",
        "on",
        "of",
        "at",
        "by",
        "for",
        "from",
        "into",
        "over",
        "with",
        "as",
        "is",
        "are",
        "it",
        "its",
        "this",
        "that",
        "camera",
        "shot",
        "scene",
        "picture",
        "photo",
        "photograph",
        "image",
        "video",
        "clip",
        "animation",
        "effect",
        "effects",
        "movement",
        "motion",
        "please",
        "add",
        "make",
        "makes",
        "use",
        "using",
        "do",
        "let",
        "have",
        "gets",
        "get",
        "very",
        "more",
        "some",
        "slightly",
        "little",
        "bit",
        "animate",
        "move",
        "view",
        "look",
        "style",
        "mood",
        "subject",
        "around",
        "want",
        "wants",
    ]
)
_BREAKS = frozenset({"and", "then", "while", "but"})
_BASE = {
    "panning": "pan", "tilting": "tilt", "zooming": "zoom", "orbiting": "orbit",
    "tracking": "track", "trucking": "truck", "sliding": "slide", "sweeping": "sweep",
    "pushing": "push", "pulling": "pull", "moving": "move", "rising": "rise",
    "ascending": "ascend", "descending": "descend", "lifting": "lift", "flying": "fly",
    "rotating": "rotate", "circling": "circle", "revolving": "revolve", "turning": "turn",
    "swinging": "swing", "approaching": "approach", "retreating": "retreat", "getting": "get",
    "coming": "come", "going": "go", "looking": "look", "shaking": "shake",
    "craning": "crane", "dollying": "dolly", "arcing": "arc", "sinking": "sink",
    "floating": "float", "backing": "back", "pans": "pan", "tilts": "tilt", "zooms": "zoom",
    "orbits": "orbit", "tracks": "track", "slides": "slide", "sweeps": "sweep",
    "pushes": "push", "pulls": "pull", "moves": "move", "rises": "rise", "ascends": "ascend",
    "descends": "descend", "flies": "fly", "rotates": "rotate", "circles": "circle",
    "turns": "turn", "approaches": "approach", "dollies": "dolly", "cranes": "crane",
    "toward": "toward", "towards": "toward", "backwards": "backward", "forwards": "forward",
    "upwards": "up", "upward": "up", "downwards": "down", "downward": "down",
    "leftwards": "left", "leftward": "left", "rightwards": "right", "rightward": "right",
    "inward": "in", "inwards": "in", "outward": "out", "outwards": "out",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Direction:
    """What a prompt asks of the camera.

    Attributes:
        move: name of the move, None when no word names one.
        speed: factor on how far the camera goes.
        effects: names of the effects wanted, in the order named.
        loop: the clip should lead back into itself.
        understood: the words that had influence, as written.
        ignored: the words that had none.
    """

    move: str | None = None
    speed: float = 1.0
    effects: tuple[str, ...] = ()
    loop: bool = False
    understood: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    words: list[str]
    plain: list[str]
    breaks: set[int]
    used: dict[int, int] = field(default_factory=dict[int, int])
    dropped: set[int] = field(default_factory=set[int])


def _table() -> dict[tuple[str, ...], tuple[str, str]]:
    table: dict[tuple[str, ...], tuple[str, str]] = {}

    def enter(kind: str, name: str, phrases: tuple[str, ...]) -> None:
        for phrase in phrases:
            table[tuple(_BASE.get(word, word) for word in phrase.split())] = (kind, name)

    for speed, phrases in SPEED_WORDS.items():
        enter("speed", str(speed), phrases)
    for name, phrases in EFFECT_WORDS.items():
        enter("effect", name, phrases)
    for look in LOOK_WORDS:
        enter("look", look, (look,))
    enter("loop", "loop", LOOP_WORDS)
    for name, phrases in MOVE_WORDS.items():
        enter("move", name, phrases)
    return table


_TABLE = _table()
_LONGEST = max(len(phrase) for phrase in _TABLE)


def read_prompt(prompt: str | None) -> Direction:
    """Reads camera words out of a prompt.

    Args:
        prompt: free text, or None.

    Returns:
        The direction; with no camera words in the prompt, one that changes nothing.
    """
    if not prompt or not prompt.strip():
        return Direction()
    reading = _split(prompt[:4000])
    move: str | None = None
    speed = 1.0
    effects: list[str] = []
    loop = False
    understood: list[str] = []
    for at, phrase, kind, name in _find(reading):
        no = _refusal(reading, at)
        refused = no is not None
        spoken = " ".join(reading.words[k] for k in phrase)
        if kind == "move":
            if refused or (move is not None and move != name):
                reading.dropped.update(phrase)
                continue
            move = name
        elif kind == "speed":
            speed = float(name)
        elif kind == "loop":
            loop = not refused
        else:
            wanted = LOOK_WORDS[name] if kind == "look" else (name,)
            effects = [e for e in effects if e not in wanted] + ([] if refused else list(wanted))
        if no is not None:
            reading.used[no] = at
            spoken = f"{reading.words[no]} {spoken}"
        understood.append(spoken)
    ignored = _left_over(reading)
    return Direction(move, speed, tuple(effects), loop, tuple(understood), tuple(ignored))


def _refusal(reading: _Reading, at: int) -> int | None:
    """Where a "no" or "without" stands directly before the phrase, or one word earlier."""
    for k in (at - 1, at - 2):
        if k < 0 or k + 1 in reading.breaks or k in reading.used:
            return None
        if reading.plain[k] in _NO:
            return k
    return None


def _split(prompt: str) -> _Reading:
    words: list[str] = []
    breaks: set[int] = set()
    for part in re.findall(r"[^\W_]+(?:['’][^\W_]+)*|[.,;:!?()\n]", prompt.replace("-", " ")):
        if part in ".,;:!?()\n":
            breaks.add(len(words))
        else:
            words.append(part)
    plain = [word.lower().replace("’", "'") for word in words]
    return _Reading(words, [_BASE.get(word, word) for word in plain], breaks)


def _find(reading: _Reading) -> list[tuple[int, list[int], str, str]]:
    """Longest phrases first come; speed words may stand inside a phrase ("zoom slowly in")."""
    found: list[tuple[int, list[int], str, str]] = []
    for kinds in (("speed",), ("move", "effect", "look", "loop")):
        at = 0
        while at < len(reading.plain):
            hit = None if at in reading.used else _longest(reading, at, kinds)
            if hit is not None:
                phrase, kind, name = hit
                found.append((at, phrase, kind, name))
                for k in phrase:
                    reading.used[k] = at
            at += 1
    return sorted(found)


def _longest(
    reading: _Reading, at: int, kinds: tuple[str, ...]
) -> tuple[list[int], str, str] | None:
    places: list[int] = [at]
    best: tuple[list[int], str, str] | None = None
    k = at
    while True:
        entry = _TABLE.get(tuple(reading.plain[p] for p in places))
        if entry is not None and entry[0] in kinds:
            best = (list(places), *entry)
        if len(places) >= _LONGEST:
            return best
        k = _next(reading, k + 1, places)
        if k < 0:
            return best
        places.append(k)


def _next(reading: _Reading, k: int, places: list[int]) -> int:
    """The next word that can go on a phrase, over speed words and articles."""
    while k < len(reading.plain) and k not in reading.breaks:
        taken = k in reading.used
        if not taken:
            longer = tuple(reading.plain[p] for p in (*places, k))
            if any(phrase[: len(longer)] == longer for phrase in _TABLE):
                return k
        if not taken and reading.plain[k] not in _SKIPPED:
            return -1
        k += 1
    return -1


def _left_over(reading: _Reading) -> list[str]:
    parts: list[list[int]] = [[]]
    for k, word in enumerate(reading.plain):
        gone = k in reading.used and k not in reading.dropped
        if k in reading.breaks or gone or word in _BREAKS:
            parts.append([])
        if not gone and word not in _BREAKS:
            parts[-1].append(k)
    ignored: list[str] = []
    for part in parts:
        while part and part[-1] not in reading.dropped and reading.plain[part[-1]] in _NOISE:
            part.pop()
        if any(k in reading.dropped or reading.plain[k] not in _NOISE for k in part):
            ignored.append(" ".join(reading.words[k] for k in part))
    return ignored
