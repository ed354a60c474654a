"""Days of the quota and the rate of requests, by a clock that tests move."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from photoplay.db.pool import Database, operator, reader, writer
from photoplay.domain.errors import RateLimitedError, UnprocessableRequestError
from photoplay.domain.limits import standings
from photoplay.operations.create_job import create_job
from photoplay.operations.set_limits import set_limits
from tests.operations.test_create_job import a_wish, used

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Clock:
    """The database's clock, standing still until it is set again."""

    def __init__(self, owner: psycopg.Connection, dsn: str) -> None:
        self._owner = owner
        self.dsn = dsn

    def set(self, instant: datetime) -> None:
        self._owner.execute(
            f"alter database {self._owner.info.dbname} set photoplay.test_now = '{instant.isoformat()}'"
        )
        # A database's settings are read by a new connection.
        self._owner.execute(f"set photoplay.test_now = '{instant.isoformat()}'")

    def database(self) -> Database:
        return Database(self.dsn, size=4)


@pytest.fixture
def clock(owner, app_dsn) -> Clock:
    stopped = Clock(owner, app_dsn)
    stopped.set(NOON)
    return stopped


async def allow(database: Database, **changes) -> None:
    limits = {"daily_limit": 100, "max_open_jobs": 100, "dedupe_open_jobs": False}
    await set_limits(database, **{**limits, **changes})


# Days.

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Havana",  # midnight comes twice
    "Africa/Cairo",  # midnight is skipped
    "Asia/Beirut",
    "Pacific/Chatham",
    "America/Sao_Paulo",
)


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_begins_with_its_first_instant_and_ends_where_the_next_begins(owner, zone):
    """Every day of 2017 to 2027, with every change of the clock there was and is planned."""
    days, wrong, lengths = owner.execute(
        """
        select count(*),
            count(*) filter (where
                (begins at time zone %(zone)s)::date <> day
                or ((begins - interval '1 microsecond') at time zone %(zone)s)::date <> day - 1),
            array_agg(distinct photoplay.day_begins(day + 1, %(zone)s) - begins)
        from (
            select day::date, photoplay.day_begins(day::date, %(zone)s) as begins
            from generate_series(date '2017-01-01', date '2027-12-31', interval '1 day') day
        ) each
        """,
        {"zone": zone},
    ).fetchone()
    assert (days, wrong) == (4017, 0)
    shortest, longest = min(lengths), max(lengths)
    assert timedelta(hours=23) <= shortest <= timedelta(hours=24) <= longest
    assert longest <= timedelta(hours=25)


@pytest.mark.parametrize(
    ("zone", "now", "resets_at", "hours"),
    [
        ("UTC", "2026-03-29T12:00:00Z", "2026-03-30T00:00:00Z", 24),
        ("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-29T22:00:00Z", 23),
        ("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-25T23:00:00Z", 25),
        ("Europe/Berlin", "2026-06-01T21:59:59Z", "2026-06-01T22:00:00Z", 24),
        ("America/Havana", "2026-10-31T12:00:00Z", "2026-11-01T04:00:00Z", 24),
        ("America/Havana", "2026-11-01T04:30:00Z", "2026-11-02T05:00:00Z", 25),
        ("Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z", 24),
        ("Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-24T21:00:00Z", 23),
    ],
)  # fmt: skip
async def test_the_quota_is_full_again_exactly_when_it_said(
    clock, owner, user, zone, now, resets_at, hours
):
    now, resets_at = datetime.fromisoformat(now), datetime.fromisoformat(resets_at)
    clock.set(now)
    async with clock.database() as database:
        await allow(database, daily_limit=1, time_zone=zone)
        first = await create_job(database, writer(user), await a_wish(database, user))
        assert (first.standings[0].window_s, first.standings[0].remaining) == (hours * 3600, 0)
        with pytest.raises(RateLimitedError) as refused:
            await create_job(database, writer(user), await a_wish(database, user))
        assert refused.value.details["resetsAt"] == f"{resets_at:%Y-%m-%dT%H:%M:%SZ}"
        assert refused.value.retry_after == resets_at - now
        row = (await database.once(reader(user), "get_quota", {"user_id": user}))[0]
        assert row["resets_at"] == resets_at
        assert standings(row)[0] == refused.value.standings[0]
    clock.set(resets_at - timedelta(microseconds=1))
    async with clock.database() as database:
        with pytest.raises(RateLimitedError):
            await create_job(database, writer(user), await a_wish(database, user))
    clock.set(resets_at)
    async with clock.database() as database:
        await create_job(database, writer(user), await a_wish(database, user))
    units = owner.execute("select count from public.video_quota order by date").fetchall()
    assert units == [(1,), (1,)]


