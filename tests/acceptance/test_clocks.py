"""Fault 28: clocks of the database, the provider and this machine that differ by ten minutes."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.fault(28)
TEN_MINUTES = 600


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, sandbox) -> str:
    # Without its newer key, Kling is asked with signed tokens that hold the time.
    monkeypatch.delenv("KLING_API_KEY")
    return "fal-pika,kling-26,runway"


def set_database_clock(shop, by_s: int) -> None:
    shop.owner.execute(
        "create or replace function photoplay.now() returns timestamptz language sql stable"
        f" as $$ select clock_timestamp() + interval '{by_s} s' $$"
    )


@pytest.mark.parametrize("by_s", [TEN_MINUTES, -TEN_MINUTES])
@pytest.mark.parametrize("whose", ["provider", "database"])
async def test_jobs_end_well_whosever_clock_is_ten_minutes_wrong(shop, whose, by_s):
    if whose == "provider":
        shop.sandbox.advance(by_s)
    else:
        set_database_clock(shop, by_s)
    wishes = [await shop.wish(name) for name in ("fal-pika", "kling-26", "runway")]
    for job_id in wishes:
        job = await shop.ended(job_id)
        assert job["status"] == "succeeded", job["failure"]
        assert len(shop.attempts(job_id)) == 1
    assert shop.sandbox.count("submit") == len(wishes)
    await shop.is_sound()


@pytest.mark.parametrize("by_s", [TEN_MINUTES, -TEN_MINUTES])
async def test_a_lost_submission_is_found_although_clocks_differ_by_ten_minutes(shop, by_s):
    shop.sandbox.advance(by_s)
    shop.sandbox.add("lost_answer", "lost_callback")
    job_id = await shop.wish("fal-pika")
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()
