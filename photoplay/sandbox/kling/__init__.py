"""Kling's official API as a look-alike: an independent reading of the vendor's contract."""

from photoplay.sandbox.kling.provider import KlingSandbox

__all__ = ["KlingSandbox"]
