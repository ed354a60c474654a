"""Workers killed at every phase boundary, and paused past their lease, with jobs in flight.

A second worker goes on working. The lease is the default one, the provider delivers a small real clip
(tests/support), everything else is the product: what is measured is how long a job stands still, and
counted is what was lost or done twice.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from benchmarks.figures import Goal, Plan, Sheet
from benchmarks.installation import ROOT, Installation, clean_environment, new_installation
from photoplay.config import Settings
from photoplay.db.pool import Database, operator
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.invariants import check_invariants
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.set_limits import set_limits
from photoplay.storage.objects import ObjectStore, open_store
from tests.support.boundaries import BOUNDARIES
from tests.support.clips import make_clip
from tests.support.pictures import stored_picture

LEASE_S: float = Settings.model_fields["lease_s"].default
PAUSED_AT = ("preparing:before", "waiting:before", "storing:before")
# As many at once as the embedded Postgres has connections for.
VICTIMS = 3
JOBS = 60
_PATIENCE_S = 120.0

_HELD = """
select job.id, lease.fence from photoplay.leases lease
join public.video_jobs job on job.id = lease.job_id
where lease.worker_id = %s and lease.expires_at > '-infinity' and job.status in ('queued', 'running')
"""
_STILL_HELD = """
select count(*) from unnest(%s::uuid[], %s::bigint[]) as held (id, fence)
join photoplay.leases lease on lease.job_id = held.id and lease.fence = held.fence
join public.video_jobs job on job.id = held.id and job.status in ('queued', 'running')
"""
_EVERYTHING = """
select
    (select md5(string_agg(j::text, '' order by id)) from public.video_jobs j),
    (select md5(string_agg(a::text, '' order by id)) from photoplay.attempts a),
    (select md5(string_agg(e::text, '' order by id)) from photoplay.events e)
"""


@dataclass
class Site:
    """What the whole benchmark works on."""

    installation: Installation
    database: Database
    store: ObjectStore
    owner: psycopg.Connection
    user: UUID
    picture: Picture
    clip: Path
    log: Path

    async def start(self, boundary: str = "-") -> asyncio.subprocess.Process:
        """Start a worker that dies, or stops, at the boundary."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(ROOT / "tests/support/crash_worker.py"),
                self.installation.app_dsn,
                str(self.installation.folder),
                str(self.clip),
                boundary,
                str(LEASE_S),
                cwd=self.installation.folder,
                env=clean_environment(),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        # By then its name is in the table of workers, so that its leases can be told apart.
        await _until(lambda: self.worker_id(process.pid) is not None)
        return process

    def worker_id(self, pid: int) -> UUID | None:
        row = self.owner.execute(
            "select id from photoplay.workers where pid = %s", (pid,)
        ).fetchone()
        return row[0] if row else None

    async def wish(self, count: int) -> None:
        """Ask for some videos."""
        new = NewJob(self.picture, MotionOptions(), "local")
        await asyncio.gather(
            *(create_job(self.database, operator(self.user), new) for _ in range(count))
        )

    def count(self, query: str) -> int:
        row = self.owner.execute(query).fetchone()
        assert row is not None
        return row[0]

    async def until_all_ended(self) -> None:
        """Return when no job is open.

        Raises:
            TimeoutError: names what is stuck, and where.
        """
        try:
            await _until(lambda: not self._open())
        except TimeoutError:
            raise TimeoutError(
                f"jobs that do not go on, by status and phase: {self._open()}"
            ) from None

    def _open(self) -> list[tuple[str, str, int]]:
        return self.owner.execute(
            "select status, phase, count(*) from public.video_jobs"
            " where status in ('queued', 'running') group by status, phase"
        ).fetchall()


def measure(plan: Plan) -> Sheet:
    """Kill and pause workers, as often as there are runs."""
    sheet = Sheet(f"Takeover (lease {LEASE_S:g} s, a second worker running)")
    asyncio.run(_measure(sheet, plan))
    return sheet


async def _measure(sheet: Sheet, plan: Plan) -> None:
    with new_installation(plan.folder) as installation:
        async with _opened(installation) as site:
            steady = await site.start()
            try:
                for run in range(plan.runs):
                    for first in range(0, len(BOUNDARIES), VICTIMS):
                        await _kill(sheet, site, BOUNDARIES[first : first + VICTIMS])
                    await _pause(sheet, site, PAUSED_AT[run % len(PAUSED_AT)])
            finally:
                await _dismiss([steady])
            await _account(sheet, site, plan.runs)


@asynccontextmanager
async def _opened(installation: Installation) -> AsyncIterator[Site]:
    user = uuid4()
    with (
        open_store((installation.folder / "objects").as_uri()) as store,
        installation.owner() as owner,
    ):
        async with Database(installation.app_dsn, size=8) as database:
            await set_limits(
                database, daily_limit=10**6, max_open_jobs=10**6, dedupe_open_jobs=False
            )
            yield Site(
                installation,
                database,
                store,
                owner,
                user,
                await stored_picture(database, store, user),
                make_clip(installation.folder / "clip.mp4"),
                installation.folder / "workers.log",
            )


