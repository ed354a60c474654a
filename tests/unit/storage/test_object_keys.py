"""Which strings may name an object."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.storage.errors import InvalidKeyError
from photoplay.storage.keys import validate_key


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "0b54/generated-videos/7c1d.mp4",
        "a b/c.jpg",
        "ü/日本.heic",
        "..a/b..",
        ".hidden",
        "temporary/x",
        "a/tmp/x",
        "x" * 255,
        "/".join(["x" * 101] * 5) + "xxx",
    ],
)
def test_key_is_accepted(key: str) -> None:
    assert validate_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "a/./b",
        "../a",
        "tmp",
        "tmp/upload",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "a\x85b",
        "a\u202eb",
        "a\u2028b",
        "a\ud800b",
        "a\\b",
        "a%2fb",
        "a#1",
        "a~",
        "x" * 256,
        "ü" * 128,
        "/".join(["x" * 101] * 5) + "xxxx",
    ],
)
def test_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidKeyError):
        validate_key(key)


@given(st.text(max_size=600))
def test_accepted_keys_stay_below_the_root(key: str) -> None:
    try:
        validate_key(key)
    except InvalidKeyError:
        return
    assert len(key) <= 512
    assert not key.startswith("/")
    assert ".." not in key.split("/")
