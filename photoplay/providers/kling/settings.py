"""Kling's settings."""

from __future__ import annotations

from pydantic import Field, SecretStr

from photoplay.environment import named
from photoplay.providers.kling.provider import Kling, KlingAccount
from photoplay.providers.settings import ProviderSettings


class KlingSettings(ProviderSettings):
    """The settings of one account at Kling."""

    kling_api_key: SecretStr | None = Field(None, validation_alias=named("KLING_API_KEY"))
    """Kling's key; older accounts have the next two instead."""
    kling_access_key: str | None = Field(None, validation_alias=named("KLING_ACCESS_KEY"))
    kling_secret_key: SecretStr | None = Field(None, validation_alias=named("KLING_SECRET_KEY"))
    kling_callback_secret: SecretStr | None = Field(
        None, validation_alias=named("KLING_CALLBACK_SECRET")
    )
    """`whsec_…` of Kling's console, where its callbacks are signed."""
    kling_api_base_url: str = Field(
        "https://api-singapore.klingai.com", validation_alias=named("KLING_API_BASE_URL")
    )

    def open(self) -> Kling | None:
        """Return Kling when there is a key, or the older pair."""
        if self.kling_api_key is None and self.kling_access_key is None:
            return None
        key, secret = self.kling_api_key, self.kling_secret_key
        callback = self.kling_callback_secret
        return Kling(
            KlingAccount(
                key=key.get_secret_value() if key else None,
                access_key=self.kling_access_key,
                secret_key=secret.get_secret_value() if secret else None,
                api_url=self.kling_api_base_url,
                callback_secrets=(callback.get_secret_value(),) if callback else (),
            )
        )
