"""Which bytes a `Range` header asks for.

Source: RFC 9110 §13.1.5 and §14, checked 2026-11-22.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# More digits than any length has; a longer number is beyond the end all the same.
_MAX_DIGITS: Final = 18
_SINGLE_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FullBody:
    """Answer 200 with everything."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Answer 206 with bytes `start` up to but not including `end`; never empty."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """Answer 416 with `Content-Range: bytes */size`."""


def resolve_range(
    header: str | None, size: int, etag: str | None = None, if_range: str | None = None
) -> FullBody | Partial | Unsatisfiable:
    """Return what to answer to a GET with this `Range` header.

    Several ranges, other units and headers that make no sense get the whole body, as the RFC
    allows; so does an `If-Range` that is not exactly our strong entity tag (dates included, which
    are too coarse to prove anything).

    Args:
        header: value of `Range`, None if the request has none.
        size: length of the object in bytes.
        etag: the object's entity tag with its quotes.
        if_range: value of `If-Range`, None if the request has none.
    """
    match = _SINGLE_RANGE.fullmatch(header) if header is not None else None
    if match is None or not _is_current(etag, if_range):
        return FullBody()
    first, last = match.groups()
    if not first and not last:
        return FullBody()
    if not first:
        return _suffix(_number(last), size)
    start = _number(first)
    if last and _number(last) < start:
        return FullBody()
    if start >= size:
        return Unsatisfiable()
    return Partial(start, min(_number(last) + 1, size) if last else size)


def _suffix(length: int, size: int) -> FullBody | Partial | Unsatisfiable:
    if length == 0:
        return Unsatisfiable()
    if size == 0:
        # Satisfiable by the RFC, but no Content-Range can say so.
        return FullBody()
    return Partial(max(size - length, 0), size)


def _is_current(etag: str | None, if_range: str | None) -> bool:
    if if_range is None:
        return True
    return etag is not None and not etag.startswith("W/") and if_range.strip() == etag


def _number(digits: str) -> int:
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _MAX_DIGITS else 10**_MAX_DIGITS
