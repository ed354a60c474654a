"""`photoplay quota`: look at a user's quota and give it back."""

from __future__ import annotations

import asyncio
import getpass
from typing import Annotated, Any
from uuid import UUID

import typer

from photoplay.cli.root import DataDir, settings_for
from photoplay.config import LOCAL_USER, Settings

quota = typer.Typer(no_args_is_help=True, help="Daily quota of a user.")
User = Annotated[UUID, typer.Option(help="User id; default: the user of local mode.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(quota, name="quota")


@quota.command()
def show(user: User = LOCAL_USER, data_dir: DataDir = None) -> None:
    """Show today's quota and the open jobs of a user."""
    row = asyncio.run(_show(settings_for(data_dir, quiet_logs=True), user))
    typer.echo(
        f"used {row['used']} of {row['daily_limit']} (resets {row['resets_at']:%Y-%m-%d %H:%M} UTC), "
        f"open jobs {row['open_jobs']} of {row['max_open_jobs']}"
    )


@quota.command()
def reset(user: User = LOCAL_USER, data_dir: DataDir = None) -> None:
    """Set a user's used units of today to zero; the ledger keeps who did it."""
    given_back = asyncio.run(_reset(settings_for(data_dir, quiet_logs=True), user))
    typer.echo(f"gave back {given_back}")


async def _show(settings: Settings, user: UUID) -> dict[str, Any]:
    from photoplay.db.pool import ADMIN
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            return (await database.once(ADMIN, "get_quota", {"user_id": user}))[0]


async def _reset(settings: Settings, user: UUID) -> int:
    from photoplay.operations.reset_quota import reset_quota
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            return await reset_quota(database, user, actor=f"cli:{getpass.getuser()}")
