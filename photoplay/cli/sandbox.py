"""`photoplay sandbox`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photoplay.cli.root import DataDir
from photoplay.cli.serve import stop_signals
from photoplay.config import SettingsError

if TYPE_CHECKING:
    from photoplay.sandbox import SandboxOptions


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(sandbox)


def sandbox(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8585,
    data_dir: DataDir = None,
    *,
    quick: Annotated[
        bool, typer.Option(help="Deliver plain clips at once instead of filming the picture.")
    ] = False,
    queue_seconds: Annotated[float, typer.Option(help="Seconds a task waits.")] = 2.0,
    run_seconds: Annotated[float, typer.Option(help="Seconds a task runs.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Decides every id and every draw.")] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="Name of a scripted fault, see docs/sandbox.md; may be repeated."),
    ] = None,
) -> None:
    """Serve look-alikes of fal, Runway and Kling on this machine, and print the settings for them."""
    from photoplay.sandbox import CATALOGUE, SandboxOptions

    faults = fault or []
    unknown = [name for name in faults if name not in CATALOGUE]
    if unknown:
        raise SettingsError(
            f"--fault {unknown[0]}: no such fault; choose one of {', '.join(sorted(CATALOGUE))}"
        )
    options = SandboxOptions(seed=seed, quick=quick, queue_s=queue_seconds, run_s=run_seconds)
    folder = data_dir / "sandbox" if data_dir else None
    asyncio.run(_serve(options, folder, port, faults))


async def _serve(
    options: SandboxOptions, folder: Path | None, port: int, faults: list[str]
) -> None:
    from photoplay.sandbox import Sandbox

    try:
        async with (
            stop_signals() as stopping,
            Sandbox(options, folder=folder, port=port) as running,
        ):
            running.add(*faults)
            for name, value in running.environment.items():
                typer.echo(f"{name}={value}")
            typer.secho(
                f"The sandbox is at {running.base_url}; script it under {running.base_url}/_sandbox",
                err=True,
                fg=typer.colors.GREEN,
            )
            await stopping.wait()
    except OSError as error:
        raise SettingsError(
            f"--port {port}: {error.strerror}; choose another port, or 0 for a free one"
        ) from None
