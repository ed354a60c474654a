"""`photoplay config show`."""

from __future__ import annotations

import typer
from pydantic import SecretStr

from photoplay.cli.root import DataDir, settings_for
from photoplay.config import setting_names
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
    for attribute, name in setting_names().items():
        value = getattr(settings, attribute)
        if isinstance(value, SecretStr):
            shown = "(set)"
        elif value is None or value == ():
            shown = ""
        elif isinstance(value, tuple):
            shown = ",".join(str(part) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        else:
            shown = redact_text(str(value))
        typer.echo(f"{name}={shown}")
