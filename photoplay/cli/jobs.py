"""`photoplay jobs`: look at jobs and stop them."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from photoplay.cli.root import DataDir, settings_for
from photoplay.config import Settings
from photoplay.domain.errors import NotFoundError

jobs = typer.Typer(no_args_is_help=True, help="Jobs of all users.")
JobId = Annotated[UUID, typer.Argument(help="Id of the job.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(jobs, name="jobs")


@jobs.command("list")
def list_jobs(
    status: Annotated[str | None, typer.Option(help="Only jobs with this status.")] = None,
    user: Annotated[UUID | None, typer.Option(help="Only jobs of this user.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data_dir: DataDir = None,
) -> None:
    """List jobs, newest first."""
    settings = settings_for(data_dir, quiet_logs=True)
    rows = asyncio.run(_list(settings, status, user, limit))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(_shown(row), default=str))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("created", "job", "status", "phase", "provider", "error", box=None)
    for row in rows:
        table.add_row(
            f"{row['created_at']:%Y-%m-%d %H:%M:%S}",
            str(row["id"]),
            row["status"],
            row["phase"],
            row["provider"] or "",
            row["error"] or "",
        )
    Console().print(table)


@jobs.command()
def show(job_id: JobId, data_dir: DataDir = None) -> None:
    """Show one job with its attempts and events, as JSON."""
    settings = settings_for(data_dir, quiet_logs=True)
    typer.echo(json.dumps(asyncio.run(_show(settings, job_id)), default=str, indent=2))


@jobs.command()
def cancel(job_id: JobId, data_dir: DataDir = None) -> None:
    """Stop a job."""
    settings = settings_for(data_dir, quiet_logs=True)
    asyncio.run(_cancel(settings, job_id))
    typer.echo(f"cancelled {job_id}")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    # What a user wrote is not for an operator's terminal.
    return {
        k: v.isoformat() if isinstance(v, datetime) else v
        for k, v in row.items()
        if k not in {"source_image_url"}
    }


async def _list(
    settings: Settings, status: str | None, user: UUID | None, limit: int
) -> list[dict[str, Any]]:
    from photoplay.db.pool import ADMIN
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            return await database.once(
                ADMIN,
                "list_jobs",
                {
                    "user_id": user,
                    "status": status,
                    "limit": limit,
                    "before_at": None,
                    "before_id": None,
                },
            )


async def _show(settings: Settings, job_id: UUID) -> dict[str, Any]:
    from photoplay.db.pool import ADMIN
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            found, events = await database.batch(
                ADMIN, [("get_job", {"job_id": job_id}), ("list_events", {"job_id": job_id})]
            )
    if not found:
        raise NotFoundError(f"{job_id}: there is no such job", code="job_not_found")
    return {**_shown(found[0]), "events": events}


async def _cancel(settings: Settings, job_id: UUID) -> None:
    from photoplay.db.pool import ADMIN
    from photoplay.operations.cancel_job import cancel_job
    from photoplay.stack import open_stack

    with open_stack(settings) as stack:
        async with stack.database(size=2) as database:
            await cancel_job(database, ADMIN, job_id)
