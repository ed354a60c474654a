"""fal: one queue in front of many models. `models.py` is data, `verdicts.py` its error tables."""

from __future__ import annotations

from photoplay.providers.fal.models import FAL_MODELS, FalModel
from photoplay.providers.fal.provider import Fal, FalAccount

__all__ = ["FAL_MODELS", "Fal", "FalAccount", "FalModel"]
