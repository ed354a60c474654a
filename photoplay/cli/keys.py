"""`photoplay keys`: make, list and revoke API keys."""

from __future__ import annotations

import asyncio
import getpass
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from photoplay.cli.root import DataDir, settings_for
from photoplay.config import Settings
from photoplay.domain.api_key import KeyScope

keys = typer.Typer(no_args_is_help=True, help="API keys.")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(keys, name="keys")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for; shown in the list.")],
    user: Annotated[
        UUID | None, typer.Option(help="User that the key acts for; not with --admin.")
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="Operate, and act for the users that requests name.")
    ] = False,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days it works. Default: until revoked.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Make an API key and print it; it is shown this once."""
    if admin == (user is not None):
        raise typer.BadParameter(
            "a key acts for one user (--user ID) or is an operator's (--admin)"
        )
    if not 1 <= len(name) <= 100:
        raise typer.BadParameter("must have 1 to 100 characters", param_hint="NAME")
    settings = settings_for(data_dir, quiet_logs=True)
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    text, row = asyncio.run(_create(settings, name, user, expires_at))
    if as_json:
        typer.echo(json.dumps({**row, "key": text}, default=str))
        return
    typer.secho("Keep it now; it cannot be shown again.", err=True)
    typer.echo(text)


@keys.command("list")
def list_keys(
    user: Annotated[UUID | None, typer.Option(help="Only keys of this user.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data_dir: DataDir = None,
) -> None:
    """List API keys, newest first; revoked ones stay in the list."""
    rows = asyncio.run(_list(settings_for(data_dir, quiet_logs=True), user, limit))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, default=str))
        return
    from rich.console import Console
    from rich.table import Column, Table

    # Whoever revokes a key needs its whole id.
    whole = Column("id", no_wrap=True, min_width=36)
    table = Table("created", whole, "key", "name", "acts for", "last used", "state", box=None)
    for row in rows:
        table.add_row(
            f"{row['created_at']:%Y-%m-%d %H:%M}",
            str(row["id"]),
            f"pp_{row['prefix']}_…",
            row["name"],
            str(row["user_id"] or "operator"),
            f"{row['last_used_at']:%Y-%m-%d %H:%M}" if row["last_used_at"] else "never",
            _state(row),
        )
    Console().print(table)


@keys.command()
def revoke(
    key_id: Annotated[UUID, typer.Argument(help="Id of the key, as the list shows it.")],
    data_dir: DataDir = None,
) -> None:
    """Refuse a key from now on; servers follow within a second."""
    asyncio.run(_revoke(settings_for(data_dir, quiet_logs=True), key_id))
    typer.echo(f"revoked {key_id}")


def _state(row: dict[str, Any]) -> str:
    if row["revoked_at"] is not None:
        return f"revoked {row['revoked_at']:%Y-%m-%d %H:%M}"
    if row["expires_at"] is None:
        return "works"
    word = "works until" if row["expires_at"] > datetime.now(UTC) else "expired"
    return f"{word} {row['expires_at']:%Y-%m-%d %H:%M}"


async def _create(
    settings: Settings, name: str, user: UUID | None, expires_at: datetime | None
) -> tuple[str, dict[str, Any]]:
    from photoplay.operations.create_key import NewKey, create_key
    from photoplay.stack import open_stack

    scope = KeyScope.ADMIN if user is None else KeyScope.JOBS
    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            new = NewKey(name, scope, user, expires_at)
            key, row = await create_key(database, new, actor=f"cli:{getpass.getuser()}")
    return str(key), row


async def _list(settings: Settings, user: UUID | None, limit: int) -> list[dict[str, Any]]:
    from photoplay.db.pool import ADMIN
    from photoplay.stack import open_stack

    values = {"user_id": user, "limit": limit, "before_at": None, "before_id": None}
    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            return await database.once(ADMIN, "list_keys", values)


async def _revoke(settings: Settings, key_id: UUID) -> None:
    from photoplay.operations.revoke_key import revoke_key
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            await revoke_key(database, key_id, actor=f"cli:{getpass.getuser()}")