async def test_without_limits_nothing_is_created(database, owner, user):
    owner.execute("delete from photoplay.limits")
    for scope in (writer(user), operator(user)):
        with pytest.raises(psycopg.errors.NoDataFound):
            await create_job(database, scope, await a_wish(database, user))
    assert owner.execute("select count(*) from public.video_jobs").fetchone() == (0,)
    await allow(database)
    await create_job(database, writer(user), await a_wish(database, user))


# The rate.


async def test_exactly_as_many_requests_as_the_bucket_holds_are_let_through(clock, user):
    async with clock.database() as database:
        await allow(database, requests_per_minute=7)
        wish = await a_wish(database, user)
        made = await asyncio.gather(
            *(create_job(database, writer(user), wish) for _ in range(30)), return_exceptions=True
        )
    refused = [m for m in made if isinstance(m, RateLimitedError)]
    assert len(made) - len(refused) == 7
    assert {(r.code, r.details["limit"]) for r in refused} == {("rate_limited", 7)}
    assert {r.retry_after for r in refused} == {timedelta(seconds=9)}


async def test_the_bucket_refills_evenly_and_never_above_its_size(clock, user):
    taken = []
    for seconds in (0, 9, 17, 18, 1000):
        clock.set(NOON + timedelta(seconds=seconds))
        async with clock.database() as database:
            await allow(database, requests_per_minute=7)
            wish = await a_wish(database, user)
            made = [
                await asyncio.gather(
                    create_job(database, writer(user), wish), return_exceptions=True
                )
                for _ in range(8)
            ]
            taken.append(sum(not isinstance(m, Exception) for (m,) in made))
    assert taken == [7, 1, 0, 1, 7]


async def test_a_clock_that_was_set_back_locks_nobody_out(clock, user):
    for instant in (NOON + timedelta(hours=1), NOON):
        clock.set(instant)
        async with clock.database() as database:
            await allow(database, requests_per_minute=2)
            for _ in range(2):
                await create_job(database, writer(user), await a_wish(database, user))
            with pytest.raises(RateLimitedError):
                await create_job(database, writer(user), await a_wish(database, user))


async def test_known_keys_and_the_operator_are_not_slowed_down_and_refusals_count(clock, user):
    async with clock.database() as database:
        await allow(database, requests_per_minute=2)
        wish = await a_wish(database, user, key="known")
        await create_job(database, writer(user), wish)
        for _ in range(5):
            assert (await create_job(database, writer(user), wish)).replayed
            with pytest.raises(UnprocessableRequestError):
                await create_job(database, writer(user), replace(wish, prompt="other"))
        await allow(database, requests_per_minute=2, daily_limit=1)
        codes = []
        for _ in range(2):
            with pytest.raises(RateLimitedError) as refused:
                await create_job(database, writer(user), await a_wish(database, user))
            codes.append(refused.value.code)
        assert codes == ["quota_exceeded", "rate_limited"]
        assert (await create_job(database, writer(user), wish)).replayed
        await create_job(database, operator(user), await a_wish(database, user))


# Keys.


@pytest.mark.fault(10)
@pytest.mark.parametrize("hours", [23 + 59 / 60, 24 + 1 / 60, 24 * 365])
@pytest.mark.parametrize("is_open", [True, False])
async def test_a_key_is_known_as_long_as_its_job_is_there(clock, owner, user, hours, is_open):
    async with clock.database() as database:
        wish = await a_wish(database, user, key="known")
        first = await create_job(database, writer(user), wish)
        if not is_open:
            owner.execute(
                "update public.video_jobs set status = 'failed', phase = 'done', finished_at = photoplay.now()"
            )
    clock.set(NOON + timedelta(hours=hours))
    async with clock.database() as database:
        again = await create_job(database, writer(user), wish)
        with pytest.raises(UnprocessableRequestError):
            await create_job(database, writer(user), replace(wish, prompt="other"))
    assert (again.id, again.replayed) == (first.id, True)
    assert used(owner, user) == 1
