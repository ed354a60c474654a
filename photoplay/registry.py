"""Which providers an installation has, from its settings: what each can do, and its translation."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Final

from photoplay.config import Settings
from photoplay.domain.capability import Capability, fit
from photoplay.domain.errors import InvalidRequestError
from photoplay.domain.options import EffectiveOptions, MotionOptions, OptionDefaults
from photoplay.environment import SettingsError, read_settings
from photoplay.providers.builtin import LOCAL
from photoplay.providers.prices import estimate
from photoplay.providers.protocol import RemoteModel, RemoteProvider
from photoplay.providers.settings import ProviderSettings

PROVIDERS: Final = (
    "photoplay.providers.fal.settings:FalSettings",
    "photoplay.providers.kling.settings:KlingSettings",
    "photoplay.providers.runway.settings:RunwaySettings",
)
"""Every provider behind HTTP by the settings it declares, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A configured model of a provider behind HTTP."""

    provider: RemoteProvider
    model: RemoteModel


@dataclass(frozen=True, slots=True)
class Registry:
    """The providers of an installation.

    Attributes:
        remotes: those with keys, by the name they are stored and configured under.
        order: those that are tried when a job names none.
    """

    remotes: dict[str, Remote]
    order: tuple[str, ...]

    @property
    def capabilities(self) -> dict[str, Capability]:
        """What each can do, by name; the built-in renderer is always there."""
        remote = {name: remote.model.capability for name, remote in self.remotes.items()}
        return {LOCAL.provider: LOCAL, **remote}

    def estimate_usd(self, name: str, options: EffectiveOptions) -> float | None:
        """Return the list price of a clip in US dollars; None when it is not known."""
        if name == LOCAL.provider:
            return 0.0
        return estimate(self.remotes[name].model.price, options)

    def expected_usd(self, asked: MotionOptions, defaults: OptionDefaults) -> float | None:
        """Return what a wish will probably cost in US dollars, None when nobody's price is known.

        It is the price at the first provider in the order of trying that has one: where costs are
        capped, no attempt of unknown price is begun.
        """
        for name in (asked.provider,) if asked.provider else self.order:
            try:
                options = fit(asked, self.capabilities[name], defaults)
            except InvalidRequestError:
                continue
            price = self.estimate_usd(name, options)
            if price is not None:
                return price
        return None


BUILT_IN_ALONE: Final = Registry({}, (LOCAL.provider,))
"""An installation without keys."""


def open_registry(settings: Settings) -> Registry:
    """Return the providers that the settings have keys for.

    Raises:
        SettingsError: a key cannot be used, or the priority names a provider without one.
    """
    try:
        opened = [read_settings(kind).open() for kind in provider_settings()]
    except ValueError as error:
        raise SettingsError(f"Settings: {error}") from None
    providers = [provider for provider in opened if provider is not None]
    remotes = {
        name: Remote(provider, model)
        for provider in providers
        for name, model in provider.models.items()
    }
    known = {LOCAL.provider, *remotes}
    for name in settings.provider_priority:
        if name not in known:
            raise SettingsError(
                f"VIDEO_PROVIDER_PRIORITY: '{name}' is not a provider, or has no key; "
                f"there are {', '.join(sorted(known))}"
            )
    default = tuple(next(iter(provider.models)) for provider in providers)
    return Registry(remotes, settings.provider_priority or default or (LOCAL.provider,))


def provider_settings() -> list[type[ProviderSettings]]:
    """Return the settings of every provider that there is, with or without a key."""
    kinds: list[type[ProviderSettings]] = []
    for place in PROVIDERS:
        module, _, name = place.partition(":")
        kind = getattr(import_module(module), name)
        if not issubclass(kind, ProviderSettings):
            raise TypeError(f"{place} does not declare a provider")
        kinds.append(kind)
    return kinds
