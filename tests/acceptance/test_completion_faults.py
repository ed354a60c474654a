"""Faults 13, 17 to 24, 34 and 35: after acceptance, whatever the provider or its callbacks do."""

from __future__ import annotations

import httpx
import pytest

from photoplay.api import callback_keys
from photoplay.db.pool import operator
from photoplay.operations.cancel_job import cancel_job
from photoplay.sandbox import Fault
from tests.conftest import until

pytestmark = pytest.mark.xdist_group("providers")


@pytest.mark.parametrize(
    "fault",
    [
        "thousand_callbacks", "early_callback", "callbacks_out_of_order", "late_callback",
        "lost_callback", "forged_callback", "tampered_callback", "stale_callback",
        "unsigned_callback", "replayed_callback", "callback_of_other_user",
        "callback_about_other_task", "contradicting_callback", "callback_without_payload",
        "nonsense_callback", "keys_down", "keys_rotated",
    ],
)  # fmt: skip
async def test_whatever_becomes_of_callbacks_the_job_ends_once_and_right(shop, fault):
    if fault == "thousand_callbacks":
        shop.sandbox.add(Fault(do="duplicate", copies=200))
    else:
        shop.sandbox.add(fault)
    job_id = await shop.wish("fal-pika")
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    # Terminal is final, also for the callbacks that come now.
    url = f"/api/video/callbacks/fal-pika/{shop.attempts(job_id)[0]['callback_token']}"
    async with httpx.AsyncClient(
        base_url=str(shop.stack.settings.public_url), trust_env=False
    ) as http:
        assert (await http.post(url, json={"status": "ERROR"})).status_code == 401
    assert shop.job(job_id)["version"] == job["version"]
    ended = shop.owner.execute(
        "select count(*) from photoplay.events where job_id = %s and kind = 'job.succeeded'",
        (job_id,),
    ).fetchone()
    assert ended == (1,)
    await shop.is_sound()


@pytest.mark.parametrize("fault", ["forged_callback", "unsigned_callback", "stale_callback"])
async def test_a_callback_that_is_not_genuine_changes_nothing(shop, fault):
    shop.sandbox.add(fault, "stuck_running")
    job_id = await shop.wish("fal-pika")
    await shop.attempt_is(job_id, "accepted")
    (attempt,) = shop.attempts(job_id)
    (task,) = shop.sandbox.tasks()
    url = (
        f"{shop.stack.settings.public_url}/api/video/callbacks/fal-pika/{attempt['callback_token']}"
    )
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(url, json={"request_id": task.id, "status": "OK"})
        assert answer.status_code == 401
        wrong = await http.post(url[:-4] + "xxxx", json={})
        assert wrong.status_code == 404
    assert shop.attempts(job_id)[0]["called_back_at"] is None
    assert shop.job(job_id)["status"] == "running"


async def test_a_key_set_that_was_away_for_a_moment_is_fetched_again(shop, monkeypatch):
    monkeypatch.setattr(callback_keys, "_RETRY_S", 0.0)
    # A callback that finds no keys asks twice: before it looks, and because it looks forged.
    shop.sandbox.add(Fault(do="status", route="keys", status=503, times=2))
    job_id = await shop.wish("fal-pika")
    await until(lambda: shop.attempts(job_id) and shop.attempts(job_id)[0]["called_back_at"])
    assert [d.status for d in shop.sandbox.journal.deliveries()] == [401, 200]


@pytest.mark.parametrize(
    "fault",
    [
        "polls_500", "polls_html", "polls_cut", "progress_goes_back", "success_without_video",
        "success_with_empty_address",
    ],
)  # fmt: skip
@pytest.mark.parametrize("provider", ["fal-pika", "kling", "runway"])
async def test_polls_that_say_nothing_or_nonsense_decide_nothing(shop, provider, fault):
    shop.sandbox.add(fault, "lost_callback")
    job_id = await shop.wish(provider)
    job = await shop.ended(job_id)
    if fault.startswith("success_with"):
        # A success without a video is a failure; whether it was billed decides about another try.
        assert job["status"] in {"succeeded", "failed"}
        assert shop.attempts(job_id)[0]["status"] == "failed"
    else:
        assert job["status"] == "succeeded", job["failure"]
        assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.parametrize("provider", ["fal-pika", "kling", "runway"])
