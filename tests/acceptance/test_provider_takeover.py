"""Workers that die or pause while a provider works for them: the provider's books are the judge."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from psycopg.rows import dict_row

from photoplay.sandbox import Fault
from tests.conftest import until
from tests.support.books import Books
from tests.support.boundaries import BOUNDARIES, is_stopped
from tests.support.crew import Crew


@pytest.fixture
async def crew(idle_shop, tmp_path):
    idle_shop.sandbox.configure(
        fal={"concurrency": 99}, runway={"concurrency": 99}, kling={"concurrency": 99}
    )
    settings = idle_shop.stack.settings
    crew = Crew(
        {
            **idle_shop.sandbox.environment,
            "DATABASE_URL": idle_shop.stack.app_dsn,
            "PHOTOPLAY_DATA_DIR": str(settings.data_dir),
            "PHOTOPLAY_PUBLIC_URL": str(settings.public_url),
            "PHOTOPLAY_MEDIA_SECRET": idle_shop.stack.media_secret.decode(),
            "PHOTOPLAY_LEASE_S": "1",
            "PHOTOPLAY_POLL_MIN_S": "0.1",
            "PHOTOPLAY_POLL_MAX_S": "0.5",
            "PHOTOPLAY_PROVIDER_CONCURRENCY": "fal=99,runway=99,kling=99",
        },
        tmp_path / "workers.log",
    )
    yield crew
    await crew.dismiss()


def books(shop) -> Books:
    rows = {}
    for table in ("public.video_jobs", "photoplay.attempts"):
        cursor = shop.owner.cursor(row_factory=dict_row)
        rows[table] = cursor.execute(f"select * from {table}").fetchall()
    return Books(shop.sandbox.tasks(), rows["photoplay.attempts"], rows["public.video_jobs"])


async def wish_until(shop, provider: str, happened: Callable[[], bool]) -> list[UUID]:
    """Keep some jobs open until something has happened to the workers; return all of them."""
    wishes: list[UUID] = []
    while not happened():
        (still_open,) = shop.owner.execute(
            "select count(*) from public.video_jobs where finished_at is null and phase <> 'storing'"
        ).fetchone()
        if still_open < 8:
            wishes.append(await shop.wish(provider))
        await asyncio.sleep(0.05)
        assert len(wishes) < 300
    return wishes


async def all_end(shop, wishes: list[UUID]) -> None:
    """Return when every job has ended; what never arrived is given the time that it takes to know."""

    def look() -> bool:
        is_open = [job_id for job_id in wishes if not shop.job(job_id)["finished_at"]]
        # Whoever sent it has given up by then, and no request is still being answered.
        unknown = shop.owner.execute(
            "select job_id, id from photoplay.attempts where status = 'unknown'"
            " and now() - sent_at between interval '4 s' and interval '1 h'"
        ).fetchall()
        if unknown and not shop.sandbox.is_answering:
            found = books(shop).accepted()
            for job_id, attempt_id in unknown:
                # What did arrive has to be found, and is not helped.
                if attempt_id not in found:
                    shop.age(job_id, timedelta(hours=3))
        return not is_open

    await until(look, within_s=120)


def everything(shop) -> list[tuple]:
    """Return all that a late worker might change."""
    queries = (
        "select id, status, version, updated_at, video from public.video_jobs order by id",
        "select id, status, charged, cost_usd, outcome from photoplay.attempts order by id",
        "select count(*), max(id) from photoplay.events",
    )
    return [row for query in queries for row in shop.owner.execute(query).fetchall()]


@pytest.mark.fault(1, 2, 7, 25)
@pytest.mark.parametrize("provider", ["fal-pika", "kling", "runway"])
async def test_a_worker_killed_at_any_boundary_submits_once_and_is_paid_once(
    idle_shop, crew, provider
):
    shop = idle_shop
    await crew.start(*BOUNDARIES)
    # Each dies of the first job that comes to its boundary.
    wishes = await wish_until(shop, provider, lambda: len(crew.ended) == len(BOUNDARIES))
    assert crew.ended == dict.fromkeys(BOUNDARIES, -signal.SIGKILL)
    await crew.start("-")
    await all_end(shop, wishes)

    found = books(shop)
    assert found.strays() == []
    assert found.doubled() == []
    assert found.paid_twice() == []
    ends = Counter()
    for job_id in wishes:
        job, attempts = shop.job(job_id), shop.attempts(job_id)
        code = job["failure"]["code"] if job["failure"] else job["status"]
        ends[code] += 1
        last = attempts[-1]
        if code == "outcome_unknown":
            # Only what cannot be looked up, or was looked up in vain for as long as it takes.
            assert (last["status"], job["failure"]["charged"]) == ("lost", None)
            assert provider == "runway" or last["id"] not in found.accepted()
        else:
            assert code == "succeeded", job["failure"]
            assert last["id"] in found.billed()
    assert set(ends) <= ({"succeeded"} if provider == "kling" else {"succeeded", "outcome_unknown"})
    assert ends["succeeded"] > len(wishes) / 2
    await shop.is_sound()


@pytest.mark.fault(7, 26)
async def test_workers_that_return_after_their_lease_change_nothing_and_send_nothing(
    idle_shop, crew
):
    shop = idle_shop
    places = ("submitting:sent", "submitting:before", "waiting:before", "storing:before")
    await crew.start(*(f"stop@{place}" for place in places))
    wishes = await wish_until(
        shop, "kling", lambda: len(crew.pids) == len(places) and crew.are_stopped()
    )
    await crew.start("-")
    await all_end(shop, wishes)
    assert {shop.job(job_id)["status"] for job_id in wishes} == {"succeeded"}
    ended, sent = everything(shop), shop.sandbox.count("submit")

    crew.go_on()
    await until(lambda: crew.said("lease.lost") >= len(places))
    assert everything(shop) == ended
    assert shop.sandbox.count("submit") == sent
    found = books(shop)
    assert found.strays() == found.doubled() == found.paid_twice() == []
    await shop.is_sound()


@pytest.mark.fault(26, 34)
async def test_a_worker_that_pauses_in_a_download_spoils_no_video(idle_shop, crew):
    shop = idle_shop
    shop.sandbox.add(Fault(do="drip", size=1000, seconds=0.2))
    await crew.start("stop@nowhere")
    job_id = await shop.wish("runway")
    await until(lambda: shop.sandbox.count("media") == 1, within_s=60)
    late = crew.pids["stop@nowhere"]
    os.kill(late, signal.SIGSTOP)
    await until(lambda: is_stopped(late))
    await crew.start("-")
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert is_stopped(late)
    ended = everything(shop)
    crew.go_on()
    await until(lambda: crew.said("lease.lost") >= 1)
    assert everything(shop) == ended
    stored = await shop.stack.store.head(job["output_video_url"])
    content = b"".join(
        [c async for c in shop.stack.store.read_range(job["output_video_url"], 0, stored.bytes)]
    )
    (task,) = shop.sandbox.tasks()
    clip = task.finished_clip()
    assert clip is not None
    assert hashlib.sha256(content).hexdigest() == job["video"]["sha256"]
    assert content == clip.path.read_bytes()
    await shop.is_sound()


@pytest.mark.fault(27)
async def test_what_is_slow_but_goes_on_stays_with_its_worker(idle_shop, crew):
    shop = idle_shop
    shop.sandbox.add(Fault(do="slow", seconds=3), Fault(do="drip", size=1000, seconds=0.1))
    await crew.start("-", "-")
    job_id = await shop.wish("runway")
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    # Both took much longer than the lease.
    assert shop.sandbox.count("submit") == shop.sandbox.count("media") == 1
    assert crew.said("lease.lost") == 0
    assert len(shop.attempts(job_id)) == 1
    await shop.is_sound()
