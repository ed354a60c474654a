"""Fault 37: which bytes a Range header gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.storage.ranges import FullBody, Partial, Unsatisfiable, resolve_range

pytestmark = pytest.mark.fault(37)

FULL, NONE = FullBody(), Unsatisfiable()
ETAG = '"a1b2"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, FULL),
        ("bytes=0-1", Partial(0, 2)),
        ("bytes=0-0", Partial(0, 1)),
        ("bytes=0-", Partial(0, 1000)),
        ("bytes=0-999", Partial(0, 1000)),
        ("bytes=0-1000", Partial(0, 1000)),
        ("bytes=999-", Partial(999, 1000)),
        ("bytes=999-999", Partial(999, 1000)),
        ("bytes=500-600", Partial(500, 601)),
        ("bytes=-1", Partial(999, 1000)),
        ("bytes=-1000", Partial(0, 1000)),
        ("bytes=-5000", Partial(0, 1000)),
        ("bytes=0-" + "9" * 5000, Partial(0, 1000)),
        ("bytes=-" + "9" * 5000, Partial(0, 1000)),
        ("bytes=" + "0" * 5000 + "1-2", Partial(1, 3)),
        ("Bytes=0-1", Partial(0, 2)),
        ("bytes= 0-1 ", Partial(0, 2)),
        ("bytes=1000-", NONE),
        ("bytes=1000-1001", NONE),
        ("bytes=" + "9" * 5000 + "-", NONE),
        ("bytes=-0", NONE),
        ("bytes=2-1", FULL),
        ("bytes=-", FULL),
        ("bytes=", FULL),
        ("bytes", FULL),
        ("", FULL),
        ("bytes=a-b", FULL),
        ("bytes=0x0-0x1", FULL),
        ("bytes=+0-1", FULL),
        ("bytes=--1", FULL),
        ("bytes=0-1-2", FULL),
        ("bytes=٠-١", FULL),
        ("bytes =0-1", FULL),
        ("bytes=0-1\r\nX: y", FULL),
        ("bytes=0-1,5-6", FULL),
        ("bytes=0-1,", FULL),
        ("bytes=1000-,2000-", FULL),
        ("items=0-1", FULL),
    ],
)
def test_range_of_a_thousand_bytes(header: str | None, expected: object) -> None:
    assert resolve_range(header, 1000, ETAG) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [("bytes=0-", NONE), ("bytes=0-0", NONE), ("bytes=-1", FULL), ("bytes=-0", NONE)],
)
def test_range_of_nothing(header: str, expected: object) -> None:
    assert resolve_range(header, 0, ETAG) == expected


@pytest.mark.parametrize(
    ("etag", "if_range", "is_current"),
    [
        (ETAG, ETAG, True),
        (ETAG, f" {ETAG} ", True),
        (ETAG, '"other"', False),
        (ETAG, f"W/{ETAG}", False),
        (ETAG, "a1b2", False),
        (ETAG, "*", False),
        (ETAG, "", False),
        (ETAG, "Sun, 22 Nov 2026 12:00:00 GMT", False),
        (f"W/{ETAG}", f"W/{ETAG}", False),
        (None, ETAG, False),
    ],
)
def test_if_range_takes_only_the_strong_tag(
    etag: str | None, if_range: str, is_current: bool
) -> None:
    expected = Partial(0, 2) if is_current else FULL
    assert resolve_range("bytes=0-1", 1000, etag, if_range) == expected


@given(st.text(max_size=40), st.integers(0, 10**13))
def test_any_header_has_an_answer(tail: str, size: int) -> None:
    answer = resolve_range(f"bytes={tail}", size)
    if isinstance(answer, Partial):
        assert 0 <= answer.start < answer.end <= size
