"""Which strings may name an object."""

from __future__ import annotations

import unicodedata
from typing import Final

from photoplay.storage.errors import InvalidKeyError

MAX_KEY_CHARACTERS: Final = 512
TEMPORARY_FOLDER: Final = "tmp"

_MAX_SEGMENT_BYTES: Final = 255
# What S3 advises against, which is also what Supabase Storage refuses. Without "%" a key that was
# percent-encoded twice can never be a key.
# Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html, checked 2026-11-22
_REFUSED_CHARACTERS: Final = frozenset('\\%{}^`[]"<>~#|')
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def validate_key(key: str) -> str:
    """Return `key` unchanged if it may name an object of a caller.

    A key is 1–512 characters of `/`-separated segments, each at most 255 bytes in UTF-8. Empty
    segments, `.` and `..`, control and other invisible characters and what S3 advises against
    (backslash, per cent, brackets but round ones, quotes, and the like) are refused, and so is the
    folder `tmp`, which belongs to uploads under way.

    Raises:
        InvalidKeyError: answer as for an object that does not exist.
    """
    if not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise InvalidKeyError("a key has 1 to 512 characters")
    segments = key.split("/")
    if segments[0] == TEMPORARY_FOLDER:
        raise InvalidKeyError("the folder tmp belongs to uploads under way")
    for segment in segments:
        if segment in {"", ".", ".."}:
            raise InvalidKeyError("a key has no empty segment, no . and no ..")
        if any(_is_refused(character) for character in segment):
            raise InvalidKeyError("a key holds a character that not every store keeps")
        if len(segment.encode()) > _MAX_SEGMENT_BYTES:
            raise InvalidKeyError("a segment of a key has at most 255 bytes")
    return key


def _is_refused(character: str) -> bool:
    # Control, invisible formatting, lone surrogates, line and paragraph separators.
    return (
        character in _REFUSED_CHARACTERS or unicodedata.category(character) in _REFUSED_CATEGORIES
    )
