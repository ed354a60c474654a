"""`photoplay providers`: which there are, how they are, and stopping one."""

from __future__ import annotations

import asyncio
import getpass
from typing import Annotated, Any

import typer

from photoplay.cli.root import DataDir, settings_for
from photoplay.config import Settings
from photoplay.domain.errors import NotFoundError

providers = typer.Typer(no_args_is_help=True, help="Providers and their health.")
Name = Annotated[str, typer.Argument(help="Name as in VIDEO_PROVIDER_PRIORITY.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(providers, name="providers")


@providers.command("list")
def list_providers(data_dir: DataDir = None) -> None:
    """List the configured providers, first choice first, with their health."""
    for line in asyncio.run(_list(settings_for(data_dir, quiet_logs=True))):
        typer.echo(line)


@providers.command()
def pause(name: Name, data_dir: DataDir = None) -> None:
    """Begin nothing at a provider any more; what is under way is followed to its end."""
    asyncio.run(_set(settings_for(data_dir, quiet_logs=True), name, paused=True))
    typer.echo(f"paused {name}")


@providers.command()
def resume(name: Name, data_dir: DataDir = None) -> None:
    """Let a paused provider, or one whose circuit breaker is open, be tried again."""
    asyncio.run(_set(settings_for(data_dir, quiet_logs=True), name, paused=False))
    typer.echo(f"resumed {name}")


async def _list(settings: Settings) -> list[str]:
    from photoplay.db.pool import ADMIN
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            rows = await database.once(ADMIN, "list_providers", {})
        health = {row["name"]: row for row in rows}
        order = stack.registry.order
        others = sorted({*stack.registry.capabilities, *health} - set(order))
        return [_line(name, n, health.get(name)) for n, name in enumerate([*order, *others], 1)]


def _line(name: str, place: int, health: dict[str, Any] | None) -> str:
    notes: list[str] = []
    if health is not None:
        if health["paused_at"] is not None:
            notes.append(f"paused by {health['paused_by']} at {health['paused_at']:%Y-%m-%d %H:%M}")
        if health["open_until"] is not None:
            notes.append(f"circuit breaker open until {health['open_until']:%H:%M:%S}")
        if health["attention"] is not None:
            notes.append(f"needs its operator: {health['attention']}")
        if health["under_way"]:
            notes.append(f"{health['under_way']} under way")
        if health["unknown"]:
            notes.append(f"{health['unknown']} unknown")
    return f"{place}. {name}: {', '.join(notes) or 'ok'}"


async def _set(settings: Settings, name: str, *, paused: bool) -> None:
    from photoplay.operations.pause_provider import pause_provider, resume_provider
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        if name not in stack.registry.capabilities:
            known = ", ".join(stack.registry.capabilities)
            raise NotFoundError(f"{name}: not configured here; there are {known}")
        async with stack.database(size=2) as database:
            if paused:
                await pause_provider(database, name, actor=f"cli:{getpass.getuser()}")
            else:
                await resume_provider(database, name, actor=f"cli:{getpass.getuser()}")
