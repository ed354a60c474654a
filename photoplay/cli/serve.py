"""`photoplay serve` and `photoplay worker`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photoplay.cli.root import DataDir, settings_for
from photoplay.config import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    import uvicorn


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(serve)
    app.command()(worker)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    data_dir: DataDir = None,
    worker: Annotated[bool, typer.Option(help="Also work on the jobs in this process.")] = True,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox", help="Use look-alikes of fal, Kling and Runway; nothing is spent."
        ),
    ] = False,
) -> None:
    """Serve the API and the studio, and work on the jobs."""
    settings = settings_for(data_dir, host=host, port=port)
    settings.check_binding(settings.host)
    if sandbox:
        _run(_serve_with_sandbox(settings, with_worker=worker))
    else:
        _run(_serve(settings, with_worker=worker))


def worker(data_dir: DataDir = None) -> None:
    """Work on the jobs, without serving HTTP."""
    settings = settings_for(data_dir)
    asyncio.run(_work(settings))


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """Serve on uvloop: a tenth less CPU for a creation than on asyncio's own loop."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)


@asynccontextmanager
async def stop_signals() -> AsyncGenerator[asyncio.Event]:
    """Give an event that SIGTERM or SIGINT sets; a second signal ends the process at once."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        if stopping.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        yield stopping
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _work(settings: Settings) -> None:
    from photoplay.stack import open_stack
    from photoplay.worker.run import run_worker

    with open_stack(settings) as stack:
        async with stop_signals() as stopping:
            await run_worker(stack, stopping)


async def _serve_with_sandbox(settings: Settings, *, with_worker: bool) -> None:
    from photoplay.sandbox import Sandbox

    async with Sandbox(folder=settings.data_dir / "sandbox") as sandbox:
        os.environ.update(sandbox.environment)
        listener = _listen(settings)
        port = listener.getsockname()[1]
        wired = load_settings(
            data_dir=settings.data_dir,
            host=settings.host,
            # The look-alikes call back, and fetch pictures, where they reach us.
            public_url=settings.public_url or f"http://127.0.0.1:{port}",
        )
        await _serve(wired, with_worker=with_worker, listener=listener)


async def _serve(
    settings: Settings, *, with_worker: bool, listener: socket.socket | None = None
) -> None:
    import uvicorn

    from photoplay.api.app import create_app
    from photoplay.stack import open_stack
    from photoplay.worker.run import run_worker

    listener = listener or _listen(settings)
    host, port = listener.getsockname()[:2]
    address = f"http://{'[' + host + ']' if ':' in host else host}:{port}"
    with open_stack(settings) as stack:
        config = uvicorn.Config(
            create_app(stack, base_url=address),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
            timeout_keep_alive=30,
            backlog=2048,
        )
        server = uvicorn.Server(config)
        async with stop_signals() as stopping, asyncio.TaskGroup() as group:
            group.create_task(_stop_server(server, stopping))
            if with_worker:
                group.create_task(run_worker(stack, stopping))
            typer.secho(f"Photoplay is at {settings.public_url or address}", fg=typer.colors.GREEN)
            try:
                # Not `serve`: the signals are ours, so that one place stops server and worker.
                await server._serve(sockets=[listener])  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            finally:
                stopping.set()


async def _stop_server(server: uvicorn.Server, stopping: asyncio.Event) -> None:
    await stopping.wait()
    server.should_exit = True


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named so that the loop switches Nagle's delay off, which costs an answer 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        # From now on a client waits instead of being refused.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"--port {settings.port}: {error.strerror}; choose another port, or 0 for a free one"
        ) from None
    return listener
