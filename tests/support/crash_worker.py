"""A worker of its own process that dies by SIGKILL, or pauses by SIGSTOP, at a phase boundary.

    python crash_worker.py DSN DATA_DIR CLIP BOUNDARY|stop@BOUNDARY|- LEASE_S

Its provider delivers CLIP at once; `remote_worker.py` has the real ones. Writes one line `ready` when
it works. BOUNDARY `-` never dies; SIGTERM stops it in good order.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from photoplay.config import load_settings
from photoplay.stack import Stack
from photoplay.storage.decoders import DecoderPool
from photoplay.storage.objects import open_store
from photoplay.telemetry import configure_logs
from photoplay.worker.run import run_worker
from tests.support.boundaries import deadly
from tests.support.clips import clip_drivers


async def work(dsn: str, data_dir: Path, clip: Path, boundary: str, lease_s: float) -> None:
    settings = load_settings(data_dir=data_dir, lease_s=lease_s)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    with open_store((data_dir / "objects").as_uri()) as store, DecoderPool() as decoders:
        stack = Stack(
            settings, dsn, dsn, dsn, store, decoders, b"media secret of the tests, 32+ bytes"
        )
        print("ready", flush=True)
        await run_worker(stack, stopping, drivers=clip_drivers(clip), reach=deadly(boundary))


if __name__ == "__main__":
    configure_logs("console", "info")
    dsn, data_dir, clip, boundary, lease_s = sys.argv[1:]
    asyncio.run(work(dsn, Path(data_dir), Path(clip), boundary, float(lease_s)))
