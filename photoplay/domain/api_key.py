"""The form of an API key: `pp_<prefix>_<secret>`, a part that may be seen and one that may not."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

# 96 and 256 random bits, as the operation that makes keys draws them.
_FORM: Final = re.compile(r"pp_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)


class KeyScope(StrEnum):
    """What a key may do."""

    JOBS = "jobs"
    """Act for the user it belongs to."""
    ADMIN = "admin"
    """Operate the installation, and act for the user that a request names."""


@dataclass(frozen=True, slots=True)
class KeyText:
    """An API key in its parts.

    Attributes:
        prefix: names the key; safe to show.
        secret: URL-safe base64 of 32 random bytes.
    """

    prefix: str
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> KeyText | None:
        """Return the parts of what looks like a key, None for anything else."""
        match = _FORM.fullmatch(text)
        return cls(match[1], match[2]) if match else None

    def __str__(self) -> str:
        return f"pp_{self.prefix}_{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """SHA-256 of the secret. It is random, so guessing it is no faster for a fast hash."""
        return hashlib.sha256(self.secret.encode("ascii")).digest()
