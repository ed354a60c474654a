"""fal's settings."""

from __future__ import annotations

from pydantic import Field, SecretStr

from photoplay.environment import named
from photoplay.providers.fal.provider import Fal, FalAccount
from photoplay.providers.settings import ProviderSettings


class FalSettings(ProviderSettings):
    """The settings of one account at fal."""

    fal_key: SecretStr | None = Field(None, validation_alias=named("FAL_KEY"))
    """fal's key, `id:secret`."""
    fal_user_id: str | None = Field(None, validation_alias=named("FAL_USER_ID"))
    """Our user id at fal; callbacks that were signed for another account are then refused."""
    fal_queue_base_url: str = Field(
        "https://queue.fal.run", validation_alias=named("FAL_QUEUE_BASE_URL")
    )
    fal_rest_base_url: str = Field(
        "https://rest.fal.ai", validation_alias=named("FAL_REST_BASE_URL")
    )
    fal_platform_base_url: str = Field(
        "https://api.fal.ai/v1", validation_alias=named("FAL_PLATFORM_BASE_URL")
    )

    def open(self) -> Fal | None:
        """Return fal when there is a key."""
        if self.fal_key is None:
            return None
        return Fal(
            FalAccount(
                key=self.fal_key.get_secret_value(),
                queue_url=self.fal_queue_base_url,
                rest_url=self.fal_rest_base_url,
                platform_url=self.fal_platform_base_url,
                user_id=self.fal_user_id,
            )
        )