async def test_completed_that_is_a_failure_is_a_failure(shop, provider):
    shop.sandbox.add("completed_but_failed")
    job_id = await shop.wish(provider)
    job = await shop.ended(job_id)
    first = shop.attempts(job_id)[0]
    assert first["status"] == "failed"
    if first["charged"] is False:
        assert job["status"] == "succeeded", job["failure"]
        assert len(shop.attempts(job_id)) == 2
    else:
        assert job["failure"]["code"] == "provider_failed"
        assert len(shop.attempts(job_id)) == 1
    await shop.is_sound()


@pytest.mark.parametrize(
    "fault", ["result_403", "result_cut", "result_wrong_length", "result_without_length"]
)
async def test_a_result_that_is_hard_to_fetch_is_fetched_in_the_end(shop, fault):
    shop.sandbox.add(fault)
    job_id = await shop.wish("runway")
    job = await shop.ended(job_id, within_s=90)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


def failures(shop, job_id) -> int:
    row = shop.owner.execute(
        "select failures from photoplay.leases where job_id = %s", (job_id,)
    ).fetchone()
    return row[0] if row else 0


@pytest.mark.parametrize("fault", ["result_is_private", "result_redirects_inside"])
async def test_a_result_at_a_private_address_is_never_fetched(shop, fault):
    shop.sandbox.add(fault)
    job_id = await shop.wish("runway")
    await until(lambda: failures(shop, job_id) > 0 or shop.job(job_id)["finished_at"])
    assert shop.job(job_id)["status"] != "succeeded"
    assert [i async for i in shop.stack.store.list_objects(f"{shop.user}/generated-videos/")] == []


async def test_a_broken_clip_is_fetched_anew_and_then_given_up_as_charged(shop):
    shop.sandbox.add("result_corrupt")
    job_id = await shop.wish("runway")
    job = await shop.ended(job_id, within_s=120)
    assert job["failure"]["code"] == "storage_failed"
    assert job["failure"]["charged"] is None
    assert shop.sandbox.count("media") >= 2
    await shop.is_sound()


async def test_while_the_store_is_down_the_paid_result_is_kept_trying(shop):
    shop.sandbox.configure(run_s=1.0)
    job_id = await shop.wish("kling")
    await shop.attempt_is(job_id, "accepted")
    objects = shop.stack.settings.data_dir / "objects"
    away = objects.with_name("away")
    objects.rename(away)
    objects.touch()
    await until(lambda: failures(shop, job_id) > 0)
    assert shop.job(job_id)["phase"] == "storing"
    objects.unlink()
    away.rename(objects)
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


async def test_cancelling_stops_the_provider_and_keeps_the_unit_of_what_may_be_billed(shop):
    shop.sandbox.configure(run_s=3600)
    job_id = await shop.wish("fal-pika")
    await shop.attempt_is(job_id, "accepted")
    await cancel_job(shop.database, operator(shop.user), job_id)
    assert shop.job(job_id)["status"] == "cancelled"
    await until(lambda: shop.sandbox.count("cancel") == 1)
    await until(lambda: shop.attempts(job_id)[0]["finished_at"])
    assert shop.job(job_id)["status"] == "cancelled"
    await shop.is_sound()


async def test_a_success_after_cancelling_is_recorded_with_its_cost_and_shown_to_nobody(shop):
    shop.sandbox.add("success_despite_cancel")
    shop.sandbox.configure(run_s=1.5)
    job_id = await shop.wish("fal-pika")
    await shop.attempt_is(job_id, "accepted")
    await cancel_job(shop.database, operator(shop.user), job_id)
    attempt = await shop.attempt_is(job_id, "succeeded")
    assert attempt["charged"] is True
    job = shop.job(job_id)
    assert job["status"] == "cancelled"
    assert job["output_video_url"] is None
    assert job["cost_usd"] == attempt["cost_usd"]
    await shop.is_sound()


async def test_many_jobs_at_once_are_each_submitted_once_within_the_providers_limit(shop):
    shop.sandbox.configure(run_s=0.3)
    for _ in range(8):
        await shop.wish("fal-pika")
    at_once: list[int] = []

    def all_ended() -> bool:
        row = shop.owner.execute(
            "select (select count(*) from photoplay.attempts"
            " where status in ('submitting', 'unknown', 'accepted', 'running')),"
            " (select count(*) from public.video_jobs where finished_at is null)"
        ).fetchone()
        assert row is not None
        at_once.append(row[0])
        return row[1] == 0

    await until(all_ended, within_s=120)
    statuses = shop.owner.execute("select distinct status from public.video_jobs").fetchall()
    assert statuses == [("succeeded",)]
    # Two is what a new account at fal may run at once.
    assert max(at_once) <= 2
    assert shop.sandbox.count("submit") == 8
    await shop.is_sound()
