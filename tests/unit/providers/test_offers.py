"""Models as data: what is offered can be asked for, has a price with a source, and fits a picture."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from photoplay.domain.capability import fit
from photoplay.domain.options import (
    ASPECT_RATIOS,
    MOVES,
    RESOLUTIONS,
    EffectiveOptions,
    MotionOptions,
    OptionDefaults,
)
from photoplay.providers.fal import FalAccount
from photoplay.providers.kling import KlingAccount
from photoplay.providers.prices import Price, estimate
from photoplay.providers.protocol import Lost, PictureFile, PictureRule, Placed, Task, Way
from photoplay.providers.runway import RunwayAccount
from photoplay.providers.wording import instructions
from tests.unit.providers.exchanges import HANDLE, NOW, PROVIDERS, VECTORS, order, sent

MODELS = [(p, name) for p in PROVIDERS.values() for name in p.models]
each_model = pytest.mark.parametrize(("provider", "name"), MODELS, ids=[name for _, name in MODELS])


def options_of(**changes) -> EffectiveOptions:
    values = {
        "duration_s": 5.0,
        "resolution": "720p",
        "motion_strength": "low",
        "aspect_ratio": "auto",
        "seed": 0,
        "loop": False,
        "move": "auto",
        "fps": 24,
    }
    return EffectiveOptions(**(values | changes))


def test_every_name_is_offered_once():
    names = [name for _, name in MODELS]
    assert len(names) == len(set(names))
    assert {"fal-pika", "kling", "runway"} <= set(names)


@each_model
def test_model_is_described_whole(provider, name):
    model = provider.models[name]
    capability = model.capability
    assert capability.provider == name
    assert re.fullmatch(r"[a-z0-9-]{1,40}", name)
    assert capability.billed
    assert capability.durations_s == tuple(sorted(capability.durations_s))
    assert capability.aspect_ratios[0] == "auto"
    assert capability.source.startswith("https://")
    if model.price is None:
        assert capability.usd_per_s is None
    else:
        assert re.fullmatch(r"2026-\d\d(-\d\d)?", model.price.checked)
        resolution = "720p" if "720p" in capability.resolutions else capability.resolutions[0]
        shortest = capability.durations_s[0]
        listed = model.price.of(resolution, shortest)
        assert listed is not None
        assert capability.usd_per_s == pytest.approx(listed / shortest, rel=0.01)


@each_model
@pytest.mark.parametrize("duration_s", [1, 4, 5.5, 15])
def test_every_wish_becomes_a_request_that_the_model_takes(provider, name, duration_s):
    capability = provider.models[name].capability
    for resolution in RESOLUTIONS:
        for aspect_ratio in ASPECT_RATIOS:
            asked = {
                "duration_s": duration_s,
                "resolution": resolution,
                "aspect_ratio": aspect_ratio,
            }
            request = provider.submit(order(provider, name, asked=asked), NOW)
            words = json.dumps(sent(request))
            seconds = [int(n) for n in re.findall(r'"duration": "?(\d+)s?"?', words)]
            assert seconds
            assert float(seconds[0]) in capability.durations_s
            named = re.findall(r'"resolution": "(\w+)"', words)
            assert set(named) <= set(capability.resolutions)


def test_price_that_is_not_listed_is_none_and_never_zero():
    pika = PROVIDERS["fal"].models["fal-pika"].price
    assert estimate(pika, options_of()) == 0.20
    assert estimate(pika, options_of(resolution="1080p")) == 0.45
    assert estimate(pika, options_of(duration_s=10.0)) is None
    assert estimate(None, options_of()) is None
    seedance = PROVIDERS["fal"].models["fal-seedance"].price
    assert estimate(seedance, options_of(resolution="480p")) is None
    assert estimate(seedance, options_of(resolution="1080p")) == pytest.approx(
        1920 * 1080 * 5 * 24 / 1024 / 1000 * 0.014
    )


def test_price_by_the_second_counts_seconds():
    price = Price("https://a.example", "2026-11", per_second={"720p": 0.12})
    assert price.of("720p", 2.5) == 0.3
    assert price.of("480p", 2.5) is None


RULE = PictureRule(
    ways=(Way.UPLOAD, Way.URL, Way.DATA_URI),
    max_bytes=2 << 20,
    data_uri_max_chars=1000,
    media_types=("image/jpeg",),
    min_side_px=300,
    max_side_px=4000,
    ratio=(0.4, 2.5),
)


@pytest.mark.parametrize(
    ("size", "size_bytes", "media_type", "says"),
    [
        ((300, 750), 2 << 20, "image/jpeg", None),
        ((300, 300), 1, "image/webp", "type"),
        ((300, 300), (2 << 20) + 1, "image/jpeg", "larger than 2 MB"),
        ((299, 300), 1, "image/jpeg", "at least 300"),
        ((4001, 4001), 1, "image/jpeg", "at most 4000"),
        ((300, 751), 1, "image/jpeg", "narrow"),
        ((751, 300), 1, "image/jpeg", "narrow"),
    ],
)
def test_picture_that_a_model_would_refuse_is_not_sent(size, size_bytes, media_type, says):
    problem = RULE.problem(size, size_bytes, media_type)
    assert (problem is None) if says is None else (says in (problem or ""))


def test_ways_of_a_picture_are_tried_in_order():
    assert RULE.ways_for(100, has_public_address=True) == (Way.UPLOAD, Way.URL, Way.DATA_URI)
    assert RULE.ways_for(100, has_public_address=False) == (Way.UPLOAD, Way.DATA_URI)
    assert RULE.ways_for(1000, has_public_address=True) == (Way.UPLOAD, Way.URL)
    uri = PictureFile(HANDLE, bytes(726), "image/jpeg").as_data_uri()
    assert len(uri) <= 1000
    assert Way.DATA_URI in RULE.ways_for(726, has_public_address=False)
    assert Way.DATA_URI not in RULE.ways_for(727, has_public_address=False)


def test_words_carry_what_no_parameter_does():
    assert instructions("a cat", options_of(), 1000) == "a cat"
    assert instructions(" a\n cat ", options_of(motion_strength="high"), 1000) == (
        "a cat Strong, lively motion."
    )
    assert instructions("a cat", options_of(move="pan_left"), 1000) == "a cat The camera pans left."
    assert len({instructions("a cat", options_of(move=move), 1000) for move in MOVES}) == len(MOVES)
    alone = {
        strength: instructions(None, options_of(motion_strength=strength), 1000)
        for strength in ("low", "medium", "high")
    }
    assert len(set(alone.values())) == 3
    assert all(alone.values())
    assert instructions("  ", options_of(), 1000) == alone["low"]


@pytest.mark.parametrize(
    "prompt", ["word " * 600, "w" * 3000, "😀" * 1200, "é😀 " * 900, "\ud800x"]
)
def test_long_prompt_is_cut_and_keeps_the_camera(prompt):
    said = instructions(prompt, options_of(move="rise"), 1000)
    assert len(said.encode("utf-16-le")) // 2 <= 1000
    assert said.endswith("The camera rises.")
    assert said.encode("utf-8")
    if prompt.startswith("word"):
        assert set(said.removesuffix("The camera rises.").split()) == {"word"}


def test_fitting_says_what_was_changed():
    capability = PROVIDERS["fal"].models["fal-pika"].capability
    options = fit(MotionOptions(duration_s=4, aspect_ratio="1:1"), capability, OptionDefaults())
    assert options.duration_s == 5
    assert options.notes == ("5 s instead of 4 s", "aspect ratio auto instead of 1:1")


@pytest.mark.parametrize("handle", ["", "short", "with/slash" * 3, "x" * 65, "ünicode-handle-123"])
def test_handle_that_could_be_confused_is_refused(handle):
    provider = PROVIDERS["fal"]
    with pytest.raises(ValueError, match="handle"):
        order(provider, "fal-pika", handle=handle)
    with pytest.raises(ValueError, match="handle"):
        Lost(handle, "model", NOW)


@pytest.mark.parametrize("key", ["", "with blank", "line\n", "ünicode"])
def test_key_that_cannot_be_sent_is_refused_at_start(key):
    for account in (FalAccount, RunwayAccount, KlingAccount):
        with pytest.raises(ValueError, match="_KEY is not a key"):
            account(key)


def test_nothing_secret_is_shown_when_printed():
    key = "sk-canary-000"
    provider = PROVIDERS["fal"]
    made = order(
        provider, "fal-pika", prompt="canary-prompt", callback_url="https://c.example/canary"
    )
    shown = [
        FalAccount(key),
        RunwayAccount(key),
        KlingAccount(key, callback_secrets=("whsec_c2VjcmV0",)),
        made,
        Lost(HANDLE, "m", NOW, "https://canary.example/"),
        PictureFile(HANDLE, b"canary", "image/png"),
        provider.submit(made, NOW),
        Placed(provider.submit(made, NOW), "https://store.example/canary"),
    ]
    assert not [s for s in map(repr, shown) if "canary" in s or "whsec_" in s]


def test_task_is_gone_only_after_its_grace():
    task = Task("t", "m", NOW)
    grace = timedelta(seconds=60)
    assert not task.is_settled(NOW + timedelta(seconds=59), grace)
    assert task.is_settled(NOW + grace, grace)
    assert replace(task, accepted_at=None).is_settled(NOW, grace)


def test_recorded_answers_hold_no_secret():
    published = {"whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="}
    suspicious = re.compile(
        r"whsec_[A-Za-z0-9+/=]{8,}|Bearer\s+\S{8,}|Key\s+\S+:\S+|(?:sk|key|rk)[-_][A-Za-z0-9]{16,}"
        r"|X-Amz-Signature|_jwt=(?!scrubbed)|sign=(?!scrubbed)|[?&](?:token|sig|signature)="
    )
    found = {
        match
        for path in VECTORS.glob("*.json")
        for match in suspicious.findall(path.read_text("utf-8"))
    }
    assert found <= published
