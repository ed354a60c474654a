"""Which providers an installation has, from its settings: what each can do, and its translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from photoplay.config import Settings, SettingsError
from photoplay.domain.capability import Capability, fit
from photoplay.domain.errors import InvalidRequestError
from photoplay.domain.options import EffectiveOptions, MotionOptions, OptionDefaults
from photoplay.providers.builtin import LOCAL
from photoplay.providers.fal import Fal, FalAccount
from photoplay.providers.kling import Kling, KlingAccount
from photoplay.providers.prices import estimate
from photoplay.providers.protocol import RemoteModel, RemoteProvider
from photoplay.providers.runway import Runway, RunwayAccount


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
        providers = _providers(settings)
    except ValueError as error:
        raise SettingsError(f"Settings: {error}") from None
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
    default = tuple(name for name in ("fal-pika", "kling", "runway") if name in remotes)
    return Registry(remotes, settings.provider_priority or default or (LOCAL.provider,))


def _providers(settings: Settings) -> list[RemoteProvider]:
    found: list[RemoteProvider] = []
    if settings.fal_key is not None:
        found.append(
            Fal(
                FalAccount(
                    key=settings.fal_key.get_secret_value(),
                    queue_url=settings.fal_queue_base_url,
                    rest_url=settings.fal_rest_base_url,
                    platform_url=settings.fal_platform_base_url,
                    user_id=settings.fal_user_id,
                )
            )
        )
    if settings.runway_api_key is not None:
        found.append(
            Runway(
                RunwayAccount(
                    key=settings.runway_api_key.get_secret_value(),
                    api_url=settings.runway_api_base_url,
                )
            )
        )
    if settings.kling_api_key is not None or settings.kling_access_key is not None:
        found.append(Kling(_kling_account(settings)))
    return found


def _kling_account(settings: Settings) -> KlingAccount:
    key, secret = settings.kling_api_key, settings.kling_secret_key
    callback = settings.kling_callback_secret
    return KlingAccount(
        key=key.get_secret_value() if key else None,
        access_key=settings.kling_access_key,
        secret_key=secret.get_secret_value() if secret else None,
        api_url=settings.kling_api_base_url,
        callback_secrets=(callback.get_secret_value(),) if callback else (),
    )
