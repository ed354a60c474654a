"""What is asked is kept; what a model is given is the nearest it can do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.capability import Capability, fit
from photoplay.domain.errors import InvalidRequestError
from photoplay.domain.options import (
    ASPECT_RATIOS,
    FPS,
    MOTION_STRENGTHS,
    MOVES,
    RESOLUTIONS,
    EffectiveOptions,
    MotionOptions,
    OptionDefaults,
    nearest_duration,
    nearest_resolution,
)

DEFAULTS = OptionDefaults()
ANYTHING = Capability("local", "m", (1.0, 15.0), continuous=True, can_loop=True, can_seed=True)
STEPPED = Capability(
    "fal-pika", "m", (5.0, 10.0), resolutions=("720p", "1080p"), aspect_ratios=("16:9", "9:16"), fps=(24,)
)  # fmt: skip


def maybe(values):
    return st.none() | st.sampled_from(values)


wishes = st.builds(
    MotionOptions,
    duration_s=st.none() | st.floats(1, 15),
    resolution=maybe(RESOLUTIONS),
    motion_strength=maybe(MOTION_STRENGTHS),
    aspect_ratio=maybe(ASPECT_RATIOS),
    seed=st.none() | st.integers(0, 2**31 - 1),
    loop=maybe([True, False]),
    fps=maybe(FPS),
)
capabilities = st.builds(
    Capability,
    provider=st.just("p"),
    model=st.just("m"),
    durations_s=st.lists(st.floats(1, 30), min_size=1, max_size=4, unique=True).map(
        lambda values: tuple(sorted(values))
    ),
    continuous=st.booleans(),
    resolutions=st.lists(st.sampled_from(RESOLUTIONS), min_size=1, unique=True).map(tuple),
    aspect_ratios=st.lists(st.sampled_from(ASPECT_RATIOS), min_size=1, unique=True).map(tuple),
    fps=st.sampled_from([(24,), (30,), (24, 30)]),
    can_loop=st.booleans(),
)


@given(wishes, capabilities)
def test_a_model_is_given_only_what_it_can_do(wish, capability):
    given_ = fit(wish, capability, DEFAULTS)
    low, high = capability.durations_s[0], capability.durations_s[-1]
    assert low <= given_.duration_s <= high
    assert capability.continuous or given_.duration_s in capability.durations_s
    assert given_.resolution in capability.resolutions
    assert given_.aspect_ratio in capability.aspect_ratios
    assert given_.fps in capability.fps
    assert capability.can_loop or not given_.loop
    assert EffectiveOptions.from_wire(given_.as_wire()) == given_


@given(wishes)
def test_what_can_be_done_is_done_exactly_and_without_a_note(wish):
    given_ = fit(wish, ANYTHING, DEFAULTS)
    for name in ("duration_s", "resolution", "motion_strength", "aspect_ratio", "fps"):
        asked = getattr(wish, name)
        assert asked is None or getattr(given_, name) == asked
    assert given_.notes == ()


def test_nothing_asked_is_the_default_and_the_pictures_own_ratio():
    given_ = fit(MotionOptions(), ANYTHING, OptionDefaults(6.0, "1080p", "high"))
    assert (given_.duration_s, given_.resolution, given_.motion_strength) == (6.0, "1080p", "high")
    assert (given_.aspect_ratio, given_.loop, given_.move, given_.fps) == (
        "auto",
        False,
        "auto",
        30,
    )


def test_every_difference_to_what_was_asked_is_noted_in_words():
    wish = MotionOptions(duration_s=7.0, resolution="480p", aspect_ratio="1:1")
    given_ = fit(wish, STEPPED, DEFAULTS)
    assert given_.notes == (
        "5 s instead of 7 s",
        "720p instead of 480p",
        "aspect ratio 16:9 instead of 1:1",
    )


def test_a_default_that_does_not_fit_is_no_difference_to_a_wish():
    assert fit(MotionOptions(), STEPPED, OptionDefaults(4.0, "480p")).notes == ()


def test_a_move_that_the_renderer_does_not_know_is_refused_with_those_it_knows():
    renderer = Capability("local", "m", (1.0, 15.0), continuous=True, moves=("orbit", "push"))
    with pytest.raises(InvalidRequestError, match="use one of orbit, push") as refused:
        fit(MotionOptions(move="moonwalk"), renderer, DEFAULTS)
    assert refused.value.code == "unknown_move"
    assert fit(MotionOptions(move="push"), renderer, DEFAULTS).move == "push"


def test_a_move_that_nobody_knows_is_refused_where_only_words_steer_too():
    for move in MOVES:
        assert fit(MotionOptions(move=move), STEPPED, DEFAULTS).move == move
    with pytest.raises(InvalidRequestError, match="use one of auto, dolly_in") as refused:
        fit(MotionOptions(move="moonwalk"), STEPPED, DEFAULTS)
    assert refused.value.code == "unknown_move"


@pytest.mark.parametrize(
    ("asked", "offered", "nearest"),
    [
        (4.0, (5.0, 10.0), 5.0),
        (7.0, (5.0, 10.0), 5.0),
        (7.5, (5.0, 10.0), 10.0),  # as close: the longer one
        (15.0, (5.0, 10.0), 10.0),
        (6.0, (6.0,), 6.0),
    ],
)
def test_the_nearest_length_is_taken_the_longer_of_two(asked, offered, nearest):
    assert nearest_duration(asked, offered) == nearest
    assert nearest_duration(asked, offered[::-1]) == nearest


@pytest.mark.parametrize(
    ("asked", "offered", "nearest"),
    [
        ("720p", ("480p", "1080p"), "480p"),  # as close: the smaller one
        ("480p", ("1080p", "720p"), "720p"),
        ("1080p", ("480p", "720p"), "720p"),
        ("720p", ("720p", "1080p"), "720p"),
    ],
)
def test_the_nearest_resolution_is_taken_the_smaller_of_two(asked, offered, nearest):
    assert nearest_resolution(asked, offered) == nearest


@given(wishes)
def test_options_are_kept_as_asked(wish):
    wire = wish.as_wire()
    assert MotionOptions.from_wire(wire) == wish
    assert None not in wire.values()
    assert MotionOptions.from_wire({**wire, "addedByAnOlderRelease": 1}) == wish
