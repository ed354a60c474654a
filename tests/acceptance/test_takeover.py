"""Workers that are killed or paused at the worst moments: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from uuid import UUID

import pytest

from photoplay.db.pool import Database, operator
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.invariants import check_invariants
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.set_limits import set_limits
from tests.conftest import until
from tests.support.boundaries import BOUNDARIES
from tests.support.clips import make_clip
from tests.support.crew import Crew
from tests.support.pictures import stored_picture


@pytest.fixture
async def crew(app_dsn, settings, store, tmp_path):
    crew = Crew(
        {
            "DATABASE_URL": app_dsn,
            "PHOTOPLAY_DATA_DIR": str(settings.data_dir),
            "PHOTOPLAY_MEDIA_SECRET": "media secret of the tests, 32+ bytes",
            "PHOTOPLAY_LEASE_S": "1",
        },
        tmp_path / "workers.log",
        make_clip(tmp_path / "clip.mp4"),
    )
    yield crew
    await crew.dismiss()


async def wish(database: Database, user: UUID, picture: Picture) -> UUID:
    new = NewJob(picture, MotionOptions(), "local")
    return (await create_job(database, operator(user), new)).id


def count_open(owner) -> int:
    (count,) = owner.execute(
        "select count(*) from public.video_jobs where status in ('queued', 'running')"
    ).fetchone()
    return count


def all_ended(owner) -> bool:
    return count_open(owner) == 0


@pytest.mark.fault(25)
async def test_a_worker_killed_at_any_phase_boundary_loses_and_doubles_nothing(
    database, owner, store, user, crew
):
    await set_limits(database, daily_limit=10_000, max_open_jobs=10_000, dedupe_open_jobs=False)
    picture = await stored_picture(database, store, user)
    jobs: list[UUID] = []
    await crew.start(*BOUNDARIES)
    # Each dies of the first job that comes to its boundary.
    while len(crew.ended) < len(BOUNDARIES):
        if count_open(owner) < 8:
            jobs.append(await wish(database, user, picture))
        await asyncio.sleep(0.05)
        assert len(jobs) < 400
    assert crew.ended == dict.fromkeys(BOUNDARIES, -signal.SIGKILL)
    await crew.start("-")
    await until(lambda: all_ended(owner))
    statuses = Counter(
        r[0] for r in owner.execute("select status from public.video_jobs").fetchall()
    )
    assert statuses == {"succeeded": len(jobs)}
    # One submission a job: what a kill interrupted after it was sent was resolved, not sent again.
    # Whoever took longer than its lease to say that it sends, did not send.
    sent = (
        "select count(*), count(distinct job_id) from photoplay.attempts"
        " where sent_at is not null and refusal is distinct from 'interrupted'"
    )
    assert owner.execute(sent).fetchone() == (len(jobs), len(jobs))
    videos = [info async for info in store.list_objects(f"{user}/generated-videos/")]
    assert len([v for v in videos if v.key.endswith(".mp4")]) == len(jobs)
    assert not any((await check_invariants(database, store)).values())
    # A worker killed right after its last commit had no time to say so; nobody says it twice.
    uploads = crew.said("Upload completed for job")
    assert len(jobs) - 1 <= uploads <= len(jobs)


@pytest.mark.fault(26)
@pytest.mark.parametrize("boundary", ["preparing:before", "waiting:before", "storing:before"])
async def test_a_worker_that_returns_after_its_lease_changes_nothing(
    database, owner, store, user, crew, boundary
):
    picture = await stored_picture(database, store, user)
    await crew.start(f"stop@{boundary}")
    job_id = await wish(database, user, picture)
    await until(crew.are_stopped)
    await crew.start("-")
    await until(lambda: all_ended(owner))

    def everything():
        job = "select status, version, updated_at, video from public.video_jobs where id = %s"
        events = "select count(*), max(id) from photoplay.events where job_id = %s"
        attempts = "select array_agg(status order by n) from photoplay.attempts where job_id = %s"
        return [owner.execute(q, (job_id,)).fetchone() for q in (job, events, attempts)]

    ended = everything()
    assert ended[0][0] == "succeeded"
    crew.go_on()
    # It goes on to its commit, and is told that the job is no longer its own.
    await until(lambda: crew.said("lease.lost"))
    assert everything() == ended
    assert not any((await check_invariants(database, store)).values())


async def test_a_lost_work_item_is_made_again(database, owner, store, user, crew):
    picture = await stored_picture(database, store, user)
    job_id = await wish(database, user, picture)
    owner.execute("delete from photoplay.pgqueuer")
    await crew.start("-")
    await until(lambda: all_ended(owner))
    status = owner.execute(
        "select status from public.video_jobs where id = %s", (job_id,)
    ).fetchone()
    assert status == ("succeeded",)