async def _kill(sheet: Sheet, site: Site, boundaries: Sequence[str]) -> None:
    """Let a worker die at each of the boundaries and follow what it held."""
    victims = [await site.start(boundary) for boundary in boundaries]
    watches = [
        asyncio.create_task(_watch(sheet, site, victim, boundary))
        for victim, boundary in zip(victims, boundaries, strict=True)
    ]
    await site.wish(JOBS)
    while any(victim.returncode is None for victim in victims):
        # The steady worker may have taken them all: sooner or later each victim gets one.
        await asyncio.sleep(0.2)
        await site.wish(2)
    died = time.monotonic()
    await asyncio.gather(*watches)
    await site.until_all_ended()
    last = sheet.figure("last kill → every job of the batch ended", "s")
    last.samples.append(time.monotonic() - died)


async def _watch(
    sheet: Sheet, site: Site, victim: asyncio.subprocess.Process, boundary: str
) -> None:
    worker_id = site.worker_id(victim.pid)
    await victim.wait()
    killed = time.monotonic()
    if victim.returncode != -signal.SIGKILL:
        raise RuntimeError(f"the worker for {boundary} ended with {victim.returncode}")
    held = site.owner.execute(_HELD, (worker_id,)).fetchall()
    ids, fences = [row[0] for row in held], [row[1] for row in held]
    sheet.figure("jobs held by a killed worker", "jobs").samples.append(len(held))

    def left() -> int:
        row = site.owner.execute(_STILL_HELD, (ids, fences)).fetchone()
        assert row is not None
        return row[0]

    taken = sheet.figure("kill → a job of it taken over", "s")
    before = len(ids)
    deadline = killed + _PATIENCE_S
    while before and time.monotonic() < deadline:
        now_left = left()
        taken.samples += [time.monotonic() - killed] * (before - now_left)
        before = now_left
        await asyncio.sleep(0.05)
    if ids:
        figure = sheet.figure("kill → the last job of it taken over", "s", goals=[Goal("≤", 15)])
        figure.samples.append(time.monotonic() - killed)
        worst = sheet.figure("· worst of all", "s", goals=[Goal("≤", 15)])
        worst.samples[:] = [max([*worst.samples, time.monotonic() - killed])]


async def _pause(sheet: Sheet, site: Site, boundary: str) -> None:
    """Stop a worker past its lease, let another finish, and let it go on."""
    late = await site.start(f"stop@{boundary}")
    try:
        await site.wish(JOBS)
        while not _is_stopped(late.pid):
            await asyncio.sleep(0.1)
            await site.wish(2)
        await site.until_all_ended()
        ended = site.owner.execute(_EVERYTHING).fetchone()
        size = site.log.stat().st_size
        late.send_signal(signal.SIGCONT)

        def refused() -> bool:
            with site.log.open("rb") as log:
                log.seek(size)
                return b"lease.lost" in log.read()

        await _until(refused)
    finally:
        await _dismiss([late])
    changed = site.owner.execute(_EVERYTHING).fetchone() != ended
    figure = sheet.figure("late workers that changed something", "of 1", goals=[Goal("≤", 0)])
    figure.samples.append(float(changed))


async def _account(sheet: Sheet, site: Site, runs: int) -> None:
    """Count what was lost or done twice in all of it."""
    jobs = site.count("select count(*) from public.video_jobs")
    succeeded = site.count("select count(*) from public.video_jobs where status = 'succeeded'")
    sent = site.count("select count(*) from photoplay.attempts where sent_at is not null")
    videos = [
        info.key
        async for info in site.store.list_objects(f"{site.user}/generated-videos/")
        if info.key.endswith(".mp4")
    ]
    broken = await check_invariants(site.database, site.store)
    none = [Goal("≤", 0)]
    for name, unit, value in (
        ("jobs lost", "jobs", jobs - succeeded),
        ("submissions more or less than jobs", "submissions", abs(sent - jobs)),
        ("videos more or less than jobs", "videos", abs(len(videos) - jobs)),
        ("invariants broken (I1–I9)", "rows", sum(map(len, broken.values()))),
    ):
        sheet.figure(name, unit, goals=none).samples.append(float(value))
    sheet.notes.append(
        f"{jobs} jobs, {runs * len(BOUNDARIES)} kills at {len(BOUNDARIES)} boundaries,"
        f" {runs} pauses; {VICTIMS} workers die at a time."
    )


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def _dismiss(processes: Sequence[asyncio.subprocess.Process]) -> None:
    for process in processes:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
    await asyncio.gather(*(process.wait() for process in processes))


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to that in time")
        await asyncio.sleep(0.05)
