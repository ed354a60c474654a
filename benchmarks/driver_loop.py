"""The same operations without HTTP: coroutines of one process call them as the routes do."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from benchmarks.figures import percentile
from benchmarks.installation import image_id, user_id
from photoplay.config import Settings
from photoplay.db.pool import Database, reader, writer
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.operations.create_job import NewJob, create_job

Step = Callable[[int], Awaitable[object]]


def creation(database: Database, users: int) -> Step:
    """Return what creates a job for the n-th user, going round."""

    async def step(n: int) -> None:
        user = n % users + 1
        new = NewJob(Picture(image_id(user)), MotionOptions(), "local", key=uuid4().hex)
        await create_job(database, writer(user_id(user)), new)

    return step


def reading(database: Database, jobs: list[list[str]]) -> Step:
    """Return what reads the n-th of some jobs (`[user, job]`), going round."""
    known = [(UUID(user), UUID(job)) for user, job in jobs]

    async def step(n: int) -> None:
        user, job = known[n % len(known)]
        if not await database.once(reader(user), "get_job", {"job_id": job}):
            raise LookupError(f"no job {job}")

    return step


async def press(step: Step, clients: int, *, warm_s: float, s: float) -> list[float]:
    """Return the milliseconds of every step that lay in the counted time."""
    counted_from = time.perf_counter() + warm_s
    ends_at = counted_from + s
    found: list[float] = []

    async def client(n: int) -> None:
        while (sent := time.perf_counter()) < ends_at:
            await step(n)
            n += clients
            now = time.perf_counter()
            if sent >= counted_from and now <= ends_at:
                found.append((now - sent) * 1000)

    await asyncio.gather(*(client(n) for n in range(clients)))
    return found


async def work(order: dict[str, object]) -> list[float]:
    """Do what the order says on a pool of the size that a server has."""
    size = Settings.model_fields["database_pool_size"].default
    async with Database(str(order["dsn"]), size=size) as database:
        jobs = order.get("jobs")
        step = (
            reading(database, jobs)
            if isinstance(jobs, list)
            else creation(database, order["users"])
        )
        return await press(step, order["clients"], warm_s=order["warm_s"], s=order["seconds"])


def answer() -> None:
    """Read the order from stdin, write the result to stdout."""
    order = json.loads(sys.stdin.readline())
    found = asyncio.run(work(order))
    result = {
        "per_s": len(found) / order["seconds"],
        "p50_ms": percentile(found, 0.5),
        "p99_ms": percentile(found, 0.99),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    answer()
