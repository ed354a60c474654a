"""Whether two requests ask for the same thing."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from uuid import UUID

from photoplay.domain.options import MotionOptions

_IMAGE_PATH = re.compile(
    r"(?P<user>[0-9a-f-]{36})/source-images/(?P<image>[0-9a-f-]{36})\.[a-z0-9]{1,5}"
)


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of a request: one of ours, or an address to fetch.

    Attributes:
        image_id: id of an uploaded picture; ownership is checked in the database.
        path: the storage path it was named by, when it was named by path.
        url: address of a picture elsewhere.
    """

    image_id: UUID | None = None
    path: str | None = None
    url: str | None = None

    @classmethod
    def at_path(cls, path: str) -> Picture | None:
        """Return the uploaded picture that a storage path names, or None when it names none."""
        match = _IMAGE_PATH.fullmatch(path)
        if match is None:
            return None
        try:
            return cls(image_id=UUID(match["image"]), path=path)
        except ValueError:
            return None


def fingerprint(picture: Picture, prompt: str | None, options: MotionOptions) -> bytes:
    """Return 32 bytes that are equal exactly when picture, prompt and options as asked are equal."""
    canonical = json.dumps(
        {
            "picture": str(picture.image_id) if picture.image_id else picture.url,
            "prompt": prompt,
            "options": options.as_wire(),
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(canonical.encode()).digest()
