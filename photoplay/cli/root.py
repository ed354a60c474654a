"""The command's root: groups, options that every command takes, and how errors end it."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from photoplay import __version__
from photoplay.config import Settings, load_settings
from photoplay.domain.errors import PhotoplayError
from photoplay.embedded import EmbeddedPostgresError
from photoplay.telemetry import configure_logs, redact_text

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Turn a picture into a stored video, exactly once.",
)

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the embedded database, the store and scratch files."
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Turn a picture into a stored video, exactly once."""


def settings_for(
    data_dir: Path | None, *, quiet_logs: bool = False, **overrides: object
) -> Settings:
    """Return this command's settings and send logs to stderr accordingly."""
    settings = load_settings(data_dir=data_dir, **overrides)
    configure_logs(settings.log_format, "warning" if quiet_logs else settings.log_level)
    return settings


def known_error(error: Exception) -> str | None:
    """Return what a person can do something about, in one sentence; None for a bug of ours."""
    if isinstance(error, EmbeddedPostgresError):
        return str(error)
    if not isinstance(error, PhotoplayError):
        # Only now, so that `photoplay --help` need not load the driver.
        from photoplay.db.errors import translated

        error = translated(error)
    if not isinstance(error, PhotoplayError):
        return None
    if error.code == "database_unavailable":
        return (
            "The database does not answer; make sure that DATABASE_URL is right and Postgres runs."
        )
    return error.message


@contextmanager
def plain_errors() -> Generator[None]:
    """End the command with one clear line where the user can do something about it."""
    try:
        yield
    except Exception as error:
        message = known_error(error)
        if message is None:
            raise
        typer.secho(f"photoplay: {redact_text(message)}", err=True, fg=typer.colors.RED)
        sys.exit(1)


@cache
def command() -> typer.Typer:
    """Return the command with all its groups."""
    from photoplay.cli import (
        animate,
        config,
        database,
        doctor,
        jobs,
        keys,
        providers,
        quota,
        sandbox,
        serve,
        supabase,
    )

    groups = (
        animate,
        serve,
        sandbox,
        database,
        jobs,
        keys,
        providers,
        quota,
        config,
        doctor,
        supabase,
    )
    for group in groups:
        group.register(app)
    return app


def run() -> None:
    """Run the command; Ctrl-C ends it with 130, a closed pipe quietly."""
    try:
        with plain_errors():
            command()(standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away; nothing may be written any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
