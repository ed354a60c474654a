"""`photoplay animate`: pictures in, MP4 files out, through real jobs."""

from __future__ import annotations

import asyncio
import glob
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from photoplay.cli.root import DataDir, settings_for
from photoplay.cli.serve import stop_signals
from photoplay.config import LOCAL_USER, Settings
from photoplay.domain.errors import (
    ConflictError,
    InvalidRequestError,
    PhotoplayError,
    RateLimitedError,
)
from photoplay.domain.options import MotionOptions

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from photoplay.db.pool import Database
    from photoplay.stack import Stack


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(animate)


def animate(
    pictures: Annotated[
        list[str], typer.Argument(help="Picture files or patterns.", metavar="PICTURE")
    ],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File for one picture, folder for many.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="Words about the motion.")] = None,
    duration: Annotated[float | None, typer.Option(min=1, max=15, help="Seconds.")] = None,
    resolution: Annotated[str | None, typer.Option(help="480p, 720p or 1080p.")] = None,
    motion: Annotated[str | None, typer.Option(help="low, medium or high.")] = None,
    aspect: Annotated[str | None, typer.Option(help="auto, 16:9, 9:16, 1:1, 4:3 or 3:4.")] = None,
    move: Annotated[str | None, typer.Option(help="Camera move of the built-in renderer.")] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="Let the end lead into the beginning.")
    ] = False,
    fps: Annotated[int | None, typer.Option(help="24 or 30.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same clip.")] = None,
    provider: Annotated[str | None, typer.Option(help="Provider to use.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a picture on stdout.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Animate pictures and write the videos."""
    settings = settings_for(data_dir, quiet_logs=True)
    options = _options(
        durationSec=duration, resolution=resolution, motionStrength=motion, aspectRatio=aspect,
        move=move, loop=loop or None, fps=fps, seed=seed, provider=provider,
    )  # fmt: skip
    files = _expand(pictures)
    targets = _targets(files, out)
    run = _Run(settings, options, prompt, as_json=as_json)
    asyncio.run(run.all(list(zip(files, targets, strict=True))))
    if run.interrupted:
        raise typer.Exit(130)
    if run.failed:
        raise typer.Exit(1)


def _options(**wire: object) -> MotionOptions:
    """Check options with the same model as the API, so that both refuse the same things."""
    from pydantic import ValidationError

    from photoplay.api.wire import Options

    try:
        return Options.model_validate({k: v for k, v in wire.items() if v is not None}).to_domain()
    except ValidationError as error:
        names = {
            "durationSec": "--duration",
            "motionStrength": "--motion",
            "aspectRatio": "--aspect",
        }
        problems = [
            f"{names.get(str(e['loc'][0]), '--' + str(e['loc'][0]))}: {e['msg']}"
            for e in error.errors(include_input=False)
        ]
        raise InvalidRequestError("; ".join(problems)) from None


def _expand(patterns: Sequence[str]) -> list[Path]:
    files: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        # A shell expands patterns itself; where it did not (quotes, other systems) we do.
        found = [path] if path.exists() else [Path(p) for p in sorted(glob.glob(pattern))]  # noqa: PTH207 -- also absolute patterns
        if not found:
            raise InvalidRequestError(f"{pattern}: there is no such file")
        files += [f for f in found if f not in files]
    for file in files:
        if file.is_dir():
            raise InvalidRequestError(
                f"{file}: is a folder; name pictures, for instance {file}/*.jpg"
            )
    return files


def _targets(files: Sequence[Path], out: Path | None) -> list[Path]:
    if out is None or len(files) > 1 or out.is_dir():
        folder = out or Path()
        if folder.exists() and not folder.is_dir():
            raise InvalidRequestError(f"-o {folder}: is a file; several pictures need a folder")
        folder.mkdir(parents=True, exist_ok=True)
        targets = [folder / f"{file.stem}.mp4" for file in files]
        twice = {t for t in targets if targets.count(t) > 1}
        if twice:
            raise InvalidRequestError(
                f"{sorted(twice)[0]} would be written twice; animate pictures of the same name one by one"
            )
        return targets
    out.parent.mkdir(parents=True, exist_ok=True)
    return [out]


class _Run:
    """One call of the command: its own worker, its jobs, their files."""

    def __init__(
        self, settings: Settings, options: MotionOptions, prompt: str | None, *, as_json: bool
    ) -> None:
        self._settings = settings
        self._options = options
        self._prompt = prompt
        self._as_json = as_json
        self.failed = False
        self.interrupted = False

    async def all(self, work: list[tuple[Path, Path]]) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        from photoplay.operations.set_limits import set_limits
        from photoplay.stack import open_stack
        from photoplay.worker.run import run_worker

        with open_stack(self._settings) as stack:
            async with (
                stop_signals() as stopping,
                stack.database(name="photoplay-animate") as database,
            ):
                await set_limits(database, **self._settings.limits)
                work_done = asyncio.Event()
                worker = asyncio.create_task(run_worker(stack, work_done))
                columns = (
                    TextColumn("{task.description}"),
                    BarColumn(),
                    TaskProgressColumn(),
                    TimeElapsedColumn(),
                )
                with Progress(*columns, console=Console(stderr=True)) as progress:
                    # As many at once as may be open; the rest follow in turn.
                    turns = asyncio.Semaphore(self._settings.max_open_jobs)
                    jobs = [
                        asyncio.create_task(self._one(stack, database, progress, turns, *pair))
                        for pair in work
                    ]
                    await self._finish(jobs, stopping)
                work_done.set()
                await worker

    async def _finish(self, jobs: list[asyncio.Task[None]], stopping: asyncio.Event) -> None:
        interrupted = asyncio.create_task(stopping.wait())
        finished = asyncio.gather(*jobs)
        await asyncio.wait({interrupted, finished}, return_when=asyncio.FIRST_COMPLETED)
        if interrupted.done():
            self.interrupted = True
            for job in jobs:
                job.cancel()
        interrupted.cancel()
        with suppress(asyncio.CancelledError):
            await finished
        await asyncio.gather(*jobs, return_exceptions=True)

    async def _one(
        self,
        stack: Stack,
        database: Database,
        progress: Progress,
        turns: asyncio.Semaphore,
        picture: Path,
        target: Path,
    ) -> None:
        bar = progress.add_task(picture.name, total=1.0)
        try:
            async with turns:
                row = await self._job(stack, database, progress, bar, picture)
            if row["status"] != "succeeded":
                raise InvalidRequestError(row["error"] or f"the job was {row['status']}")
            await _write(stack, row["output_video_url"], target)
            progress.update(bar, completed=1.0, description=f"{picture.name} → {target}")
            self._report(picture, row, target)
        except (PhotoplayError, OSError) as error:
            self.failed = True
            text = (
                error.message
                if isinstance(error, PhotoplayError)
                else f"{error.strerror}: {error.filename}"
            )
            progress.update(bar, description=f"{picture.name}: failed")
            progress.console.print(f"[red]{picture}: {text}", highlight=False)
            if self._as_json:
                typer.echo(json.dumps({"picture": str(picture), "status": "failed", "error": text}))

    async def _job(
        self, stack: Stack, database: Database, progress: Progress, bar: TaskID, picture: Path
    ) -> dict[str, Any]:
        from photoplay.db.pool import operator
        from photoplay.domain.capability import fit
        from photoplay.domain.fingerprint import Picture
        from photoplay.operations.cancel_job import cancel_job
        from photoplay.operations.create_job import NewJob, create_job

        capabilities = stack.registry.capabilities
        provider = self._options.provider or stack.registry.order[0]
        if provider not in capabilities:
            raise InvalidRequestError(
                f"--provider {provider}: use one of {', '.join(capabilities)}"
            )
        fit(self._options, capabilities[provider], self._settings.option_defaults)
        scope = operator(LOCAL_USER)
        image = await stack.intake(database).take(scope, LOCAL_USER, picture)
        new = NewJob(
            Picture(image_id=image["id"]),
            self._options,
            provider,
            self._prompt,
            estimate_usd=stack.registry.expected_usd(self._options, self._settings.option_defaults),
        )
        while True:
            try:
                created = await create_job(
                    database, scope, new, overdue_after=self._settings.overdue_after
                )
                break
            except RateLimitedError as error:
                if error.code != "too_many_open_jobs":
                    raise
                # Somebody else's jobs fill the limit, for instance the studio's.
                await asyncio.sleep(1)
        try:
            return await _follow(database, created.id, progress, bar)
        except asyncio.CancelledError:
            with suppress(ConflictError):
                await asyncio.shield(cancel_job(database, scope, created.id))
            raise

    def _report(self, picture: Path, row: dict[str, Any], target: Path) -> None:
        if self._as_json:
            facts: dict[str, Any] = {
                "picture": str(picture),
                "status": row["status"],
                "video": str(target),
                "jobId": str(row["id"]),
                "provider": row["provider"],
                **(row["video"] or {}),
                "result": row["result"],
            }
            typer.echo(json.dumps(facts))
        else:
            typer.echo(str(target))


async def _follow(
    database: Database, job_id: UUID, progress: Progress, bar: TaskID
) -> dict[str, Any]:
    from photoplay.db.pool import reader

    while True:
        rows = await database.once(reader(LOCAL_USER), "get_job", {"job_id": job_id})
        if not rows:
            raise InvalidRequestError("the job was erased while it ran")
        row = rows[0]
        progress.update(bar, completed=0.98 * (row["progress"] or 0.0))
        if row["finished_at"] is not None:
            return row
        await asyncio.sleep(0.15)


async def _write(stack: Stack, key: str, target: Path) -> None:
    """Bring the stored video to its file; whatever was there is replaced in one step."""
    part = target.with_name(f".{target.name}.part")
    try:
        await stack.store.get_file(key, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
