from __future__ import annotations

import os
from datetime import timedelta
from uuid import uuid4

import pytest

from photoplay.db.pool import WORKER, writer
from photoplay.domain.job import video_path
from photoplay.domain.options import MotionOptions
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.erase_user import erase_user
from photoplay.worker.sweep import Sweeper
from tests.support.clips import make_clip
from tests.support.pictures import stored_picture


@pytest.fixture
def sweeper(database, store, settings):
    return Sweeper(
        database,
        store,
        uuid4(),
        grace=timedelta(0),
        scratch=settings.scratch_dir,
        lifetime=timedelta(hours=2),
    )


async def keys(store) -> set[str]:
    return {info.key async for info in store.list_objects("")}


async def test_an_open_job_without_work_item_gets_a_new_one(database, owner, store, user, sweeper):
    picture = await stored_picture(database, store, user)
    await create_job(database, writer(user), NewJob(picture, MotionOptions(), "local"))
    assert await sweeper.sweep() == 0
    owner.execute("delete from photoplay.pgqueuer")
    assert await sweeper.sweep() == 1
    assert owner.execute("select count(*) from photoplay.pgqueuer").fetchone() == (1,)
    assert await sweeper.sweep() == 0


async def test_an_ended_job_whose_task_is_not_over_gets_a_new_work_item(
    database, owner, store, user, sweeper
):
    picture = await stored_picture(database, store, user)
    created = await create_job(database, writer(user), NewJob(picture, MotionOptions(), "local"))
    owner.execute(
        "insert into photoplay.attempts"
        " (id, job_id, user_id, n, provider, model, status, fence, callback_token, sent_at)"
        " values (gen_random_uuid(), %s, %s, 1, 'kling', 'm', 'submitting', 1, 'token', now())",
        (created.id, user),
    )
    await cancel_job(database, writer(user), created.id)
    owner.execute("delete from photoplay.pgqueuer")
    assert await sweeper.sweep() == 1
    assert await sweeper.sweep() == 0


@pytest.fixture
async def late(database, store, user, sweeper, tmp_path) -> str:
    """Key of a clip that was uploaded when its job had been erased and its objects removed."""
    picture = await stored_picture(database, store, user)
    created = await create_job(database, writer(user), NewJob(picture, MotionOptions(), "local"))
    await erase_job(database, writer(user), created.id)
    await sweeper.sweep()
    key = video_path(user, created.id)
    await store.put_file(make_clip(tmp_path / "late.mp4"), key, content_type="video/mp4")
    assert key in await keys(store)
    return key


async def test_an_object_that_comes_back_after_erasure_is_removed_again(store, sweeper, late):
    await sweeper.tidy()
    assert late not in await keys(store)


async def test_an_object_that_came_back_is_removed_after_days_without_a_worker_too(
    database, owner, store, sweeper, late
):
    owner.execute(
        "update photoplay.erased_objects"
        " set erased_at = erased_at - interval '3 days', removed_at = removed_at - interval '3 days'"
    )
    await sweeper.tidy()
    assert late not in await keys(store)
    # Nobody is late by more than a day: then it is over.
    assert await database.once(WORKER, "sweep_erased", {"again": True}) == []


async def test_of_many_erased_objects_each_has_its_turn(owner, sweeper):
    owner.execute(
        "insert into photoplay.erased_objects (path, erased_at, removed_at)"
        " select 'nobody/' || n, now() - interval '2 hours', now() - interval '1 hour'"
        " from generate_series(1, 1500) n"
    )
    for _ in range(2):
        await sweeper.tidy()
    again = (
        "select count(*) from photoplay.erased_objects where removed_at > now() - interval '30 min'"
    )
    assert owner.execute(again).fetchone() == (1500,)


async def test_what_an_erased_user_uploads_late_is_removed_after_days_without_a_worker_too(
    database, owner, store, user, sweeper, tmp_path
):
    await erase_user(database, user, actor="t", blocked=True)
    await sweeper.tidy()
    owner.execute(
        "update photoplay.erased_users"
        " set erased_at = erased_at - interval '3 days', emptied_at = emptied_at - interval '3 days'"
    )
    late = f"{user}/late.mp4"
    await store.put_file(make_clip(tmp_path / "late.mp4"), late, content_type="video/mp4")
    await sweeper.tidy()
    assert late not in await keys(store)
    # Nobody is late by more than a day: then it is over, until the user is erased again.
    assert await database.once(WORKER, "sweep_erased_users", {}) == []
    await erase_user(database, user, actor="t", blocked=True)
    assert [r["user_id"] for r in await database.once(WORKER, "sweep_erased_users", {})] == [user]


async def test_a_video_past_its_retention_is_erased_with_its_job(
    database, owner, store, user, sweeper, tmp_path
):
    picture = await stored_picture(database, store, user)
    kept = await create_job(
        database, writer(user), NewJob(picture, MotionOptions(), "local", key="kept")
    )
    past = await create_job(
        database, writer(user), NewJob(picture, MotionOptions(), "local", key="past")
    )
    owner.execute(
        "update public.video_jobs set expires_at = now() + interval '1 day' where id = %s",
        (kept.id,),
    )
    owner.execute("update public.video_jobs set expires_at = now() where id = %s", (past.id,))
    video = video_path(user, past.id)
    await store.put_file(make_clip(tmp_path / "clip.mp4"), video, content_type="video/mp4")
    assert await sweeper.tidy() == 1
    assert [r[0] for r in owner.execute("select id from public.video_jobs").fetchall()] == [kept.id]
    assert video not in await keys(store)


async def test_scratch_of_killed_workers_goes_after_the_longest_life_of_a_job(sweeper, settings):
    settings.scratch_dir.mkdir(parents=True)
    old, young = settings.scratch_dir / "old.mp4", settings.scratch_dir / "young.mp4"
    old.touch()
    young.touch()
    os.utime(old, (1, 1))
    await sweeper.tidy()
    assert not old.exists()
    assert young.exists()
