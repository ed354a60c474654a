"""A database in which the tables of an older system hold data is adopted: nothing lost, nothing sent again."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.rows import dict_row

from photoplay.db import migrate as migrations
from photoplay.db.errors import SchemaError
from photoplay.db.migrate import migrate
from photoplay.db.pool import Database, writer
from photoplay.domain.options import MotionOptions
from photoplay.invariants import check_invariants
from photoplay.operations.create_job import NewJob, create_job, replay_job
from tests.operations.test_create_job import picture_of
from tests.support import supabase

SEED = resources.files("photoplay.db").joinpath("supabase")
BASE = SEED.joinpath("0013_video_animation.sql").read_text("utf-8")
HARDENING = SEED.joinpath("0014_video_animation_hardening.sql").read_text("utf-8")
OLDER = Path(__file__).parents[1].joinpath("support/older_system.sql").read_text("utf-8")
NOW = datetime.now(UTC)
AGO = timedelta(days=40)


class Older:
    """A project whose tables an older system made.

    Attributes:
        dsn: address as the project's owner.
        connection: a session that sees everything.
    """

    def __init__(self, dsn: str, connection: psycopg.Connection) -> None:
        self.dsn = dsn
        self.connection = connection

    def run(self, statement: str, *values: object) -> None:
        self.connection.execute(sql.SQL(statement), values or None)

    def rows(self, statement: str, *values: object) -> list[dict]:
        return (
            self.connection.cursor(row_factory=dict_row)
            .execute(sql.SQL(statement), values or None)
            .fetchall()
        )

    def user(self) -> UUID:
        user = uuid4()
        self.run("insert into auth.users (id) values (%s)", user)
        return user

    def job(self, user: UUID, status: str, **columns: object) -> UUID:
        job = uuid4()
        row = {
            "id": job,
            "user_id": user,
            "status": status,
            "source_image_url": f"{user}/source-images/{uuid4()}.png",
            "provider": "fal-pika",
            "created_at": NOW - AGO,
            "updated_at": NOW - AGO + timedelta(minutes=3),
        } | columns
        self.connection.execute(
            sql.SQL("insert into public.video_jobs ({}) values ({})").format(
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() * len(row)),
            ),
            list(row.values()),
        )
        return job

    def quota(self, user: UUID, day: object, *counts: int) -> None:
        for count in counts:
            self.run(
                "insert into public.video_quota (user_id, date, count) values (%s, %s, %s)",
                user,
                day,
                count,
            )

    def read(self, job: UUID) -> dict:
        return self.rows("select * from public.video_jobs where id = %s", job)[0]


@pytest.fixture
def older(supabase_postgres, request: pytest.FixtureRequest) -> Iterator[Older]:
    """The older system with both of its files; with `hardening=False` only with the first."""
    is_hardened = getattr(request, "param", True)
    with supabase.copied_project(supabase_postgres, supabase.PROJECT) as name:
        dsn = supabase_postgres.dsn(supabase.OWNER, name)
        with psycopg.connect(dsn, autocommit=True) as owner:
            for text in (BASE, *([HARDENING] if is_hardened else []), OLDER):
                owner.execute(text.encode())
        with psycopg.connect(supabase_postgres.dsn(dbname=name), autocommit=True) as connection:
            yield Older(dsn, connection)


async def broken(dsn: str) -> dict[str, list[str]]:
    async with Database(dsn, size=2) as database:
        found = await check_invariants(database, None)
    return {name: what for name, what in found.items() if what}


@pytest.mark.parametrize("older", [True, False], indirect=True, ids=["both files", "the first"])
async def test_ended_jobs_keep_what_they_say(older):
    user = older.user()
    path = f"{user}/generated-videos/{uuid4()}.mp4"
    done = older.job(user, "succeeded", output_video_url=path, provider_job_id="t-1", options=None)
    failed = older.job(user, "failed", error="fal said no", provider=None)
    assert migrate(older.dsn) != []
    assert migrate(older.dsn) == []
    row = older.read(done)
    assert (row["status"], row["phase"], row["output_video_url"]) == ("succeeded", "done", path)
    assert (row["created_at"], row["updated_at"]) == (NOW - AGO, NOW - AGO + timedelta(minutes=3))
    assert row["finished_at"] == row["updated_at"]
    assert (row["options"], row["provider_job_id"], row["version"]) == ({}, "t-1", 1)
    row = older.read(failed)
    assert (row["status"], row["phase"], row["error"]) == ("failed", "done", "fal said no")
    assert row["updated_at"] == row["finished_at"] == NOW - AGO + timedelta(minutes=3)
    assert older.rows("select * from photoplay.events") == []
    assert await broken(older.dsn) == {}


def test_a_success_without_a_video_of_the_users_own_is_none(older):
    """Older clients could write the column themselves, and what it names is signed."""
    user, other = older.user(), older.user()
    nothing = older.job(user, "succeeded")
    stolen = older.job(
        user, "succeeded", output_video_url=f"{other}/generated-videos/{uuid4()}.mp4"
    )
    path = f"{user}/generated-videos/{uuid4()}.mp4"
    signed = older.job(
        user,
        "succeeded",
        output_video_url=f"https://x.supabase.co/storage/v1/object/sign/generated-videos/{path}?token=secret",
    )
    uploaded = f"{user}/generated-videos/{uuid4()}.mp4"
    not_told = older.job(user, "running", output_video_url=uploaded, provider_job_id="t-2")
    given_up = older.job(user, "failed", output_video_url=f"{user}/generated-videos/{uuid4()}.mp4")
    migrate(older.dsn)
    for job in (nothing, stolen):
        row = older.read(job)
        assert (row["status"], row["phase"], row["output_video_url"]) == ("failed", "done", None)
        assert row["failure"]["code"] == "storage_failed"
        assert row["error"] == row["failure"]["message"]
    assert older.read(signed)["output_video_url"] == path
    assert "secret" not in str(older.read(signed))
    row = older.read(not_told)
    assert (row["status"], row["phase"], row["output_video_url"]) == ("succeeded", "done", uploaded)
    row = older.read(given_up)
    assert (row["status"], row["output_video_url"]) == ("failed", None)
    assert row["result"]["olderOutput"].startswith(f"{user}/generated-videos/")


async def test_open_jobs_with_a_task_of_ours_are_followed_and_the_others_end_unconfirmed(older):
    user = older.user()
    sent = {
        name: older.job(user, status, provider=name, provider_job_id=f"task-{name}")
        for name, status in (("fal-pika", "running"), ("kling", "queued"), ("runway", "running"))
    }
    unsent = [
        older.job(user, "queued", client_request_id="click-1"),
        older.job(user, "running", provider_job_id=""),
        older.job(user, "running", provider="luma", provider_job_id="task-luma"),
        older.job(user, "queued", provider=None),
    ]
    migrate(older.dsn)
    for name, job in sent.items():
        row = older.read(job)
        assert (row["status"], row["phase"], row["finished_at"]) == ("running", "waiting", None)
        assert row["adopted_at"] is not None
        (attempt,) = older.rows("select * from photoplay.attempts where job_id = %s", job)
        assert (attempt["status"], attempt["provider"]) == ("accepted", name)
        assert attempt["provider_task_id"] == f"task-{name}"
        assert attempt["charged"] is None
    waked = older.rows("select convert_from(payload, 'utf8') as job from photoplay.pgqueuer")
    assert {UUID(item["job"]) for item in waked} == set(sent.values())
    for job in unsent:
        row = older.read(job)
        assert (row["status"], row["phase"]) == ("failed", "done")
        assert row["failure"] == {
            "code": "outcome_unknown",
            "message": row["error"],
            "retryable": False,
            "charged": None,
        }
        assert older.rows("select * from photoplay.attempts where job_id = %s", job) == []
    assert await broken(older.dsn) == {}


async def test_counters_agree_with_the_ledger_and_units_of_open_jobs_go_back_once(older):
    user, today = older.user(), NOW.date()
    jobs = [
        older.job(user, "running", provider_job_id=f"t{n}", created_at=NOW, updated_at=NOW)
        for n in range(2)
    ]
    # The older system's race between looking and counting: two rows for one day.
    older.quota(user, today, 3, 2)
    older.quota(user, today - timedelta(days=30), 7)
    stingy = older.user()
    older.quota(stingy, today, -1)
    uncounted = older.job(stingy, "running", provider_job_id="t9", created_at=NOW, updated_at=NOW)
    migrate(older.dsn)
    counters = older.rows(
        "select date, count from public.video_quota where user_id = %s order by date", user
    )
    assert counters == [
        {"date": today - timedelta(days=30), "count": 7},
        {"date": today, "count": 5},
    ]
    assert older.read(uncounted)["quota_day"] is None
    async with Database(older.dsn, size=1) as database:
        picture = await picture_of(database, user)
        made = await create_job(database, writer(user), NewJob(picture, MotionOptions(), "local"))
    for _ in range(2):
        older.run("select photoplay.return_unit(%s)", jobs[0])
    older.run("select photoplay.return_unit(%s)", uncounted)
    (counter,) = older.rows(
        "select count from public.video_quota where user_id = %s and date = %s", user, today
    )
    # Midnight may have passed: the new job counts on the day that it was made.
    made_today = older.read(made.id)["quota_day"] == today
    assert counter["count"] == (5 if made_today else 4)
    assert await broken(older.dsn) == {}


async def test_a_key_of_the_older_system_still_answers_with_its_job(older):
    user = older.user()
    path = f"{user}/generated-videos/{uuid4()}.mp4"
    job = older.job(user, "succeeded", client_request_id="click-1", output_video_url=path)
    migrate(older.dsn)
    async with Database(older.dsn, size=1) as database:
        picture = await picture_of(database, user)
        wish = NewJob(picture, MotionOptions(), "local", key="click-1")
        replayed = await replay_job(database, writer(user), wish)
    assert replayed is not None
    assert (replayed.id, replayed.status) == (job, "succeeded")


def test_rules_and_rights_of_the_older_system_are_replaced_and_its_own_things_stay(
    older, supabase_dsn
):
    older.job(older.user(), "queued")
    migrate(older.dsn)
    with psycopg.connect(supabase_dsn, autocommit=True) as fresh:
        for query in (
            "select conname, pg_get_constraintdef(oid), convalidated from pg_constraint "
            "where conrelid in ('public.video_jobs'::regclass, 'public.video_quota'::regclass) "
            "and contype = 'c' order by 1",
            "select tablename, policyname, cmd, roles::text, qual, with_check from pg_policies "
            "where schemaname in ('public', 'photoplay') order by 1, 2",
            "select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger "
            "where not tgisinternal and tgrelid::regclass::text ~ 'video|attempts' order by 1, 2",
            "select c.relname, g.grantee::regrole::text, g.privilege_type from pg_class c, "
            "aclexplode(c.relacl) g where c.relname in ('video_jobs', 'video_quota') "
            "and g.grantee <> c.relowner order by 1, 2, 3",
            "select p.oid::regprocedure::text, prosrc from pg_proc p "
            "where pronamespace = 'photoplay'::regnamespace order by 1",
            "select indexname, indexdef from pg_indexes where schemaname = 'public' "
            "and indexname like 'idx%' and indexname <> 'idx_video_jobs_status' order by 1",
        ):
            expected = fresh.execute(query).fetchall()
            assert older.connection.execute(query).fetchall() == expected, query
    kept = older.rows(
        "select to_regproc('public.update_updated_at_column')::text as trigger_function, "
        "to_regclass('public.idx_video_jobs_status')::text as index, "
        "(select conname from pg_constraint where conname = 'video_jobs_user_id_fkey') as key"
    )
    assert None not in kept[0].values()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("alter table public.video_quota alter column date type text", "video_quota.date is text"),
        (
            "alter table public.video_jobs drop constraint video_jobs_status_check; "
            "insert into public.video_jobs (user_id, source_image_url, status) "
            "select id, 'x', 'paused' from auth.users",
            "status 'paused'",
        ),
        ("alter table public.video_jobs owner to supabase_admin", "belongs to supabase_admin"),
    ],
)
def test_what_cannot_be_adopted_is_named_and_left_as_it_is(older, change, message):
    older.user()
    older.run(change)
    with pytest.raises(SchemaError, match=message):
        migrate(older.dsn)
    assert older.rows("select to_regprocedure('photoplay.adopt_rest()') as ours") == [
        {"ours": None}
    ]


def test_a_lock_that_somebody_holds_is_asked_for_again(older, monkeypatch):
    monkeypatch.setattr(migrations, "_LOCK_PAUSE_S", 0.0)
    monkeypatch.setattr(migrations, "_LOCK_TIMEOUT", "50ms")
    with psycopg.connect(older.dsn) as reader:
        reader.execute("select count(*) from public.video_jobs")
        asked = threading.Event()

        def let_go() -> None:
            waiting = "select from pg_locks where relation = 'public.video_jobs'::regclass and not granted"
            while not older.rows(waiting):
                pass
            while older.rows(waiting):
                pass
            asked.set()
            reader.rollback()

        helper = threading.Thread(target=let_go)
        helper.start()
        migrate(older.dsn)
        helper.join()
    assert asked.is_set()


WRITERS = 3


class OldApi(threading.Thread):
    """The older system at work: it makes jobs and brings them to their end, until it is refused."""

    def __init__(self, dsn: str, user: UUID) -> None:
        super().__init__()
        self.dsn = dsn
        self.user = user
        self.stop = threading.Event()
        self.made: list[UUID] = []
        self.ended: list[UUID] = []
        self.refusal: BaseException | None = None

    def run(self) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("set role service_role")
            try:
                while not self.stop.is_set():
                    self._one(connection)
            except errors.InsufficientPrivilege as refusal:
                self.refusal = refusal

    def _one(self, connection: psycopg.Connection) -> None:
        job = uuid4()
        connection.execute(
            "insert into public.video_jobs (id, user_id, source_image_url, provider, client_request_id) "
            "values (%s, %s, 'x', 'fal-pika', %s)",
            (job, self.user, str(job)),
        )
        self.made.append(job)
        connection.execute(
            "update public.video_jobs set status = 'running', provider_job_id = %s where id = %s",
            (f"task-{job}", job),
        )
        if len(self.made) % 5:
            connection.execute(
                "update public.video_jobs set status = 'succeeded', output_video_url = %s where id = %s",
                (f"{self.user}/generated-videos/{job}.mp4", job),
            )
            self.ended.append(job)


async def test_a_hundred_thousand_jobs_are_adopted_while_more_are_made_and_after_a_kill(older):
    users = [older.user() for _ in range(20)]
    older.run(
        """
        insert into public.video_jobs
            (id, user_id, source_image_url, provider, provider_job_id, status, output_video_url,
            created_at, updated_at)
        select job.id, u.id, 'x', 'kling', 'task-' || n, s.status,
            case s.status when 'succeeded' then u.id || '/generated-videos/' || job.id || '.mp4' end,
            now() - n * interval '1 minute', now() - n * interval '1 minute'
        from (select n, gen_random_uuid() as id from generate_series(1, 100000) n) job
        join (select id, row_number() over () as i from auth.users) u on u.i = 1 + n % 20
        cross join lateral (select (array['succeeded', 'succeeded', 'failed'])[1 + n % 3] as status) s
        """
    )
    older.run(
        "insert into public.video_quota (user_id, date, count) "
        "select id, current_date - d, 5 from auth.users, generate_series(0, 99) d"
    )
    before = older.rows(
        "select id, user_id, status, output_video_url, updated_at from public.video_jobs order by id"
    )
    writers = [OldApi(older.dsn, user) for user in users[:WRITERS]]
    for writing in writers:
        writing.start()
    try:
        kill_half_way(older)
        assert {w.refusal for w in writers} == {None}
        migrate(older.dsn)
    finally:
        for writing in writers:
            writing.stop.set()
            writing.join()
    after = older.rows(
        "select id, user_id, status, output_video_url, updated_at from public.video_jobs "
        "where provider = 'kling' order by id"
    )
    assert after == before
    for writing in writers:
        mine = older.rows(
            "select id, status, phase from public.video_jobs where provider = 'fal-pika' and user_id = %s",
            writing.user,
        )
        assert {row["id"] for row in mine} == set(writing.made)
        assert {row["id"] for row in mine if row["status"] == "succeeded"} >= set(writing.ended)
        assert {row["phase"] for row in mine} <= {"done", "waiting"}
        assert len(writing.made) > 5
    assert await broken(older.dsn) == {}


def some_are_adopted(older: Older) -> bool:
    try:
        # It goes in the order of ids.
        first = older.rows(
            "select phase from public.video_jobs where provider = 'kling' order by id limit 1"
        )
    except errors.UndefinedColumn:
        return False
    return first[0]["phase"] == "done"


def kill_half_way(older: Older) -> None:
    """Run `migrate` in a process and kill it when some rows are adopted, and some are not."""
    program = f"from photoplay.db.migrate import migrate; migrate({older.dsn!r})"
    process = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline and process.poll() is None:
            if some_are_adopted(older):
                break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = older.rows(
        "select count(*) as n from public.video_jobs where provider = 'kling' and phase <> 'done'"
    )
    assert 0 < left[0]["n"] < 100_000, "killed too late"
