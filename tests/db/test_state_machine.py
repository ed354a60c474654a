"""The database accepts exactly the edges of domain/states.py, from every role that can write."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from photoplay.domain.states import (
    ATTEMPT_TRANSITIONS,
    PHASE_TRANSITIONS,
    STATUS_TRANSITIONS,
    TERMINAL,
    AttemptStatus,
    Phase,
    Status,
)

# photoplay_api may not even try: it has the right to few columns (rights.json).
WRITERS = ["owner", "photoplay_worker", "photoplay_admin"]
STATES = [
    (s, p) for s, p in itertools.product(Status, Phase) if (p is Phase.DONE) == (s in TERMINAL)
]
NO_EDGE, FINAL, IMMUTABLE = "PP002", "PP003", "PP004"


@pytest.fixture
def connection(postgres, template) -> Iterator[psycopg.Connection]:
    """A transaction on the template that is rolled back: one database serves every pair."""
    with (
        psycopg.connect(postgres.dsn(dbname=template), autocommit=True) as opened,
        opened.transaction(force_rollback=True),
    ):
        yield opened


@contextmanager
def acting_as(connection: psycopg.Connection, role: str, user: UUID) -> Iterator[None]:
    if role != "owner":
        connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
            (role, f'{{"sub": "{user}", "role": "authenticated"}}'),
        )
    yield
    connection.execute("reset role")


@contextmanager
def unguarded(connection: psycopg.Connection) -> Iterator[None]:
    """Only for making a state that a test begins in."""
    connection.execute("set local session_replication_role = replica")
    yield
    connection.execute("set local session_replication_role = origin")


def put_job(
    connection: psycopg.Connection, status: Status = Status.QUEUED, phase: Phase = Phase.ACCEPTED
) -> tuple[UUID, UUID]:
    job_id, user = uuid4(), uuid4()
    with unguarded(connection):
        connection.execute(
            "insert into public.video_jobs (id, user_id, source_image_url, status, phase, finished_at, "
            "output_video_url, video, failure, client_request_id) "
            "values (%s, %s, 'x', %s, %s, %s, %s, %s, %s, 'key')",
            (
                job_id,
                user,
                status,
                phase,
                "2026-01-01" if status in TERMINAL else None,
                f"{user}/generated-videos/{job_id}.mp4" if status is Status.SUCCEEDED else None,
                Jsonb({"bytes": 1, "sha256": "00"}) if status is Status.SUCCEEDED else None,
                Jsonb({"code": "expired"}) if status is Status.FAILED else None,
            ),
        )
    return job_id, user


def put_attempt(connection: psycopg.Connection, status: AttemptStatus) -> tuple[UUID, UUID]:
    job_id, user = put_job(connection, Status.RUNNING, Phase.WAITING)
    attempt_id = uuid4()
    with unguarded(connection):
        connection.execute(
            "insert into photoplay.attempts (id, job_id, user_id, n, provider, model, status, fence, "
            "callback_token) values (%s, %s, %s, 1, 'p', 'm', %s, 1, %s)",
            (attempt_id, job_id, user, status, uuid4().hex),
        )
    return attempt_id, user


def outcome(connection: psycopg.Connection, statement: str, values: object) -> str:
    """Return `done`, or the SQLSTATE that refused the statement; the transaction goes on."""
    try:
        with connection.transaction():
            touched = connection.execute(sql.SQL(statement), values).rowcount
    except psycopg.Error as error:
        return str(error.sqlstate)
    return "done" if touched == 1 else "no row"


def move_job(connection, job_id: UUID, user: UUID, status: Status, phase: Phase) -> str:
    return outcome(
        connection,
        "update public.video_jobs set status = %(status)s, phase = %(phase)s, "
        "finished_at = case when %(ends)s then coalesce(finished_at, now()) end, "
        "output_video_url = case when %(status)s = 'succeeded' then %(path)s else output_video_url end "
        "where id = %(id)s",
        {
            "id": job_id,
            "status": status,
            "phase": phase,
            "ends": status in TERMINAL,
            "path": f"{user}/generated-videos/{job_id}.mp4",
        },
    )


@pytest.mark.parametrize("role", WRITERS)
def test_every_pair_of_job_states_is_accepted_exactly_when_it_is_an_edge(connection, role):
    wrong: list[str] = []
    for (status, phase), to_status, to_phase in itertools.product(STATES, Status, Phase):
        job_id, user = put_job(connection, status, phase)
        is_edge = (
            (to_status is status or to_status in STATUS_TRANSITIONS[status])
            and (to_phase is phase or to_phase in PHASE_TRANSITIONS[phase])
            and (to_status, to_phase) in STATES
        )
        with acting_as(connection, role, user):
            said = move_job(connection, job_id, user, to_status, to_phase)
        refusal = {FINAL} if status in TERMINAL else {NO_EDGE, errors.CheckViolation.sqlstate}
        if said not in ({"done"} if is_edge else refusal):
            wrong.append(f"{status}/{phase} > {to_status}/{to_phase}: {said}")
    assert not wrong


@pytest.mark.parametrize("role", WRITERS)
def test_every_pair_of_attempt_states_is_accepted_exactly_when_it_is_an_edge(connection, role):
    wrong: list[str] = []
    for before, after in itertools.product(AttemptStatus, AttemptStatus):
        attempt_id, user = put_attempt(connection, before)
        expected = "done" if after is before or after in ATTEMPT_TRANSITIONS[before] else NO_EDGE
        with acting_as(connection, role, user):
            said = outcome(
                connection,
                "update photoplay.attempts set status = %s where id = %s",
                (after, attempt_id),
            )
        if said != expected:
            wrong.append(f"{before} > {after}: {said}")
    assert not wrong


@pytest.mark.parametrize("role", ["owner", "photoplay_api", "photoplay_admin"])
def test_a_job_begins_queued_whoever_writes_it(connection, role):
    beginnings = [(s, p, 1) for s, p in itertools.product(Status, Phase)]
    for status, phase, version in [*beginnings, (Status.QUEUED, Phase.ACCEPTED, 2)]:
        job_id, user = uuid4(), uuid4()
        with acting_as(connection, role, user):
            said = outcome(
                connection,
                "insert into public.video_jobs (id, user_id, source_image_url, status, phase, version) "
                "values (%s, %s, 'x', %s, %s, %s)",
                (job_id, user, status, phase, version),
            )
        begins = (status, phase, version) == (Status.QUEUED, Phase.ACCEPTED, 1)
        assert said == ("done" if begins else NO_EDGE), (status, phase, version)


@pytest.mark.parametrize("role", WRITERS)
@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_terminal_job_keeps_everything_that_says_how_it_ended(connection, role, status):
    job_id, user = put_job(connection, status, Phase.DONE)
    endings = {
        "status": "case status when 'failed' then 'cancelled' else 'failed' end",
        "output_video_url": "case when output_video_url is null then 'other' end",
        "video": """'{"bytes": 2}'""",
        "failure": """'{"code": "storage_failed"}'""",
        "finished_at": "now()",
    }
    with acting_as(connection, role, user):
        for column, value in endings.items():
            said = outcome(
                connection,
                f"update public.video_jobs set {column} = {value} where id = %s",
                (job_id,),
            )
            assert said == FINAL, column


def test_a_late_cost_is_still_written_to_a_terminal_job(connection):
    job_id, user = put_job(connection, Status.FAILED, Phase.DONE)
    with acting_as(connection, "photoplay_worker", user):
        said = outcome(
            connection, "update public.video_jobs set cost_usd = 0.25 where id = %s", (job_id,)
        )
    assert said == "done"


@pytest.mark.parametrize("role", WRITERS)
def test_what_names_a_job_never_changes(connection, role):
    job_id, user = put_job(connection)
    values = {
        "id": uuid4(),
        "user_id": uuid4(),
        "created_at": "2020-01-01",
        "client_request_id": "other",
        "quota_day": "2020-01-01",
    }
    connection.execute(
        "alter table public.video_jobs disable trigger guard_job;"
        "update public.video_jobs set quota_day = '2026-01-01';"
        "alter table public.video_jobs enable trigger guard_job"
    )
    with acting_as(connection, role, user):
        for column, value in values.items():
            for to in (value, None):
                said = outcome(
                    connection,
                    f"update public.video_jobs set {column} = %s where id = %s",
                    (to, job_id),
                )
                assert said == IMMUTABLE, column


@pytest.mark.parametrize("role", WRITERS)
def test_what_names_an_attempt_never_changes(connection, role):
    attempt_id, user = put_attempt(connection, AttemptStatus.SUBMITTING)
    values = {
        "id": uuid4(),
        "job_id": uuid4(),
        "user_id": uuid4(),
        "n": 2,
        "provider": "other",
        "model": "other",
        "fence": 2,
        "callback_token": "other",
    }
    with acting_as(connection, role, user):
        for column, value in values.items():
            said = outcome(
                connection,
                f"update photoplay.attempts set {column} = %s where id = %s",
                (value, attempt_id),
            )
            assert said == IMMUTABLE, column


@pytest.mark.parametrize("role", WRITERS)
@pytest.mark.parametrize(
    "change", ["progress = 0.5", "version = 1", "version = 99", "status = status"]
)
def test_the_version_grows_by_one_with_every_update_whatever_it_says(connection, role, change):
    job_id, user = put_job(connection)
    for expected in (2, 3):
        with acting_as(connection, role, user):
            assert (
                outcome(
                    connection, f"update public.video_jobs set {change} where id = %s", (job_id,)
                )
                == "done"
            )
        row = connection.execute(
            "select version from public.video_jobs where id = %s", (job_id,)
        ).fetchone()
        assert row == (expected,)


@pytest.mark.parametrize("role", WRITERS)
def test_an_update_moves_updated_at_to_the_databases_clock(connection, role):
    job_id, user = put_job(connection)
    connection.execute("select set_config('photoplay.test_now', '2031-02-03T04:05:06Z', true)")
    with acting_as(connection, role, user):
        outcome(
            connection,
            "update public.video_jobs set progress = 0.1, updated_at = '2020-01-01' where id = %s",
            (job_id,),
        )
    row = connection.execute(
        "select to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') "
        "from public.video_jobs where id = %s",
        (job_id,),
    ).fetchone()
    assert row == ("2031-02-03 04:05:06",)


def events_of(connection: psycopg.Connection, job_id: UUID) -> list[tuple[str, int, str, str]]:
    return connection.execute(
        "select kind, version, status, phase from photoplay.events where job_id = %s order by id",
        (job_id,),
    ).fetchall()


def test_each_state_change_is_one_event_and_anything_else_is_none(connection):
    job_id, user, attempt_id = uuid4(), uuid4(), uuid4()

    def change(assignments: str) -> None:
        statement = f"update public.video_jobs set {assignments} where id = %s"
        assert outcome(connection, statement, (job_id,)) == "done"

    connection.execute(
        "insert into public.video_jobs (id, user_id, source_image_url) values (%s, %s, 'x')",
        (job_id, user),
    )
    change("phase = 'preparing'")
    change("progress = 0.2")
    change("phase = phase, cost_usd = 1")
    # Status and phase in one update are one change of state.
    change("status = 'running', phase = 'submitting'")
    connection.execute(
        "insert into photoplay.attempts (id, job_id, user_id, n, provider, model, fence, callback_token) "
        "values (%s, %s, %s, 1, 'p', 'm', 1, %s)",
        (attempt_id, job_id, user, uuid4().hex),
    )
    connection.execute("update photoplay.attempts set error = 'x' where id = %s", (attempt_id,))
    connection.execute(
        "update photoplay.attempts set status = 'failed' where id = %s", (attempt_id,)
    )
    change(
        "status = 'failed', phase = 'done', finished_at = now(), error = 'text for the user', "
        """failure = '{"code": "expired", "charged": null, "message": "text for the user"}'"""
    )
    assert events_of(connection, job_id) == [
        ("job.queued", 1, "queued", "accepted"),
        ("phase.preparing", 2, "queued", "preparing"),
        ("job.running", 5, "running", "submitting"),
        ("attempt.submitting", 5, "running", "submitting"),
        ("attempt.failed", 5, "running", "submitting"),
        ("job.failed", 6, "failed", "done"),
    ]
    kept = connection.execute(
        "select data from photoplay.events where job_id = %s and kind = 'job.failed'", (job_id,)
    ).fetchone()
    # Content stays out of the events: code and money, no text.
    assert kept == ({"code": "expired", "charged": None},)


def test_an_event_and_its_notification_go_with_a_rolled_back_change(owner, owner_dsn):
    job_id, user = uuid4(), uuid4()
    owner.execute(
        "insert into public.video_jobs (id, user_id, source_image_url) values (%s, %s, 'x')",
        (job_id, user),
    )
    with psycopg.connect(owner_dsn, autocommit=True) as listener:
        listener.execute("listen photoplay_jobs")
        with owner.transaction(force_rollback=True):
            owner.execute(
                "update public.video_jobs set phase = 'preparing' where id = %s", (job_id,)
            )
            assert len(events_of(owner, job_id)) == 2
        assert events_of(owner, job_id) == [("job.queued", 1, "queued", "accepted")]
        owner.execute("update public.video_jobs set progress = 0.5 where id = %s", (job_id,))
        # The first notification to come is the committed change's; the rolled back one left none.
        note = next(listener.notifies(timeout=30, stop_after=1))
        assert note.payload == f"{job_id}:2"


def test_names_that_clients_of_the_older_system_know_exist(connection):
    columns = dict(
        connection.execute(
            "select column_name, data_type from information_schema.columns "
            "where table_schema = 'public' and table_name = 'video_jobs'"
        ).fetchall()
    )
    instant = "timestamp with time zone"
    older = {
        "id": "uuid", "created_at": instant, "updated_at": instant, "user_id": "uuid",
        "source_image_url": "text", "provider": "text", "provider_job_id": "text",
        "status": "text", "error": "text", "output_video_url": "text", "options": "jsonb",
        "client_request_id": "text",
    }  # fmt: skip
    assert older.items() <= columns.items()
    quota = connection.execute(
        "select array_agg(column_name::text order by column_name) from information_schema.columns "
        "where table_schema = 'public' and table_name = 'video_quota'"
    ).fetchone()
    assert quota == (["count", "created_at", "date", "id", "updated_at", "user_id"],)
    index = connection.execute(
        "select pg_get_indexdef(indexrelid) from pg_index "
        "where indexrelid = 'public.idx_video_jobs_client_request_id'::regclass"
    ).fetchone()
    assert index == (
        "CREATE UNIQUE INDEX idx_video_jobs_client_request_id ON public.video_jobs "
        "USING btree (user_id, client_request_id) WHERE (client_request_id IS NOT NULL)",
    )
