"""Faults 1 to 7 and 14 to 16: whatever happens to a submission, it is sent once and paid at most once."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from photoplay.domain import routing
from photoplay.domain.routing import INTERRUPTED
from photoplay.operations.resolve_submission import resolve_submission
from photoplay.sandbox import Fault
from photoplay.worker.drivers import remote
from tests.conftest import until


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Answers that never come are given up sooner, and what was refused is sent again sooner."""
    monkeypatch.setattr(remote, "_SUBMIT_S", 1.0)
    monkeypatch.setattr(routing, "_PAUSES", (timedelta(seconds=0.2),) * 3)


@pytest.mark.fault(7)
@pytest.mark.parametrize("provider", ["fal-pika", "kling", "runway"])
async def test_a_wish_becomes_one_stored_video_and_one_submission(shop, provider):
    job_id = await shop.wish(provider)
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    assert job["video"]["bytes"] > 1000
    (attempt,) = shop.attempts(job_id)
    assert attempt["charged"] is True
    assert attempt["cost_usd"] == job["cost_usd"]
    await shop.is_sound()


@pytest.mark.fault(1, 3, 4, 6, 7)
@pytest.mark.parametrize(
    "fault",
    [
        "lost_answer", "closed_after_accepting", "never_answers", "proxy_error_after_accepting",
        "html_accepted", "huge_accepted", "cut_accepted", "accepted_without_id", "garbage_accepted",
    ],
)  # fmt: skip
@pytest.mark.parametrize("provider", ["fal-pika", "kling"])
async def test_an_accepted_submission_whose_answer_is_lost_is_found_and_not_sent_again(
    shop, provider, fault
):
    shop.sandbox.add(fault)
    job_id = await shop.wish(provider)
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    assert len(shop.attempts(job_id)) == 1
    await shop.is_sound()


@pytest.mark.fault(3, 7, 20)
@pytest.mark.parametrize("provider", ["fal-pika", "kling"])
async def test_a_submission_is_found_by_its_provider_when_answer_and_callbacks_are_lost(
    shop, provider
):
    shop.sandbox.add("lost_answer", "lost_callback")
    job_id = await shop.wish(provider)
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.attempts(job_id)[0]["called_back_at"] is None
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(3, 4, 6, 7)
@pytest.mark.parametrize("fault", ["lost_answer", "never_answers", "html_accepted", "plain_503"])
async def test_without_any_handle_a_lost_submission_fails_as_unknown_and_is_never_sent_again(
    shop, fault
):
    shop.sandbox.add(fault)
    job_id = await shop.wish("runway")
    job = await shop.ended(job_id)
    assert job["failure"]["code"] == "outcome_unknown"
    assert job["failure"]["charged"] is None
    assert shop.sandbox.count("submit") == 1
    assert shop.attempts(job_id)[-1]["status"] == "lost"
    await shop.is_sound()


async def resolve_by_hand(shop, job_id):
    """Name a task that is not there, and then the one that was made, for a submission that was given up."""
    await resolve_submission(shop.database, job_id, task_id=str(uuid4()), actor="key:ab")
    await until(lambda: shop.sandbox.count("poll") > 0)
    assert shop.attempts(job_id)[-1]["status"] == "lost"
    (task,) = shop.sandbox.tasks("runway")
    await until(lambda: shop.sandbox.tasks("runway")[0].state == "ended")
    await resolve_submission(shop.database, job_id, task_id=task.id, actor="key:ab")
    return task


@pytest.mark.fault(13, 21)
async def test_a_task_named_for_a_submission_that_was_given_up_is_believed_once_its_provider_knows_it(
    shop,
):
    shop.sandbox.add("lost_answer")
    job_id = await shop.wish("runway")
    await shop.ended(job_id)
    task = await resolve_by_hand(shop, job_id)
    attempt = await shop.attempt_is(job_id, "succeeded")
    assert (attempt["provider_task_id"], attempt["charged"]) == (task.id, True)
    assert shop.job(job_id)["status"] == "failed"
    assert shop.job(job_id)["cost_usd"] == attempt["cost_usd"] > 0
    await shop.is_sound()


@pytest.mark.fault(13)
async def test_a_named_task_that_has_failed_unbilled_is_known_to_have_cost_nothing(shop):
    shop.sandbox.add("lost_answer")
    shop.sandbox.add(Fault(do="fail", provider="runway", code="INTERNAL.BAD_OUTPUT.CODE01"))
    job_id = await shop.wish("runway")
    await shop.ended(job_id)
    task = await resolve_by_hand(shop, job_id)
    attempt = await shop.attempt_is(job_id, "cancelled")
    assert (attempt["provider_task_id"], attempt["charged"]) == (task.id, False)
    assert shop.job(job_id)["cost_usd"] == 0
    await shop.is_sound()


