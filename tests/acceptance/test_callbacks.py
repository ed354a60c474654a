"""What came of each callback is known afterwards: on the job's timeline, and in the metrics."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID

import httpx
import pytest

from photoplay.operations.record_callback import (
    CalledAttempt,
    find_attempt,
    record_callback,
    record_forged_callback,
)
from photoplay.sandbox import Fault
from tests.acceptance.conftest import Shop
from tests.conftest import until
from tests.support.metrics import sample

RESULTS = ("accepted", "repeated", "late", "forged")


def noted(shop: Shop, job_id: UUID) -> Counter[str]:
    rows = shop.owner.execute(
        "select result from photoplay.callbacks c join photoplay.attempts a on a.id = c.attempt_id"
        " where a.job_id = %s",
        (job_id,),
    ).fetchall()
    return Counter(result for (result,) in rows)


async def counted(shop: Shop) -> Counter[str]:
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{shop.stack.settings.public_url}/metrics")).text
    name = "photoplay_callbacks_total"
    return Counter({r: int(sample(text, name, provider="fal-pika", result=r)) for r in RESULTS})


async def open_attempt(shop: Shop) -> tuple[UUID, CalledAttempt]:
    shop.sandbox.add("stuck_running", "lost_callback")
    job_id = await shop.wish("fal-pika")
    row = await shop.attempt_is(job_id, "accepted")
    attempt = await find_attempt(shop.database, row["callback_token"])
    assert attempt is not None
    return job_id, attempt


async def test_each_is_noted_and_counted_as_what_it_was(shop):
    before = await counted(shop)
    job_id = await shop.wish("fal-pika")
    await shop.ended(job_id)
    (task,) = shop.sandbox.tasks()

    async def came(number: int) -> None:
        await until(lambda: noted(shop, job_id).total() == number)

    await came(1)
    assert shop.sandbox.send_callback(task.id)
    await came(2)
    assert shop.sandbox.send_callback(task.id, Fault(do="forge"))
    # The courier repeats what was not taken.
    await until(lambda: noted(shop, job_id)["forged"])
    shop.sandbox.clear_faults()
    seen = noted(shop, job_id)
    assert seen["late"] >= 1
    assert seen["accepted"] + seen["repeated"] + seen["late"] == 2
    grown = await counted(shop) - before
    assert {r: grown[r] for r in ("accepted", "repeated", "late")} == {
        r: seen[r] for r in ("accepted", "repeated", "late")
    }
    assert grown["forged"] >= 1


@pytest.mark.fault(17, 21)
async def test_of_many_at_once_one_is_the_first_and_twenty_of_a_kind_are_kept(shop):
    job_id, attempt = await open_attempt(shop)
    at_once = await asyncio.gather(
        *(record_callback(shop.database, attempt, None) for _ in range(8))
    )
    assert Counter(at_once) == {"accepted": 1, "repeated": 7}
    for _ in range(25):
        assert await record_callback(shop.database, attempt, None) == "repeated"
        await record_forged_callback(shop.database, attempt)
    assert noted(shop, job_id) == {"accepted": 1, "repeated": 20, "forged": 20}


async def test_they_go_with_their_job(shop):
    job_id = await shop.wish("fal-pika")
    await shop.ended(job_id)
    await until(lambda: noted(shop, job_id).total())
    (row,) = shop.attempts(job_id)
    attempt = await find_attempt(shop.database, row["callback_token"])
    assert attempt is not None
    shop.owner.execute("delete from public.video_jobs where id = %s", (job_id,))
    remaining = "select count(*) from photoplay.callbacks where attempt_id = %s"
    assert shop.owner.execute(remaining, (row["id"],)).fetchone() == (0,)
    # One that was on its way finds nothing, and breaks nothing.
    assert await record_callback(shop.database, attempt, None) == "late"
    await record_forged_callback(shop.database, attempt)
