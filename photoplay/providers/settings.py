"""What every provider declares: its settings, and itself as they make it."""

from __future__ import annotations

from abc import abstractmethod

from photoplay.environment import EnvironmentSettings
from photoplay.providers.protocol import RemoteProvider


class ProviderSettings(EnvironmentSettings):
    """The settings of one provider account."""

    @abstractmethod
    def open(self) -> RemoteProvider | None:
        """Return the provider; None when there is no key for it.

        Raises:
            ValueError: a key cannot be used; the message names its setting.
        """
