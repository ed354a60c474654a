"""Faults 13 and 17 to 24: after acceptance, whatever the provider or its callbacks do."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from photoplay.api import callback_keys
from photoplay.db.pool import operator
from photoplay.operations.cancel_job import cancel_job
from photoplay.sandbox import Fault
from photoplay.worker.drivers import remote
from tests.conftest import until


@pytest.mark.fault(17, 18, 19, 20, 21, 22)
@pytest.mark.parametrize(
    "fault",
    [
        "thousand_callbacks", "early_callback", "callbacks_out_of_order", "late_callback",
        "lost_callback", "forged_callback", "tampered_callback", "stale_callback",
        "unsigned_callback", "replayed_callback", "callback_of_other_user",
        "callback_about_other_task", "contradicting_callback", "callback_without_payload",
        "nonsense_callback", "keys_down", "keys_hang", "keys_rotated",
    ],
)  # fmt: skip
async def test_whatever_becomes_of_callbacks_the_job_ends_once_and_right(shop, fault, monkeypatch):
    monkeypatch.setattr(callback_keys, "_FETCH_S", 0.5)
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


@pytest.mark.fault(21)
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


@pytest.mark.fault(22)
async def test_a_key_set_that_was_away_for_a_moment_is_fetched_again(shop, monkeypatch):
    monkeypatch.setattr(callback_keys, "_RETRY_S", 0.0)
    # A callback that finds no keys asks twice: before it looks, and because it looks forged.
    shop.sandbox.add(Fault(do="status", route="keys", status=503, times=2))
    job_id = await shop.wish("fal-pika")
    await until(lambda: [d.status for d in shop.sandbox.journal.deliveries()] == [401, 200])
    assert shop.attempts(job_id)[0]["called_back_at"] is not None


@pytest.mark.fault(23, 24)
@pytest.mark.parametrize(
    "fault",
    [
        "polls_500", "polls_html", "polls_cut", "polls_hang", "progress_goes_back", "success_without_video",
        "success_with_empty_address",
    ],
)  # fmt: skip
@pytest.mark.parametrize("provider", ["fal-pika", "kling", "runway"])
async def test_polls_that_say_nothing_or_nonsense_decide_nothing(
    shop, provider, fault, monkeypatch
):
    monkeypatch.setattr(remote, "_POLL_S", 1.0)
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


@pytest.mark.fault(24)
@pytest.mark.parametrize("provider", ["fal-pika", "kling", "runway"])
async def test_a_task_that_is_not_found_for_half_a_minute_is_not_given_up(shop, provider):
    shop.sandbox.add("polls_404_for_30_s", "lost_callback")
    job_id = await shop.wish(provider)
    await shop.attempt_is(job_id, "accepted")
    (task,) = shop.sandbox.tasks()
    polls = shop.sandbox.count("poll")
    await until(lambda: shop.sandbox.count("poll") >= polls + 3)
    assert task.polls == 0
    assert shop.job(job_id)["status"] == "running"
    shop.sandbox.advance(30)
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(23)
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


@pytest.mark.fault(13)
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


@pytest.mark.fault(13)
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


@pytest.mark.fault(13)
async def test_a_success_after_the_time_that_users_wait_is_delivered(shop):
    shop.sandbox.add("slow_success")
    job_id = await shop.wish("fal-pika")
    await shop.attempt_is(job_id, "accepted")
    # An hour passes for everybody.
    shop.owner.execute(
        "update photoplay.attempts set sent_at = sent_at - interval '1 h',"
        " accepted_at = accepted_at - interval '1 h' where job_id = %s",
        (job_id,),
    )
    assert shop.job(job_id)["status"] == "running"
    shop.sandbox.advance(7200)
    shop.owner.execute("select photoplay.wake(%s)", (job_id,))
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    await shop.is_sound()


@pytest.mark.fault(13, 20)
async def test_a_success_after_its_submission_was_given_up_costs_what_it_costs(shop):
    shop.sandbox.add(
        "lost_answer", "lost_callback", Fault(do="status", route="resolve", status=500, times=0)
    )
    job_id = await shop.wish("fal-pika")
    await shop.attempt_is(job_id, "unknown")
    shop.age(job_id, timedelta(hours=3))
    job = await shop.ended(job_id)
    assert (job["failure"]["code"], job["failure"]["charged"]) == ("outcome_unknown", None)
    # The provider calls back once more, long after.
    (task,) = shop.sandbox.tasks()
    await until(lambda: task.state == "ended")
    shop.sandbox.clear_faults()
    assert shop.sandbox.send_callback(task.id)
    attempt = await shop.attempt_is(job_id, "succeeded")
    assert attempt["charged"] is True
    late = shop.job(job_id)
    assert (late["status"], late["output_video_url"]) == ("failed", None)
    assert late["cost_usd"] == attempt["cost_usd"] > 0
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(7)
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
