"""Kling: two generations of one API. Every submission carries a name of ours and is found by it."""

from __future__ import annotations

from photoplay.providers.kling.models import KLING_MODELS, KlingModel
from photoplay.providers.kling.provider import Kling, KlingAccount

__all__ = ["KLING_MODELS", "Kling", "KlingAccount", "KlingModel"]
