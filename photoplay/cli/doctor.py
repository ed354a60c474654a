"""`photoplay doctor`: is it well, and if not, what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import typer

from photoplay.cli.root import DataDir, known_error, settings_for
from photoplay.config import Settings, SettingsError
from photoplay.domain.errors import PhotoplayError
from photoplay.telemetry import redact_text


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `remedy` says what to do when it is not well."""

    what: str
    well: bool
    text: str
    remedy: str = ""


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(doctor)


def doctor(data_dir: DataDir = None) -> None:
    """Check settings, database, store, providers, and the invariants I1 to I9 on the live data."""
    settings = settings_for(data_dir, quiet_logs=True)
    findings = asyncio.run(examine(settings))
    for finding in findings:
        mark = (
            typer.style("ok  ", fg=typer.colors.GREEN)
            if finding.well
            else typer.style("FAIL", fg=typer.colors.RED)
        )
        typer.echo(f"{mark} {finding.what}: {finding.text}")
        if not finding.well and finding.remedy:
            typer.echo(f"     {finding.remedy}")
    if not all(f.well for f in findings):
        raise typer.Exit(1)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything and return what was found; nothing is changed."""
    from photoplay.stack import open_stack

    where = "embedded" if settings.database_url is None else "DATABASE_URL"
    findings = [Finding("settings", True, f"data in {settings.data_dir}, identity "
                        + (", ".join(settings.identities) or "local mode"))]  # fmt: skip
    try:
        with open_stack(settings, with_schema=False) as stack:
            findings += await _examine_stack(stack, where)
    except Exception as error:
        message = known_error(error)
        if message is None:
            raise
        findings.append(Finding(_source_of(error), False, redact_text(message)))
    return findings


def _source_of(error: Exception) -> str:
    from photoplay.storage.errors import StorageError

    if isinstance(error, StorageError):
        return "store"
    return "settings" if isinstance(error, SettingsError) else "database"


async def _examine_stack(stack: object, where: str) -> list[Finding]:
    from photoplay.db.migrate import pending
    from photoplay.stack import Stack

    if not isinstance(stack, Stack):
        raise TypeError(stack)
    missing = pending(stack.owner_dsn)
    findings = [
        Finding("database", True, where),
        Finding(
            "schema",
            not missing,
            "up to date" if not missing else f"{len(missing)} migrations missing",
            "run photoplay migrate",
        ),
        await _try("store", stack.store.check, "check the disk, or the store's address and keys"),
    ]
    findings.append(Finding("providers", True, ", ".join(stack.registry.order)))
    if not missing:
        async with stack.database(size=2) as database:
            from photoplay.invariants import check_invariants

            for invariant, broken in (await check_invariants(database, stack.store)).items():
                findings.append(
                    Finding(
                        invariant,
                        not broken,
                        "holds"
                        if not broken
                        else f"broken by {len(broken)}: {', '.join(broken[:5])}",
                        "look at these with photoplay jobs show, and report it: this must not happen",
                    )
                )
    return findings


async def _try(what: str, check: Callable[[], Awaitable[None]], remedy: str) -> Finding:
    try:
        await check()
    except PhotoplayError as error:
        return Finding(what, False, error.message, remedy)
    return Finding(what, True, "reads, writes and deletes")
