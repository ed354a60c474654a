"""`photoplay worker` with one difference: it dies by SIGKILL, or pauses by SIGSTOP, at a phase boundary.

    python worker_process.py BOUNDARY|stop@BOUNDARY|-
    python worker_process.py [--clip CLIP] --crew BOUNDARY|stop@BOUNDARY|- …

Settings come from the environment, providers are the real drivers; with CLIP the built-in one delivers
it at once. A provider that does not answer is given up after seconds instead of minutes, so that a test
need not wait. A crew has as many workers as boundaries, forked from one start: `started PID BOUNDARY`
and `ended PID CODE` are written about each.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from photoplay.cli.serve import stop_signals
from photoplay.config import load_settings
from photoplay.domain.job import Job
from photoplay.domain.outcomes import SubmitOutcome
from photoplay.stack import open_stack
from photoplay.telemetry import configure_logs
from photoplay.worker.drivers import remote
from photoplay.worker.run import DriverSource, open_drivers, run_worker
from tests.support.boundaries import deadly
from tests.support.clips import clip_drivers
from tests.support.processes import die_with_parent

IMPATIENCE = {"_SUBMIT_S": 3.0, "_CALL_S": 3.0, "_UPLOAD_S": 5.0}


class Submissions:
    """Counts those that are under way in this process."""

    def __init__(self) -> None:
        self.count = 0

    def watch(self) -> None:
        submit = remote.RemoteDriver.submit

        async def counted(driver: remote.RemoteDriver, job: Job, picture: str) -> SubmitOutcome:
            self.count += 1
            try:
                return await submit(driver, job, picture)
            finally:
                self.count -= 1

        remote.RemoteDriver.submit = counted


async def work(boundary: str, drivers: DriverSource) -> None:
    submissions = Submissions()
    submissions.watch()
    settings = load_settings()
    configure_logs(settings.log_format, settings.log_level)
    with open_stack(settings, with_schema=False) as stack:
        async with stop_signals() as stopping:
            reach = deadly(boundary, lambda: submissions.count > 0)
            await run_worker(stack, stopping, drivers=drivers, reach=reach)


def crew(boundaries: Sequence[str], drivers: DriverSource) -> None:
    """Fork a worker for each boundary, and return when all have ended."""
    for boundary in boundaries:
        pid = os.fork()
        if pid == 0:
            die_with_parent()
            asyncio.run(work(boundary, drivers))
            os._exit(0)
        print("started", pid, boundary, flush=True)
    # The whole group is told to stop; this process has to see how the others do.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.wait()
            print("ended", pid, os.waitstatus_to_exitcode(status), flush=True)


def main(*words: str) -> None:
    for name, seconds in IMPATIENCE.items():
        setattr(remote, name, seconds)
    match words:
        case (boundary,):
            asyncio.run(work(boundary, open_drivers))
        case ("--crew", *boundaries):
            crew(boundaries, open_drivers)
        case ("--clip", clip, "--crew", *boundaries):
            crew(boundaries, clip_drivers(Path(clip)))


if __name__ == "__main__":
    main(*sys.argv[1:])
