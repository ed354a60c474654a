"""`photoplay quota`: look at a user's limits, give it limits of its own, give its units back."""

from __future__ import annotations

import asyncio
import getpass
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from photoplay.cli.root import DataDir, settings_for
from photoplay.config import LOCAL_USER, Settings

if TYPE_CHECKING:
    from photoplay.operations.set_user_limits import UserLimits

quota = typer.Typer(no_args_is_help=True, help="Limits and daily quota of a user.")
User = Annotated[UUID, typer.Option(help="User id; default: the user of local mode.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]
_LIMITS = {
    "daily_limit": "videos a day",
    "max_open_jobs": "open jobs",
    "dedupe_open_jobs": "recognise open duplicates",
    "requests_per_minute": "requests a minute",
    "daily_spend_usd": "US dollars a day",
}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(quota, name="quota")


@quota.command()
def show(user: User = LOCAL_USER, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show a user's limits and how it stands today."""
    _print(asyncio.run(_show(settings_for(data_dir, quiet_logs=True), user)), as_json=as_json)


@quota.command("set")
def set_(
    *,
    user: User = LOCAL_USER,
    daily_limit: Annotated[int | None, typer.Option(min=0, help="Videos a day.")] = None,
    max_open_jobs: Annotated[int | None, typer.Option(min=0, help="Videos at once.")] = None,
    dedupe_open_jobs: Annotated[
        bool | None, typer.Option("--dedupe/--no-dedupe", help="Recognise open duplicates.")
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, max=6000, help="Requests for a video in a minute.")
    ] = None,
    daily_spend_usd: Annotated[
        float | None, typer.Option(min=0, max=999_999, help="US dollars a day.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Replace a user's own limits; what is not named is as for everybody."""
    from photoplay.operations.set_user_limits import UserLimits

    limits = UserLimits(
        daily_limit=daily_limit,
        max_open_jobs=max_open_jobs,
        dedupe_open_jobs=dedupe_open_jobs,
        requests_per_minute=requests_per_minute,
        daily_spend_usd=None
        if daily_spend_usd is None
        else round(Decimal(str(daily_spend_usd)), 6),
    )
    row = asyncio.run(_set(settings_for(data_dir, quiet_logs=True), user, limits))
    _print(row, as_json=as_json)


@quota.command()
def reset(user: User = LOCAL_USER, data_dir: DataDir = None) -> None:
    """Set a user's used units of today to zero; ledger and audit keep who did it."""
    given_back = asyncio.run(_reset(settings_for(data_dir, quiet_logs=True), user))
    typer.echo(f"gave back {given_back}")


def _print(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(row, default=str))
        return
    resets_at = row["resets_at"].astimezone(ZoneInfo(row["time_zone"]))
    cap = "" if row["daily_spend_usd"] is None else f" of {row['daily_spend_usd']:.2f}"
    typer.echo(
        f"used {row['used']} of {row['daily_limit']} "
        f"(resets {resets_at:%Y-%m-%d %H:%M} {row['time_zone']}), "
        f"open jobs {row['open_jobs']} of {row['max_open_jobs']}, "
        f"spent {row['spent_usd']:.2f}{cap} USD"
    )
    own = [
        f"{text} {row[f'own_{name}']}"
        for name, text in _LIMITS.items()
        if row[f"own_{name}"] is not None
    ]
    typer.echo(f"own limits: {', '.join(own) or 'none'}")


async def _show(settings: Settings, user: UUID) -> dict[str, Any]:
    from photoplay.db.pool import ADMIN
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            return (await database.once(ADMIN, "get_limits", {"user_id": user}))[0]


async def _set(settings: Settings, user: UUID, limits: UserLimits) -> dict[str, Any]:
    from photoplay.operations.set_user_limits import set_user_limits
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            return await set_user_limits(database, user, limits, actor=_actor())


async def _reset(settings: Settings, user: UUID) -> int:
    from photoplay.operations.reset_quota import reset_quota
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            return await reset_quota(database, user, actor=_actor())


def _actor() -> str:
    return f"cli:{getpass.getuser()}"
