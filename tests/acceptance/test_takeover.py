"""Workers that are killed or paused at the worst moments: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from photoplay.db.pool import Database, operator
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.invariants import check_invariants
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.set_limits import set_limits
from tests.conftest import until
from tests.support.boundaries import BOUNDARIES, is_stopped
from tests.support.clips import make_clip
from tests.support.pictures import stored_picture

ROOT = Path(__file__).parents[2]
LEASE_S = 1.0


class Crew:
    """Worker processes of one test."""

    def __init__(self, dsn: str, data_dir: Path, clip: Path, log: Path) -> None:
        self._arguments = (dsn, str(data_dir), str(clip))
        self._log = log
        self._all: list[asyncio.subprocess.Process] = []

    async def start(self, boundary: str = "-") -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(ROOT / "tests/support/crash_worker.py"),
                *self._arguments,
                boundary,
                str(LEASE_S),
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self._all.append(process)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        return process

    async def dismiss(self) -> None:
        for process in self._all:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        await asyncio.gather(*(p.wait() for p in self._all))


@pytest.fixture
async def crew(app_dsn, settings, store, tmp_path):
    crew = Crew(
        app_dsn, settings.data_dir, make_clip(tmp_path / "clip.mp4"), tmp_path / "workers.log"
    )
    yield crew
    await crew.dismiss()


async def wish(database: Database, user: UUID, picture: Picture) -> UUID:
    new = NewJob(picture, MotionOptions(), "local")
    return (await create_job(database, operator(user), new)).id


async def all_ended(owner) -> bool:
    row = owner.execute(
        "select count(*) from public.video_jobs where status in ('queued', 'running')"
    ).fetchone()
    return row == (0,)


@pytest.mark.fault(25)
async def test_a_worker_killed_at_any_phase_boundary_loses_and_doubles_nothing(
    database, owner, store, settings, user, crew, tmp_path
):
    await set_limits(database, daily_limit=10_000, max_open_jobs=10_000, dedupe_open_jobs=False)
    picture = await stored_picture(database, store, user)
    jobs: list[UUID] = []
    steady = await crew.start()
    for boundary in BOUNDARIES:
        victim = await crew.start(boundary)
        # The steady worker takes its share; sooner or later the victim gets one, and dies of it.
        while victim.returncode is None:
            jobs.append(await wish(database, user, picture))
            try:
                async with asyncio.timeout(0.3):
                    await victim.wait()
            except TimeoutError:
                assert len(jobs) < 400
        assert victim.returncode == -signal.SIGKILL, boundary
    await until(lambda: all_ended(owner))
    statuses = Counter(
        r[0] for r in owner.execute("select status from public.video_jobs").fetchall()
    )
    assert statuses == {"succeeded": len(jobs)}
    # One submission a job: what a kill interrupted after it was sent was resolved, not sent again.
    sent = (
        "select count(*), count(distinct job_id) from photoplay.attempts where sent_at is not null"
    )
    assert owner.execute(sent).fetchone() == (len(jobs), len(jobs))
    videos = [info async for info in store.list_objects(f"{user}/generated-videos/")]
    assert len([v for v in videos if v.key.endswith(".mp4")]) == len(jobs)
    assert not any((await check_invariants(database, store)).values())
    log = (tmp_path / "workers.log").read_text()
    # A worker killed right after its last commit had no time to say so; nobody says it twice.
    uploads = log.count("Upload completed for job")
    assert len(jobs) - 1 <= uploads <= len(jobs)
    assert steady.returncode is None


@pytest.mark.fault(26)
@pytest.mark.parametrize("boundary", ["preparing:before", "waiting:before", "storing:before"])
async def test_a_worker_that_returns_after_its_lease_changes_nothing(
    database, owner, store, user, crew, boundary, tmp_path
):
    picture = await stored_picture(database, store, user)
    late = await crew.start(f"stop@{boundary}")
    job_id = await wish(database, user, picture)
    await until(lambda: is_stopped(late.pid))
    await crew.start()
    await until(lambda: all_ended(owner))

    def everything():
        job = "select status, version, updated_at, video from public.video_jobs where id = %s"
        events = "select count(*), max(id) from photoplay.events where job_id = %s"
        attempts = "select array_agg(status order by n) from photoplay.attempts where job_id = %s"
        return [owner.execute(q, (job_id,)).fetchone() for q in (job, events, attempts)]

    ended = everything()
    assert ended[0][0] == "succeeded"
    late.send_signal(signal.SIGCONT)
    # It goes on to its commit, and is told that the job is no longer its own.
    await until(lambda: "lease.lost" in (tmp_path / "workers.log").read_text())
    assert everything() == ended
    assert not any((await check_invariants(database, store)).values())


async def test_a_lost_work_item_is_made_again(database, owner, store, user, crew):
    picture = await stored_picture(database, store, user)
    job_id = await wish(database, user, picture)
    owner.execute("delete from photoplay.pgqueuer")
    await crew.start()
    await until(lambda: all_ended(owner))
    status = owner.execute(
        "select status from public.video_jobs where id = %s", (job_id,)
    ).fetchone()
    assert status == ("succeeded",)
