"""`photoplay migrate` and `photoplay db`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from photoplay.cli.root import DataDir, settings_for

db = typer.Typer(no_args_is_help=True, help="The database in use.")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(migrate)
    app.add_typer(db, name="db")


def migrate(
    plan: Annotated[bool, typer.Option("--plan", help="Only name what would be applied.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Only print what would be applied.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Bring the database to the schema of this release."""
    from photoplay.db import migrate as migrations
    from photoplay.stack import ensure_app_role, open_stack

    settings = settings_for(data_dir, quiet_logs=True)
    with open_stack(settings, with_schema=False) as stack:
        if sql:
            for migration in migrations.pending(stack.owner_dsn):
                typer.echo(f"-- {migration.name}\n{migration.statement}")
        elif plan:
            names = [m.name for m in migrations.pending(stack.owner_dsn)]
            typer.echo("\n".join(names) if names else "Nothing to do; the schema is up to date.")
        else:
            applied = [m.name for m in migrations.migrate(stack.owner_dsn)]
            if settings.database_url is None:
                ensure_app_role(stack.owner_dsn)
            for name in applied:
                typer.echo(f"applied {name}")
            if not applied:
                typer.echo("Nothing to do; the schema is up to date.")


@db.command()
def url(data_dir: DataDir = None) -> None:
    """Print the owner's address of the database as the last line; the embedded one runs while used."""
    from photoplay.stack import open_stack

    settings = settings_for(data_dir, quiet_logs=True)
    with open_stack(settings) as stack:
        if settings.database_url is None:
            typer.secho(
                "The embedded server stops two seconds after its last user: keep `photoplay serve` or "
                "`photoplay db shell` running meanwhile.",
                err=True,
            )
        typer.echo(owner_url(settings, stack.owner_dsn))


@db.command()
def shell(data_dir: DataDir = None) -> None:
    """Open psql as the owner."""
    import subprocess

    from photoplay.embedded import bin_path
    from photoplay.stack import open_stack

    settings = settings_for(data_dir, quiet_logs=True)
    with open_stack(settings) as stack:
        psql = bin_path("psql", settings.pg_bin)
        ended = subprocess.run([str(psql), stack.owner_dsn], env={**os.environ}, check=False)
    raise typer.Exit(ended.returncode)


def owner_url(settings: object, owner_dsn: str) -> str:
    """Return an address that other programs understand, over TCP for the embedded server."""
    from photoplay import embedded
    from photoplay.config import Settings

    if isinstance(settings, Settings) and settings.database_url is None:
        server = embedded.use(settings.data_dir, bin_dir=settings.pg_bin)
        try:
            return server.owner_url()
        finally:
            server.release()
    return owner_dsn
