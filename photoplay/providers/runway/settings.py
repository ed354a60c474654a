"""Runway's settings."""

from __future__ import annotations

from pydantic import Field, SecretStr

from photoplay.environment import named
from photoplay.providers.runway.provider import Runway, RunwayAccount
from photoplay.providers.settings import ProviderSettings


class RunwaySettings(ProviderSettings):
    """The settings of one organisation at Runway."""

    runway_api_key: SecretStr | None = Field(
        None, validation_alias=named("RUNWAY_API_KEY", "RUNWAYML_API_SECRET")
    )
    """Runway's key; `RUNWAYML_API_SECRET` is read as well."""
    runway_api_base_url: str = Field(
        "https://api.dev.runwayml.com", validation_alias=named("RUNWAY_API_BASE_URL")
    )

    def open(self) -> Runway | None:
        """Return Runway when there is a key."""
        if self.runway_api_key is None:
            return None
        return Runway(
            RunwayAccount(
                key=self.runway_api_key.get_secret_value(), api_url=self.runway_api_base_url
            )
        )