@pytest.mark.fault(2, 3, 7)
@pytest.mark.parametrize("fault", ["reset_before_accepting", "closed_before_accepting"])
async def test_a_submission_that_never_arrived_is_unknown_until_its_window_is_over(shop, fault):
    shop.sandbox.add(fault, "lost_callback")
    job_id = await shop.wish("fal-pika")
    await shop.attempt_is(job_id, "unknown")
    assert shop.job(job_id)["status"] == "running"
    shop.age(job_id, timedelta(hours=3))
    job = await shop.ended(job_id)
    assert (job["failure"]["code"], job["failure"]["charged"]) == ("outcome_unknown", None)
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(7, 15)
async def test_no_other_provider_is_asked_while_a_submission_is_unknown(shop):
    shop.sandbox.add("reset_before_accepting", "lost_callback")
    job_id = await shop.wish()
    await shop.attempt_is(job_id, "unknown")
    looked = shop.sandbox.count("resolve")
    shop.owner.execute("select photoplay.wake(%s)", (job_id,))
    await until(lambda: shop.sandbox.count("resolve") > looked)
    assert [a["provider"] for a in shop.attempts(job_id)] == ["fal-pika"]
    shop.age(job_id, timedelta(hours=3))
    job = await shop.ended(job_id)
    # Given up, it may still have been billed: nobody pays for a second one.
    assert job["failure"]["code"] == "outcome_unknown"
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(2)
async def test_what_definitely_never_arrived_is_tried_again(shop):
    shop.sandbox.add("reset_before_accepting")
    job_id = await shop.wish("kling")
    await shop.attempt_is(job_id, "unknown")
    # Kling finds submissions by our own name for them: after a while its no means never.
    shop.age(job_id, timedelta(minutes=3))
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    first, second = shop.attempts(job_id)
    assert (first["status"], first["charged"]) == ("lost", False)
    assert second["status"] == "succeeded"
    await shop.is_sound()


@pytest.mark.fault(5, 15)
@pytest.mark.parametrize(
    ("provider", "fault"),
    [("fal-pika", "busy"), ("fal-pika", "overloaded"), ("kling", "busy"), ("runway", "busy")],
)
async def test_a_definite_refusal_is_tried_again_at_the_same_provider(shop, provider, fault):
    shop.sandbox.add(fault)
    job_id = await shop.wish(provider)
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    # On a busy machine an attempt may also be interrupted before it is sent.
    sent = [a for a in shop.attempts(job_id) if a["refusal"] != INTERRUPTED]
    assert [a["provider"] for a in sent] == [provider, provider]
    await shop.is_sound()


@pytest.mark.fault(2)
async def test_a_refused_connection_is_no_lost_submission(shop):
    # Kling takes the picture inside the submission, so the first connection is the paid one.
    async with shop.sandbox.unreachable():
        job_id = await shop.wish("kling")
        await shop.attempt_is(job_id, "failed")
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    first = shop.attempts(job_id)[0]
    assert (first["status"], first["refusal"], first["charged"]) == ("failed", "unavailable", False)
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(15)
@pytest.mark.parametrize("fault", ["out_of_credit", "account_locked", "bad_key"])
async def test_a_provider_that_needs_its_operator_is_left_for_the_next_one(shop, fault):
    for each in shop.sandbox.add(fault):
        if each.fault.provider in {"kling", "runway"}:
            shop.sandbox.remove(each.number)
    if fault == "bad_key":
        shop.sandbox.clear_faults()
        from photoplay.sandbox import Fault

        shop.sandbox.add(Fault(do="error", provider="fal", code="unauthorized", route="*", times=0))
    job_id = await shop.wish()
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert [a["provider"] for a in shop.attempts(job_id)] == ["fal-pika", "kling"]
    row = shop.owner.execute(
        "select attention from photoplay.providers where name = 'fal-pika'"
    ).fetchone()
    assert row is not None
    assert row[0] in {"no_credit", "unauthenticated"}
    await shop.is_sound()


@pytest.mark.fault(15, 16)
@pytest.mark.parametrize("fault", ["withdrawn_404", "withdrawn_410"])
async def test_a_withdrawn_model_gives_way_to_the_next_provider(shop, fault):
    for each in shop.sandbox.add(fault):
        shop.sandbox.remove(each.number)
    from photoplay.sandbox import CATALOGUE

    shop.sandbox.add(*(f.model_copy(update={"provider": "fal"}) for f in CATALOGUE[fault]))
    job_id = await shop.wish()
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert job["provider"] == "kling"
    await shop.is_sound()


@pytest.mark.fault(14, 15)
@pytest.mark.parametrize("provider", ["fal-pika", "kling", "runway"])
@pytest.mark.parametrize("fault", ["moderated_before", "moderated_during", "moderated_after"])
async def test_refused_content_ends_the_job_and_goes_nowhere_else(shop, provider, fault):
    shop.sandbox.add(fault)
    job_id = await shop.wish(provider)
    job = await shop.ended(job_id)
    assert (job["status"], job["failure"]["code"]) == ("failed", "content_refused")
    assert shop.sandbox.count("submit") == 1
    assert shop.attempts(job_id)[-1]["status"] == "blocked"
    await shop.is_sound()
