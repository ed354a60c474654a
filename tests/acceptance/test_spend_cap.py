"""The day's budget with real drivers: no attempt is begun that it does not pay for (I12)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from photoplay.domain.errors import InvalidRequestError, RateLimitedError
from photoplay.operations.set_limits import set_limits

pytestmark = pytest.mark.xdist_group("providers")


async def cap(shop, usd: str) -> None:
    await set_limits(
        shop.database,
        daily_limit=1000,
        max_open_jobs=1000,
        dedupe_open_jobs=False,
        daily_spend_usd=Decimal(usd),
    )


def spent(shop) -> float:
    row = shop.owner.execute(
        "select usd from photoplay.spend where user_id = %s", (shop.user,)
    ).fetchone()
    return float(row[0]) if row else 0.0


async def test_a_fallback_that_is_dearer_than_the_budget_is_passed_over(shop):
    """Clips of 5 s: 0.20 at fal-pika, 0.42 at kling, 0.25 at runway."""
    await cap(shop, "0.30")
    for each in shop.sandbox.add("out_of_credit"):
        if each.fault.provider != "fal":
            shop.sandbox.remove(each.number)
    job_id = await shop.wish(duration_s=5)
    assert spent(shop) == 0.20
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert [a["provider"] for a in shop.attempts(job_id)] == ["fal-pika", "runway"]
    assert spent(shop) == float(job["cost_usd"]) == 0.25
    with pytest.raises(RateLimitedError) as refused:
        await shop.wish(duration_s=5)
    assert refused.value.code == "spend_cap_reached"
    await shop.is_sound()


async def test_when_no_provider_is_left_that_the_budget_pays_for_the_job_fails_unbilled(shop):
    await cap(shop, "0.20")
    shop.sandbox.add("out_of_credit")
    job = await shop.ended(await shop.wish(duration_s=5))
    assert job["failure"]["code"] == "spend_cap_reached"
    assert (job["failure"]["charged"], job["failure"]["retryable"]) == (False, True)
    assert shop.sandbox.count("submit") == 1
    assert spent(shop) == 0.0
    await shop.is_sound()


@pytest.mark.parametrize("providers", ["fal-pika,runway"])
async def test_a_provider_without_a_known_price_is_passed_over(shop):
    """Nobody lists what 10 s cost at fal-pika."""
    await cap(shop, "0.50")
    job_id = await shop.wish(duration_s=10)
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert [a["provider"] for a in shop.attempts(job_id)] == ["runway"]
    assert spent(shop) == 0.50
    with pytest.raises(InvalidRequestError) as refused:
        await shop.wish("fal-pika", duration_s=10)
    assert refused.value.code == "price_unknown"
    await shop.is_sound()
