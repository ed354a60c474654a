"""Runway: one address for many models; a lost submission cannot be found again."""

from __future__ import annotations

from photoplay.providers.runway.models import RUNWAY_MODELS, RunwayModel
from photoplay.providers.runway.provider import Runway, RunwayAccount

__all__ = ["RUNWAY_MODELS", "Runway", "RunwayAccount", "RunwayModel"]
