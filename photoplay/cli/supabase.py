"""`photoplay supabase`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from photoplay.cli.root import DataDir, settings_for
from photoplay.config import SettingsError

supabase = typer.Typer(no_args_is_help=True, help="Files for a Supabase project.")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(supabase, name="supabase")


@supabase.callback()
def root() -> None:
    """Files for a Supabase project."""


@supabase.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The project's folder of migrations.")] = Path(
        "supabase/migrations"
    ),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 where something is missing.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Write the schema of this release as migrations of a Supabase project."""
    from photoplay.db.project_files import project_files

    settings_for(data_dir, quiet_logs=True)
    states = {file: file.state_in(folder) for file in project_files()}
    edited = [file.name for file, state in states.items() if state == "differs"]
    if edited:
        raise SettingsError(
            f"{folder / edited[0]} is not what this release would write"
            + (f", nor are {len(edited) - 1} more" if edited[1:] else "")
            + "; nothing was written. Restore it, or move it away and run this again."
        )
    missing = [file for file, state in states.items() if state == "missing"]
    if check:
        for file in missing:
            typer.echo(f"missing {folder / file.name}")
        raise typer.Exit(1 if missing else 0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in missing:
            (folder / file.name).write_text(file.text, "utf-8")
            typer.echo(f"wrote {folder / file.name}")
    except OSError as error:
        raise SettingsError(
            f"FOLDER {folder}: {error.strerror}; choose a folder that you may write"
        ) from None
    for file, state in states.items():
        if state == "the project's own":
            typer.echo(f"kept the project's own {file.name.partition('_')[2]}")
    if not missing:
        typer.echo("Nothing to do; the files are those of this release.")
