from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest

from photoplay.db.pool import Database, operator, writer
from photoplay.domain.errors import (
    GoneError,
    InvalidRequestError,
    RateLimitedError,
    UnprocessableRequestError,
)
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.operations.add_image import NewImage, add_image
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.reset_quota import reset_quota
from photoplay.operations.set_limits import set_limits


async def picture_of(database: Database, user: UUID) -> Picture:
    image_id = uuid4()
    image = NewImage(
        image_id,
        f"{user}/source-images/{image_id}.jpg",
        "image/jpeg",
        640,
        480,
        1000,
        image_id.bytes * 2,
    )
    await add_image(database, writer(user), user, image)
    return Picture(image_id=image_id)


async def a_wish(database: Database, user: UUID, **changes) -> NewJob:
    return replace(NewJob(await picture_of(database, user), MotionOptions(), "local"), **changes)


async def allow(database: Database, daily: int = 20, opened: int = 5, dedupe: bool = True) -> None:
    await set_limits(database, daily_limit=daily, max_open_jobs=opened, dedupe_open_jobs=dedupe)


def used(owner: psycopg.Connection, user: UUID) -> int:
    row = owner.execute(
        "select count from public.video_quota where user_id = %s", (user,)
    ).fetchone()
    return row[0] if row else 0


async def test_creation_commits_row_unit_event_and_work_item_together(database, owner, user):
    created = await create_job(database, writer(user), await a_wish(database, user, key="k"))
    assert not created.duplicate
    assert used(owner, user) == 1
    assert owner.execute("select kind, version from photoplay.events").fetchall() == [
        ("job.queued", 1)
    ]
    items = owner.execute("select entrypoint, payload from photoplay.pgqueuer").fetchall()
    assert items == [("steps", str(created.id).encode())]
    ledger = owner.execute("select job_id, delta, reason from photoplay.quota_ledger").fetchall()
    assert ledger == [(created.id, 1, "job")]


@pytest.mark.fault(8)
async def test_hundred_simultaneous_creates_with_one_key_are_one_job(database, owner, user):
    wish = await a_wish(database, user, key="same")
    made = await asyncio.gather(*(create_job(database, writer(user), wish) for _ in range(100)))
    assert len({job.id for job in made}) == 1
    assert sum(not job.duplicate for job in made) == 1
    assert used(owner, user) == 1
    assert owner.execute("select count(*) from photoplay.pgqueuer").fetchone() == (1,)


@pytest.mark.fault(9)
async def test_same_key_with_another_request_is_refused(database, user):
    wish = await a_wish(database, user, key="k")
    await create_job(database, writer(user), wish)
    with pytest.raises(UnprocessableRequestError) as refused:
        await create_job(database, writer(user), replace(wish, prompt="slowly"))
    assert refused.value.code == "idempotency_key_reused"


async def test_key_of_another_user_is_another_key(database, user):
    other = uuid4()
    first = await create_job(database, writer(user), await a_wish(database, user, key="k"))
    second = await create_job(database, writer(other), await a_wish(database, other, key="k"))
    assert first.id != second.id


async def test_without_a_key_the_same_wish_is_recognised_while_it_is_open(database, user):
    wish = await a_wish(database, user)
    first = await create_job(database, writer(user), wish)
    again = await create_job(database, writer(user), wish)
    assert again.id == first.id
    assert again.duplicate
    assert not again.replayed
    await cancel_job(database, writer(user), first.id)
    assert (await create_job(database, writer(user), wish)).id != first.id


async def test_recognition_of_open_duplicates_can_be_switched_off(database, user):
    await allow(database, dedupe=False)
    wish = await a_wish(database, user)
    ids = {(await create_job(database, writer(user), wish)).id for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.fault(11)
@pytest.mark.parametrize("with_keys", [True, False])
async def test_simultaneous_creates_get_exactly_the_units_that_are_left(
    database, owner, user, with_keys
):
    await allow(database, daily=5, opened=100, dedupe=False)
    wish = await a_wish(database, user)
    wishes = [replace(wish, key=f"k{n}" if with_keys else None) for n in range(25)]
    made = await asyncio.gather(
        *(create_job(database, writer(user), w) for w in wishes), return_exceptions=True
    )
    refused = [m for m in made if isinstance(m, RateLimitedError)]
    assert len(made) - len(refused) == 5
    assert {r.code for r in refused} == {"quota_exceeded"}
    assert refused[0].details["limit"] == 5
    assert refused[0].message == "Daily quota exceeded"
    assert used(owner, user) == 5


async def test_open_jobs_never_exceed_the_limit_and_a_refusal_keeps_no_unit(database, owner, user):
    await allow(database, daily=100, opened=3, dedupe=False)
    wish = await a_wish(database, user)
    made = await asyncio.gather(
        *(create_job(database, writer(user), wish) for _ in range(12)), return_exceptions=True
    )
    assert sum(not isinstance(m, Exception) for m in made) == 3
    assert {m.code for m in made if isinstance(m, RateLimitedError)} == {"too_many_open_jobs"}
    assert used(owner, user) == 3


async def test_foreign_and_missing_pictures_are_refused_alike_and_leave_nothing(
    database, owner, user
):
    foreign = await picture_of(database, uuid4())
    for picture in (foreign, Picture(image_id=uuid4())):
        with pytest.raises(InvalidRequestError) as refused:
            await create_job(database, writer(user), NewJob(picture, MotionOptions(), "local"))
        assert (refused.value.code, refused.value.message) == (
            "image_not_found",
            "There is no such picture.",
        )
    assert used(owner, user) == 0
    assert owner.execute("select count(*) from public.video_jobs").fetchone() == (0,)


async def test_a_key_outlives_its_erased_job(database, user):
    wish = await a_wish(database, user, key="k")
    created = await create_job(database, writer(user), wish)
    await erase_job(database, writer(user), created.id)
    with pytest.raises(GoneError):
        await create_job(database, writer(user), wish)


@pytest.mark.fault(12)
async def test_cancelling_before_submission_gives_the_unit_back_once(database, owner, user):
    created = await create_job(database, writer(user), await a_wish(database, user))
    await asyncio.gather(*(cancel_job(database, writer(user), created.id) for _ in range(10)))
    assert used(owner, user) == 0
    returned = owner.execute(
        "select count(*) from photoplay.quota_ledger where delta < 0"
    ).fetchone()
    assert returned == (1,)


async def test_a_unit_that_a_reset_gave_back_is_not_given_back_again(database, owner, user):
    await allow(database, dedupe=False)
    first = await create_job(database, writer(user), await a_wish(database, user))
    assert await reset_quota(database, user, actor="test") == 1
    second = await create_job(database, writer(user), await a_wish(database, user))
    await cancel_job(database, writer(user), first.id)
    assert used(owner, user) == 1
    await cancel_job(database, writer(user), second.id)
    assert used(owner, user) == 0
    total = owner.execute("select sum(delta) from photoplay.quota_ledger").fetchone()
    assert total == (0,)


async def test_the_operators_command_line_has_no_daily_limit(database, owner, user):
    await allow(database, daily=0, opened=5)
    wish = await a_wish(database, user)
    with pytest.raises(RateLimitedError):
        await create_job(database, writer(user), wish)
    await create_job(database, operator(user), wish)
    assert used(owner, user) == 0
