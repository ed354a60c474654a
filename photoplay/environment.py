"""How settings are read: from the environment and `.env`, typed, once, and then frozen."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import AliasChoices, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from photoplay.domain.errors import PhotoplayError


class SettingsError(PhotoplayError):
    """A setting is wrong; the message names it and says what it takes."""

    code = "settings"


class EnvironmentSettings(BaseSettings):
    """Settings that belong together; each names its variable by `named`."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )


S = TypeVar("S", bound=EnvironmentSettings)


def named(name: str, *others: str) -> AliasChoices:
    """Return what a setting is called in the environment; `others` are read as well."""
    return AliasChoices(name, name.lower(), *others)


def names_of(kind: type[EnvironmentSettings]) -> dict[str, str]:
    """Return the environment name of every setting by its attribute name."""
    names: dict[str, str] = {}
    for attribute, field in kind.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            names[attribute] = str(alias.choices[0])
    return names


def read_settings(kind: type[S], **overrides: object) -> S:
    """Read settings of a kind.

    Args:
        overrides: values by attribute name that win over the environment; None is ignored.

    Raises:
        SettingsError: names every setting that is wrong, and its problem.
    """
    names = names_of(kind)
    given: dict[str, Any] = {names[k]: v for k, v in overrides.items() if v is not None}
    try:
        return kind(**given)
    except ValidationError as error:
        lines = [
            f"{names.get(str(part['loc'][0]), str(part['loc'][0]).upper())}: {part['msg']}"
            for part in error.errors(include_input=False)
        ]
        raise SettingsError("Settings: " + "; ".join(lines)) from None
