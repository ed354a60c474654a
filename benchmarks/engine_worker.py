"""The engine in a process of its own, with the lanes of a worker and a handler that only looks.

The order says what a wake does: `look` notes the instant; `follow` also claims the job and asks to be
woken again, as a job does that waits for its provider.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

# What a worker has in memory counts in its size, so all of a worker is loaded.
import photoplay.worker.run  # noqa: F401
from photoplay.db.pool import Database
from photoplay.domain.job import Job
from photoplay.operations.claim_job import claim_job, release_job
from photoplay.worker.engine import STEPS, Engine, Handler
from photoplay.worker.handler import lanes


def looking(seen: dict[str, int]) -> Handler:
    """Return a handler that notes when a job's first wake began (clock of the machine, ns)."""

    async def handle(job_id: UUID, _item_id: int, _lane: str) -> None:
        seen.setdefault(str(job_id), time.time_ns())

    return handle


def following(
    seen: dict[str, int], database: Database, lease: timedelta, pause: timedelta
) -> Handler:
    """Return a handler that holds a job for a moment and comes back after `pause`."""
    worker_id = uuid4()

    async def handle(job_id: UUID, item_id: int, _lane: str) -> None:
        seen.setdefault(str(job_id), time.time_ns())
        job = await claim_job(database, job_id, item_id=item_id, worker_id=worker_id, lease=lease)
        if isinstance(job, Job):
            await release_job(database, job, wake_after=pause, lane=STEPS)

    return handle


async def work(order: dict[str, Any]) -> dict[str, int]:
    """Run the engine until SIGTERM and return when each job's handler first began."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    seen: dict[str, int] = {}
    lease = timedelta(seconds=order["lease_s"])
    engine = Engine(order["dsn"], lanes(1), takeover=lease)
    if order["wake"] == "look":
        print("ready", flush=True)
        await engine.run(looking(seen), stopping)
        return seen
    async with Database(order["dsn"], size=8) as database:
        print("ready", flush=True)
        pause = timedelta(seconds=order["pause_s"])
        await engine.run(following(seen, database, lease, pause), stopping)
    return seen


def answer() -> None:
    """Read the order from stdin, write the result to stdout."""
    order = json.loads(sys.stdin.readline())
    print(json.dumps(asyncio.run(work(order))))


if __name__ == "__main__":
    answer()
