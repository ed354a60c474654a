"""Taking untrusted answers apart: every function takes anything and returns None for nonsense."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlsplit

from photoplay.domain.http import HttpResponse

# No slash, no percent, no blank: an identifier goes into paths and queries as it is.
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}", re.ASCII)
_ADDRESS: Final = re.compile(r"https?://[\x21-\x7e]{3,8000}", re.ASCII)
_NOTHING: Final[Mapping[str, object]] = {}


def json_object(response: HttpResponse) -> Mapping[str, object] | None:
    """Return the body where it is one complete JSON object."""
    try:
        value = response.parse_json()
    except ValueError:
        return None
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object as it is, anything else as an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else _NOTHING


def items(value: object) -> Sequence[object]:
    """Return a JSON list as it is, anything else as an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else ()


def text(value: object) -> str | None:
    """Return a string that says something."""
    return value if isinstance(value, str) and value else None


def number(value: object) -> float | None:
    """Return a finite number, also where it is written as a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def fraction(value: object) -> float | None:
    """Return a number moved into 0 to 1."""
    result = number(value)
    return None if result is None else min(max(result, 0.0), 1.0)


def identifier(value: object) -> str | None:
    """Return a task's id that is safe inside an address."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 128:
        return str(value)
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else None


def address(value: object) -> str | None:
    """Return an absolute http(s) address with a host; whether it may be called is not said."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        return None
    try:
        return value if urlsplit(value).hostname else None
    except ValueError:
        return None


def is_settled_deletion(response: HttpResponse) -> bool:
    """Return whether asking again would bring no more: done, unknown there, or refused for good."""
    return response.status < 500 and response.status not in {408, 425, 429}


def is_under(url: str, base: str) -> bool:
    """Return whether an address from an answer is within a base address of ours.

    Keys travel with requests, so an address that a provider sends back is only used there.
    """
    ours, theirs = urlsplit(base), urlsplit(url)
    return (
        (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc)
        and theirs.path.startswith(ours.path.rstrip("/") + "/")
        and "/.." not in theirs.path
        and "%" not in theirs.path
        and "\\" not in theirs.path
        and not theirs.query
        and not theirs.fragment
    )
