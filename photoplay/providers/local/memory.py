"""What was seen in the last pictures, for those that are filmed again with another wish."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from photoplay.providers.local.analysis import Understanding
from photoplay.providers.local.arrays import Bytes

_ROOM: Final = 4
"""Pictures. One takes about 3 MB."""


class Memory:
    """Understandings of the last few pictures, by every pixel and by what they were read with."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Understanding] = OrderedDict()

    def recall(self, rgb: Bytes, reader: str, look: Callable[[], Understanding]) -> Understanding:
        """Return what is known of a picture; looks at it when that is nothing.

        Args:
            reader: names what reads the depth; another one sees something else.
        """
        seen = hashlib.sha256(f"{rgb.shape} {reader} ".encode())
        seen.update(rgb.tobytes())
        key = seen.digest()
        found = self._kept.pop(key, None) or look()
        self._kept[key] = found
        if len(self._kept) > _ROOM:
            self._kept.popitem(last=False)
        return found

    def forget(self) -> None:
        """Know no picture any longer."""
        self._kept.clear()


MEMORY: Final = Memory()
"""This process's own."""
