"""The engine: how soon a handler runs after a commit, how many in a second, and ten thousand waits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import psycopg

from benchmarks.figures import Goal, Plan, Sheet, percentile
from benchmarks.installation import (
    USERS,
    Installation,
    Worker,
    new_installation,
    peak_mib,
)
from photoplay.worker.engine import STEPS
from photoplay.worker.handler import lanes

LEASE_S = 6.0
WAKES = 300
ITEMS = 10_000
WAITS = 10_000
# Each waiting job is looked at this often, so that 10,000 of them make 167 wakes a second.
PAUSE_S = 60.0
_BATCH = next(lane.batch for lane in lanes(1) if lane.name == STEPS)
_ENGINE, _BARE = "benchmarks.engine_worker", "benchmarks.bare_queue"

_FILL = "select count(photoplay.wake(gen_random_uuid())) from generate_series(1, %s)"
_JOBS = """
insert into public.video_jobs (id, user_id, source_image_url, provider, options, image_id)
select gen_random_uuid(), i.user_id, i.path, 'local', '{}', i.id
from public.video_images i, generate_series(1, %s) n
limit %s
"""
# Waiting already: due at some time within the next pause, after a moment for the worker to start.
_WAIT = """
select count(photoplay.wake(id, now() + interval '5 s' + random() * %s * interval '1 s'))
from public.video_jobs
"""


def measure(plan: Plan) -> Sheet:
    """Measure the engine beside a bare loop on the same table."""
    sheet = Sheet("Engine (one worker process, durable Postgres)")
    with new_installation(plan.folder) as installation:
        installation.add_users(USERS)
        for _ in range(plan.runs):
            for name in (_BARE, _ENGINE):
                _latency(sheet, installation, name)
            for name in (_BARE, _ENGINE):
                _throughput(sheet, installation, name)
        # One run of these takes more than a minute and counts ten thousand wakes.
        for name in (_BARE, _ENGINE):
            _waits(sheet, installation, name)
    sheet.notes += [
        "Commit → start counts from before the committing statement is sent: its own flush is in it.",
        f"{WAITS:,} waits: every job is claimed, released and woken again each {PAUSE_S:.0f} s.",
        "The bare loop has no heartbeat, no lease and no take-over, and takes the waits without jobs.",
    ]
    return sheet


def _start(installation: Installation, module: str, **more: Any) -> Worker:
    worker = Worker(
        module, dsn=installation.app_dsn, batch=_BATCH, lease_s=LEASE_S, **{"wake": "look", **more}
    )
    worker.until_ready()
    return worker


def _is_bare(module: str) -> bool:
    return module == _BARE


def _latency(sheet: Sheet, installation: Installation, module: str) -> None:
    installation.forget_jobs()
    asked: dict[str, int] = {}
    with _start(installation, module) as worker, installation.owner() as owner:
        _until_awake(owner)
        for _ in range(WAKES):
            time.sleep(random.uniform(0.005, 0.025))
            job_id = uuid4()
            asked[str(job_id)] = time.time_ns()
            owner.execute("select photoplay.wake(%s)", (job_id,))
        _until(lambda: _left(owner) == 0)
        seen = worker.result(stop_it=True)
    waits = [(seen[job_id] - at) / 1e6 for job_id, at in asked.items()]
    for name, share, most in (("p50", 0.5, 10.0), ("p99", 0.99, 50.0)):
        bare = sheet.figure(f"bare loop, commit → start {name}", "ms")
        figure = (
            bare
            if _is_bare(module)
            else sheet.figure(
                f"engine, commit → start {name}", "ms", against=bare, goals=[Goal("≤", most)]
            )
        )
        figure.samples.append(percentile(waits, share))


def _until_awake(owner: psycopg.Connection) -> None:
    """Return when the worker has taken a first item: it listens by then."""
    owner.execute("select photoplay.wake(%s)", (uuid4(),))
    _until(lambda: _left(owner) == 0)
    time.sleep(0.2)


def _throughput(sheet: Sheet, installation: Installation, module: str) -> None:
    installation.forget_jobs()
    with installation.owner() as owner:
        owner.execute(_FILL, (ITEMS,))
        owner.execute("vacuum analyze photoplay.pgqueuer")
        with _start(installation, module) as worker:
            _until(lambda: _left(owner) == 0)
            done = time.time_ns()
            seen = worker.result(stop_it=True)
    if len(seen) != ITEMS:
        raise RuntimeError(f"{ITEMS} items, {len(seen)} handled")
    rate = ITEMS / ((done - min(seen.values())) / 1e9)
    bare = sheet.figure("bare loop, no-op jobs", "jobs/s")
    figure = (
        bare
        if _is_bare(module)
        else sheet.figure("engine, no-op jobs", "jobs/s", against=bare, goals=[Goal("≥", 1000)])
    )
    figure.samples.append(rate)


def _waits(sheet: Sheet, installation: Installation, module: str) -> None:
    installation.forget_jobs()
    with installation.owner() as owner:
        owner.execute(_JOBS, (WAITS // USERS + 1, WAITS))
        owner.execute("vacuum analyze public.video_jobs")
        owner.execute(_WAIT, (PAUSE_S,))
        rows = owner.execute(
            "select convert_from(payload, 'utf8'), execute_after from photoplay.pgqueuer"
        ).fetchall()
        due: dict[str, datetime] = dict(rows)
        with _start(installation, module, wake="follow", pause_s=PAUSE_S) as worker:
            taken = _left if _is_bare(module) else _claimed
            goal = 0 if _is_bare(module) else WAITS
            _until(lambda: taken(owner) == goal, within_s=4 * PAUSE_S, every_s=0.5)
            peak = peak_mib(worker.process.pid)
            seen = worker.result(stop_it=True)
    late = [seen[job_id] / 1e9 - at.timestamp() for job_id, at in due.items()]
    bare = sheet.figure(f"bare loop, {WAITS:,} waits, late p99", "s")
    if _is_bare(module):
        bare.samples.append(percentile(late, 0.99))
        return
    figure = sheet.figure(
        f"engine, {WAITS:,} waits, late p99", "s", against=bare, goals=[Goal("≤", 1)]
    )
    figure.samples.append(percentile(late, 0.99))
    sheet.figure("· memory of the worker, peak", "MiB", goals=[Goal("≤", 200)]).samples.append(peak)


def _left(owner: psycopg.Connection) -> int:
    row = owner.execute("select count(*) from photoplay.pgqueuer").fetchone()
    assert row is not None
    return row[0]


def _claimed(owner: psycopg.Connection) -> int:
    row = owner.execute("select count(*) from photoplay.leases").fetchone()
    assert row is not None
    return row[0]


def _until(
    condition: Callable[[], bool], *, within_s: float = 120.0, every_s: float = 0.02
) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the worker did not get through its items in time")
        time.sleep(every_s)
