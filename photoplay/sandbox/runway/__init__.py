"""Runway's developer API as a look-alike: an independent reading of the vendor's contract."""

from photoplay.sandbox.runway.provider import RunwaySandbox

__all__ = ["RunwaySandbox"]
