"""`photoplay config show`."""

from __future__ import annotations

import typer
from pydantic import SecretStr

from photoplay.cli.root import DataDir, settings_for
from photoplay.environment import names_of, read_settings
from photoplay.registry import provider_settings
from photoplay.telemetry import redact_text

config = typer.Typer(no_args_is_help=True, help="Settings.")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(config, name="config")


@config.callback()
def group() -> None:
    """Settings."""


@config.command()
def show(data_dir: DataDir = None) -> None:
    """Show every setting under its environment name; secrets only as set or not set."""
    settings = settings_for(data_dir, quiet_logs=True)
    for kind in (settings, *map(read_settings, provider_settings())):
        for attribute, name in names_of(type(kind)).items():
            typer.echo(f"{name}={_shown(getattr(kind, attribute))}")


def _shown(value: object) -> str:
    match value:
        case None | ():
            return ""
        case SecretStr():
            return "(set)"
        case tuple():
            return ",".join(str(part) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _:
            return redact_text(str(value))
