"""`photoplay worker` with one difference: it dies by SIGKILL, or pauses by SIGSTOP, at a phase boundary.

    python remote_worker.py BOUNDARY|stop@BOUNDARY|-

Settings come from the environment, providers are the real drivers. A provider that does not answer is
given up after seconds instead of minutes, so that a test need not wait. Writes one line `ready` when
it works; SIGTERM stops it in good order.
"""

from __future__ import annotations

import asyncio
import sys

from photoplay.cli.serve import stop_signals
from photoplay.config import load_settings
from photoplay.stack import open_stack
from photoplay.telemetry import configure_logs
from photoplay.worker.drivers import remote
from photoplay.worker.run import run_worker
from tests.support.boundaries import deadly

IMPATIENCE = {"_SUBMIT_S": 3.0, "_CALL_S": 3.0, "_UPLOAD_S": 5.0}


async def work(boundary: str) -> None:
    settings = load_settings()
    configure_logs(settings.log_format, settings.log_level)
    with open_stack(settings, with_schema=False) as stack:
        async with stop_signals() as stopping:
            print("ready", flush=True)
            await run_worker(stack, stopping, reach=deadly(boundary))


if __name__ == "__main__":
    for name, seconds in IMPATIENCE.items():
        setattr(remote, name, seconds)
    asyncio.run(work(sys.argv[1]))
