"""Every word of the grammar changes what is filmed; all others come back (design 7.9)."""

from __future__ import annotations

import pytest

from photoplay.domain import options
from photoplay.providers.local.choose import settle_wish
from photoplay.providers.local.effects.show import EFFECTS
from photoplay.providers.local.moves import MOVES, path_named
from photoplay.providers.local.prompt import (
    EFFECT_WORDS,
    LOOK_WORDS,
    LOOP_WORDS,
    MOVE_WORDS,
    SPEED_WORDS,
    read_prompt,
)
from photoplay.providers.local.spec import RenderSpec

MOVE_CASES = [(words, move) for move, phrases in MOVE_WORDS.items() for words in phrases]
EFFECT_CASES = [(words, name) for name, phrases in EFFECT_WORDS.items() for words in phrases]
SPEED_CASES = [(words, speed) for speed, phrases in SPEED_WORDS.items() for words in phrases]


@pytest.mark.parametrize(("words", "move"), MOVE_CASES)
def test_move_words_change_the_path(words: str, move: str) -> None:
    direction = read_prompt(f"Please {words}!")
    assert direction.move == move
    assert direction.ignored == ()
    wish = settle_wish(RenderSpec(prompt=words))
    filmed, usual = path_named(wish.move), path_named("auto_scene")
    assert [filmed.path(s) for s in (0.0, 0.4, 1.0)] != [usual.path(s) for s in (0.0, 0.4, 1.0)]


@pytest.mark.parametrize(("words", "name"), EFFECT_CASES)
def test_effect_words_switch_the_effect_on(words: str, name: str) -> None:
    assert settle_wish(RenderSpec(prompt=f"with {words}")).effects == (name,)
    assert read_prompt(f"with {words}").ignored == ()
    assert name in EFFECTS


@pytest.mark.parametrize(("words", "speed"), SPEED_CASES)
def test_speed_words_scale_the_way(words: str, speed: float) -> None:
    usual = settle_wish(RenderSpec(prompt="pan left")).strength
    wish = settle_wish(RenderSpec(prompt=f"{words} pan left"))
    assert wish.move == "pan_left"
    assert wish.strength == pytest.approx(speed * usual)


@pytest.mark.parametrize("words", LOOP_WORDS)
def test_loop_words_close_the_clip(words: str) -> None:
    assert settle_wish(RenderSpec(prompt=f"dolly in, {words}")).loop


@pytest.mark.parametrize("look", LOOK_WORDS)
def test_looks_are_several_effects(look: str) -> None:
    assert read_prompt(look).effects == LOOK_WORDS[look]


@pytest.mark.parametrize(
    ("prompt", "move", "effects", "understood", "ignored"),
    [
        ("slow zoom in, the cat jumps", "zoom_in", (), ("slow", "zoom in"), ("the cat jumps",)),
        ("zoom slowly in", "zoom_in", (), ("zoom in", "slowly"), ()),
        ("The camera is panning to the left", "pan_left", (), ("panning left",), ()),
        ("dolly zoom", "vertigo", (), ("dolly zoom",), ()),
        ("she smiles and waves", None, (), (), ("she smiles", "waves")),
        ("snow, no grain, handheld", None, ("snow", "handheld"),
         ("snow", "no grain", "handheld"), ()),
        ("pan left then zoom out", "pan_left", (), ("pan left",), ("zoom out",)),
        ("don't zoom", None, (), (), ("don't zoom",)),
        ("left to right", "pan_right", (), ("left to right",), ()),
        ("a girl dancing in the rain", None, ("rain",), ("rain",), ("a girl dancing",)),
        ("camera", None, (), (), ()),
        ("", None, (), (), ()),
        (None, None, (), (), ()),
    ],
)  # fmt: skip
def test_prompts_are_read_as_people_mean_them(
    prompt: str | None,
    move: str | None,
    effects: tuple[str, ...],
    understood: tuple[str, ...],
    ignored: tuple[str, ...],
) -> None:
    direction = read_prompt(prompt)
    assert direction.move == move
    assert direction.effects == effects
    assert direction.understood == understood
    assert direction.ignored == ignored


def test_a_named_move_wins_over_the_prompt() -> None:
    assert settle_wish(RenderSpec(move="orbit", prompt="zoom in")).move == "orbit"


@pytest.mark.parametrize(
    "prompt", ["x" * 20_000, "'''", "((((", "no " * 500, "🎥 🎬", "zoom\x00in"]
)
def test_odd_prompts_do_no_harm(prompt: str) -> None:
    read_prompt(prompt)


def test_short_clips_go_less_far() -> None:
    strengths = [settle_wish(RenderSpec(duration_s=d)).strength for d in (1.0, 2.0, 3.0, 15.0)]
    assert strengths == sorted(strengths)
    assert strengths[0] < 0.6 * strengths[2] + 0.1
    assert strengths[2] == strengths[3]


def test_every_move_a_caller_may_name_has_words_or_is_auto() -> None:
    assert set(MOVES) == set(options.MOVES) == {"auto", *MOVE_WORDS}
