"""How a task is followed between its acceptance and its end, by polls alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from photoplay.db.pool import operator
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.follow_task import Pace, take_polls
from photoplay.sandbox import Fault
from tests.acceptance.conftest import Shop
from tests.conftest import until


async def polled(shop: Shop, times: int) -> None:
    """Return when the providers were asked so many times more."""
    goal = shop.sandbox.count("poll") + times
    await until(lambda: shop.sandbox.count("poll") >= goal)


def written(owner: psycopg.Connection) -> list[list[tuple]]:
    """Return every row that following may not write, with the transaction that wrote it last."""
    tables = (
        "public.video_jobs", "photoplay.events", "photoplay.attempts", "photoplay.leases",
        "photoplay.pgqueuer",
    )  # fmt: skip
    return [owner.execute(f"select xmin::text, t::text from {t} t").fetchall() for t in tables]


def is_asleep(owner: psycopg.Connection) -> bool:
    """Return whether nothing but a wake in some minutes is left of the engine's items."""
    items = owner.execute(
        "select status = 'queued' and execute_after > now() + interval '1 min' from photoplay.pgqueuer"
    ).fetchall()
    return items == [(True,)]


def sleeps_for_s(shop: Shop, job_id: UUID) -> float:
    """Return in how many seconds the job is looked at again; 0 when nothing is planned or it is due."""
    row = shop.owner.execute(
        "select extract(epoch from execute_after - now()) from photoplay.pgqueuer"
        " where dedupe_key = 'steps:' || %s::uuid and status = 'queued'",
        (job_id,),
    ).fetchone()
    return max(float(row[0]), 0.0) if row else 0.0


@pytest.mark.parametrize("provider", ["fal-pika", "kling", "runway"])
async def test_a_poll_that_says_nothing_new_writes_no_row_of_a_job(shop, provider):
    # A callback would be something new: Kling sends one when it begins.
    shop.sandbox.add("stuck_running", "lost_callback")
    job_id = await shop.wish(provider)
    await shop.attempt_is(job_id, "accepted")
    # What it had to say for the first time is written once its job sleeps.
    await until(lambda: is_asleep(shop.owner))
    await polled(shop, 2)
    before = written(shop.owner)
    await polled(shop, 5)
    assert written(shop.owner) == before
    assert shop.owner.execute("select count(*) from photoplay.polls").fetchone() == (1,)


async def test_progress_of_a_task_reaches_its_job(shop):
    shop.sandbox.configure(run_s=2.0)
    job_id = await shop.wish("runway")
    seen: set[float] = set()

    def ended() -> bool:
        job = shop.job(job_id)
        seen.add(job["progress"] or 0)
        return job["finished_at"] is not None

    await until(ended, within_s=60)
    assert len([progress for progress in seen if 0 < progress < 1]) >= 2


async def test_a_word_that_is_not_known_is_polled_on_until_the_jobs_time_is_over(shop):
    shop.sandbox.add(
        Fault(do="patch", route="poll", body={"status": "SOMETHING_NEW"}, times=0), "lost_callback"
    )
    job_id = await shop.wish("fal-pika")
    await shop.attempt_is(job_id, "accepted")
    await polled(shop, 8)
    assert shop.job(job_id)["status"] == "running"
    shop.let_its_time_pass(job_id)
    job = await shop.ended(job_id)
    assert (job["status"], job["failure"]["code"]) == ("failed", "expired")
    assert shop.attempts(job_id)[0]["status"] == "expired"
    assert shop.owner.execute("select count(*) from photoplay.polls").fetchone() == (0,)
    await shop.is_sound()


async def test_tasks_that_a_lost_worker_took_are_polled_by_another_one(shop):
    shop.sandbox.add("lost_callback")
    shop.sandbox.configure(run_s=1.5)
    jobs = [await shop.wish("runway"), await shop.wish("fal-pika")]
    for job_id in jobs:
        await shop.attempt_is(job_id, "accepted")
    half_a_second = timedelta(seconds=0.5)
    lost = {
        account: await until(lambda account=account: _take_all(shop, account, half_a_second))
        for account in ("fal", "runway")
    }
    assert all(lost.values())
    for job_id in jobs:
        job = await shop.ended(job_id)
        assert job["status"] == "succeeded", job["failure"]
    await shop.is_sound()


async def _take_all(shop: Shop, account: str, pause: timedelta) -> int:
    """Take what is due, as a worker that dies right afterwards."""
    due, _ = await take_polls(shop.database, Pace(account, 1000, pause, pause), most=100)
    return len(due)


async def test_a_provider_that_says_too_many_requests_is_asked_less_often(shop):
    shop.sandbox.add(
        Fault(do="status", route="poll", status=429, headers={"Retry-After": "1"}, nth=(2, 3)),
        "lost_callback",
    )
    shop.sandbox.configure(run_s=1.0)
    job_id = await shop.wish("fal-pika")

    def slowed() -> tuple | None:
        return shop.owner.execute(
            "select per_s from photoplay.accounts where held_until is not null"
        ).fetchone()

    (per_s,) = await until(slowed)
    assert per_s <= 10
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    await shop.is_sound()


async def test_a_task_that_never_ends_after_cancelling_gives_its_place_back(shop):
    shop.sandbox.add("success_despite_cancel")
    shop.sandbox.configure(run_s=3600)
    job_id = await shop.wish("fal-pika")
    await shop.attempt_is(job_id, "accepted")
    await cancel_job(shop.database, operator(shop.user), job_id)
    await until(lambda: shop.sandbox.count("cancel") == 1)
    await polled(shop, 3)
    assert shop.attempts(job_id)[0]["status"] == "accepted"
    shop.let_its_time_pass(job_id)
    attempt = await shop.attempt_is(job_id, "expired")
    assert attempt["charged"] is None
    assert shop.job(job_id)["status"] == "cancelled"
    await shop.is_sound()


async def test_a_task_of_a_provider_that_is_configured_no_longer_ends_with_its_time(shop):
    shop.sandbox.configure(run_s=3600)
    job_id = await shop.wish("fal-pika")
    await shop.attempt_is(job_id, "accepted")
    with shop.as_replica():
        shop.owner.execute("update photoplay.attempts set provider = 'gone'")
    await cancel_job(shop.database, operator(shop.user), job_id)
    await until(lambda: sleeps_for_s(shop, job_id) > 600)
    assert shop.attempts(job_id)[0]["status"] == "accepted"
    shop.let_its_time_pass(job_id)
    shop.owner.execute("select photoplay.wake(%s)", (job_id,))
    attempt = await shop.attempt_is(job_id, "expired")
    assert attempt["charged"] is None
    assert shop.sandbox.count("cancel") == 0
    await shop.is_sound()
