"""Faults 34 and 35: a finished clip that is hard to fetch, or hard to keep, is not given up while it lives."""

from __future__ import annotations

import importlib
from dataclasses import replace
from datetime import timedelta

import pytest

from photoplay.sandbox import Fault
from photoplay.worker.drivers import remote
from photoplay.worker.phases.storing import FETCHES
from tests.conftest import until


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """What is gone or damaged is asked for again soon."""
    storing = importlib.import_module("photoplay.worker.phases.storing")
    for pause in ("_GONE_PAUSE", "_DAMAGED_PAUSE"):
        monkeypatch.setattr(storing, pause, timedelta(seconds=0.2))


@pytest.fixture
def impatient(monkeypatch):
    """A transfer that brings too little in half a second is too slow: for faults of slowness alone."""
    monkeypatch.setattr(remote, "_CLIP", replace(remote._CLIP, window_s=0.5))


def failures(shop, job_id) -> int:
    row = shop.owner.execute(
        "select failures from photoplay.leases where job_id = %s", (job_id,)
    ).fetchone()
    return row[0] if row else 0


def age_result(shop, job_id, by: timedelta) -> None:
    """Let time pass since the provider has finished, and look at the job now."""
    shop.owner.execute(
        "update photoplay.attempts set finished_at = finished_at - %s where job_id = %s",
        (by, job_id),
    )
    shop.owner.execute("select photoplay.wake(%s)", (job_id,))


@pytest.mark.fault(34)
@pytest.mark.parametrize(
    "fault",
    [
        "result_403", "result_cut", "result_wrong_length", "result_without_length",
        "result_wrong_type",
    ],
)  # fmt: skip
async def test_a_result_that_is_hard_to_fetch_is_fetched_in_the_end(shop, fault):
    await fetched_in_the_end(shop, fault)


@pytest.mark.fault(34)
@pytest.mark.parametrize("fault", ["result_hangs", "result_slow"])
async def test_a_result_that_comes_too_slowly_is_fetched_in_the_end(shop, impatient, fault):
    await fetched_in_the_end(shop, fault)


async def fetched_in_the_end(shop, fault) -> None:
    shop.sandbox.add(fault)
    job_id = await shop.wish("runway")
    job = await shop.ended(job_id, within_s=90)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(34)
async def test_an_address_that_has_expired_is_asked_for_anew(shop):
    shop.sandbox.add(Fault(do="expired", status=401))
    job_id = await shop.wish("runway")
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("media") == 2
    await shop.is_sound()


@pytest.mark.fault(34, 35)
@pytest.mark.parametrize("provider", ["fal-pika", "kling"])
async def test_a_result_that_is_gone_is_kept_trying_until_its_life_ends(shop, provider):
    shop.sandbox.add("result_expired")
    job_id = await shop.wish(provider)
    await until(lambda: shop.sandbox.count("media") >= 3)
    assert shop.job(job_id)["phase"] == "storing"
    age_result(shop, job_id, timedelta(days=31))
    job = await shop.ended(job_id)
    # It was paid for, so the unit is kept, and nobody pays for another one.
    assert (job["failure"]["code"], job["failure"]["charged"]) == ("storage_failed", True)
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(34)
async def test_a_result_that_claims_ten_gigabytes_is_given_up_before_it_fills_the_disk(shop):
    shop.sandbox.add("result_enormous")
    job_id = await shop.wish("runway")
    job = await shop.ended(job_id, within_s=90)
    assert (job["failure"]["code"], job["failure"]["charged"]) == ("storage_failed", True)
    scratch = shop.stack.settings.scratch_dir
    assert sum(file.stat().st_size for file in scratch.iterdir()) == 0
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(34)
@pytest.mark.parametrize("fault", ["result_is_private", "result_redirects_inside"])
async def test_a_result_at_a_private_address_is_never_fetched_and_asked_for_until_its_life_ends(
    shop, fault, capsys
):
    shop.sandbox.add(fault)
    job_id = await shop.wish("runway")
    said = ""

    def is_refused_twice() -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return said.count("video.address_refused") >= 2

    await until(is_refused_twice)
    assert "Traceback" not in said
    assert shop.job(job_id)["phase"] == "storing"
    assert [i async for i in shop.stack.store.list_objects(f"{shop.user}/generated-videos/")] == []
    age_result(shop, job_id, timedelta(days=2))
    job = await shop.ended(job_id)
    assert (job["failure"]["code"], job["failure"]["charged"]) == ("storage_failed", True)
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(34)
async def test_a_broken_clip_is_fetched_anew_and_then_given_up_as_charged(shop):
    shop.sandbox.add("result_corrupt")
    job_id = await shop.wish("runway")
    job = await shop.ended(job_id, within_s=120)
    assert job["failure"]["code"] == "storage_failed"
    assert job["failure"]["charged"] is True
    assert shop.sandbox.count("media") == FETCHES
    await shop.is_sound()


@pytest.mark.fault(34)
async def test_a_clip_that_was_hard_to_reach_is_not_given_up_for_being_damaged_once(shop):
    shop.sandbox.add(Fault(do="status", route="media", status=503, times=FETCHES))
    shop.sandbox.add(Fault(do="corrupt"))
    job_id = await shop.wish("runway")
    job = await shop.ended(job_id, within_s=120)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("media") == FETCHES + 2
    await shop.is_sound()


@pytest.mark.fault(35)
async def test_while_the_store_is_down_the_paid_result_is_kept_trying_and_an_operator_is_warned(
    shop, capsys
):
    shop.sandbox.configure(run_s=1.0)
    job_id = await shop.wish("kling")
    await shop.attempt_is(job_id, "accepted")
    objects = shop.stack.settings.data_dir / "objects"
    away = objects.with_name("away")
    objects.rename(away)
    objects.touch()
    await until(lambda: failures(shop, job_id) > 0)
    assert shop.job(job_id)["phase"] == "storing"
    # The job's own time is over, but what was paid for is not given up; Kling keeps it for thirty days.
    shop.let_its_time_pass(job_id)
    age_result(shop, job_id, timedelta(days=27))
    await until(lambda: "video.about_to_be_lost" in capsys.readouterr().out)
    objects.unlink()
    away.rename(objects)
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.fault(35)
async def test_a_full_disk_is_waited_for(shop):
    """The scratch folder takes nothing: a file stands where it should be."""
    scratch = shop.stack.settings.scratch_dir
    scratch.parent.mkdir(parents=True, exist_ok=True)
    scratch.touch()
    job_id = await shop.wish("kling")
    await until(lambda: failures(shop, job_id) > 0)
    assert shop.job(job_id)["phase"] == "storing"
    scratch.unlink()
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()
