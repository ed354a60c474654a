"""Two requests are the same exactly when picture, prompt and options as asked are the same."""

from __future__ import annotations

import copy
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.fingerprint import Picture, fingerprint
from photoplay.domain.options import (
    ASPECT_RATIOS,
    FPS,
    MOTION_STRENGTHS,
    RESOLUTIONS,
    MotionOptions,
)

IMAGES = [UUID(int=n) for n in range(3)]
pictures = st.one_of(
    st.builds(Picture, image_id=st.sampled_from(IMAGES)),
    st.builds(Picture, url=st.sampled_from(["https://a.example/1", "https://a.example/2"])),
)
prompts = st.none() | st.sampled_from(["", "zoom", "Zoom", "zoom ", "zöom", "zo\u0308om"])


def maybe(values):
    return st.none() | st.sampled_from(values)


wishes = st.builds(
    MotionOptions,
    duration_s=maybe([1.0, 4.0, 4.5]),
    resolution=maybe(RESOLUTIONS),
    motion_strength=maybe(MOTION_STRENGTHS),
    aspect_ratio=maybe(ASPECT_RATIOS),
    seed=maybe([0, 1, 2**31 - 1]),
    provider=maybe(["local", "kling"]),
    loop=maybe([True, False]),
    move=maybe(["orbit", "auto"]),
    fps=maybe(FPS),
)
requests = st.tuples(pictures, prompts, wishes)


@given(requests, requests, st.booleans())
def test_fingerprints_are_equal_exactly_when_requests_are(one, other, same):
    other = copy.deepcopy(one) if same else other
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)
    assert len(fingerprint(*one)) == 32


@given(requests)
def test_a_request_has_the_same_fingerprint_after_its_way_through_the_database(request):
    picture, prompt, options = request
    again = MotionOptions.from_wire(options.as_wire())
    assert again == options
    assert fingerprint(picture, prompt, again) == fingerprint(picture, prompt, options)


@given(prompts, wishes, st.data())
def test_changing_one_option_changes_the_fingerprint(prompt, options, data):
    picture = Picture(image_id=IMAGES[0])
    wire = options.as_wire()
    name = data.draw(st.sampled_from(["durationSec", "seed", "fps", "move"]))
    value = data.draw(st.sampled_from([v for v in (1, 2, 24) if v != wire.get(name)]))
    changed = MotionOptions.from_wire({**wire, name: value})
    assert fingerprint(picture, prompt, changed) != fingerprint(picture, prompt, options)


def test_what_was_not_asked_differs_from_asking_for_the_default():
    picture = Picture(image_id=IMAGES[0])
    silent, explicit = MotionOptions(), MotionOptions(loop=False, seed=0)
    assert fingerprint(picture, None, silent) != fingerprint(picture, None, explicit)


def test_a_picture_named_by_id_and_by_its_path_is_the_same_picture():
    user, image = uuid4(), uuid4()
    by_path = Picture.at_path(f"{user}/source-images/{image}.jpg")
    assert by_path is not None
    options = MotionOptions()
    assert fingerprint(by_path, "x", options) == fingerprint(Picture(image_id=image), "x", options)


USER, IMAGE = "1a2b3c4d-0000-4000-8000-00000000000a", "1a2b3c4d-0000-4000-8000-00000000000b"


@pytest.mark.parametrize(
    "path",
    [
        "",
        f"{USER}/generated-videos/{IMAGE}.mp4",
        f"/{USER}/source-images/{IMAGE}.jpg",
        f"{USER}/source-images/../{IMAGE}.jpg",
        f"{USER}/source-images/{IMAGE}",
        f"{USER}/source-images/{IMAGE}.jpg/x",
        f"{USER}/source-images/{IMAGE}.jpg\n",
        f"{USER}/source-images/{IMAGE}.JPG",
        f"{USER}%2Fsource-images%2F{IMAGE}.jpg",
        f"{USER}/source-images/{'-' * 36}.jpg",
        f"{USER}/source-images/{IMAGE.replace('-', '0')}.jpg",
    ],
)
def test_a_path_that_is_none_of_ours_names_no_picture(path):
    assert Picture.at_path(path) is None
