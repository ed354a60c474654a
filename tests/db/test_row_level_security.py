"""Who sees and writes which rows, whatever SQL reaches the database: `rights.py` as a matrix."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors, sql

from tests.db.rights import FUNCTIONS, OPERATIONS, RIGHTS, ROLES, TABLES, right

USER, OTHER = uuid4(), uuid4()
LOCK = 32
pytestmark = pytest.mark.fault(40)
_numbers = itertools.count(1000)


class Rows:
    """A database with a row of each of two users in every table."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.jobs: dict[UUID, UUID] = {}
        for user in (USER, OTHER):
            self.jobs[user] = uuid4()
            connection.execute(
                "insert into public.video_jobs (id, user_id, source_image_url) values (%s, %s, 'x')",
                (self.jobs[user], user),
            )
            for table in TABLES:
                connection.execute(self.insertion(table, user))

    def insertion(self, table: str, user: UUID) -> sql.SQL:
        spare_job = uuid4()
        if "{spare_job}" in TABLES[table].insert:
            with as_owner(self.connection):
                self.connection.execute(
                    "insert into public.video_jobs (id, user_id, source_image_url) "
                    "values (%s, %s, 'x')",
                    (spare_job, user),
                )
        values = TABLES[table].insert.format(
            user=user, new=uuid4(), job=self.jobs[user], number=next(_numbers), spare_job=spare_job
        )
        return sql.SQL(f"insert into {table} as t {values}")


@contextmanager
def as_owner(connection: psycopg.Connection) -> Iterator[None]:
    acting = connection.execute("select current_setting('role')").fetchone()
    connection.execute("reset role")
    yield
    connection.execute("select set_config('role', %s, true)", acting)


@pytest.fixture(scope="module")
def rows(server_dsn) -> Iterator[Rows]:
    with psycopg.connect(server_dsn) as connection:
        yield Rows(connection)
        connection.rollback()


@contextmanager
def acting_as(rows: Rows, role: str, user: UUID | None) -> Iterator[psycopg.Connection]:
    """A transaction of a role with a user's claims, undone afterwards."""
    claims = json.dumps({"sub": str(user), "role": "authenticated"}) if user else ""
    with rows.connection.transaction(force_rollback=True):
        rows.connection.execute(
            "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
            (claims, role),
        )
        yield rows.connection


def whose(rows: Rows, statement: str) -> str:
    """Return the letter of the matrix that a select, update or delete shows."""
    try:
        with rows.connection.transaction():
            owners = {r[0] for r in rows.connection.execute(sql.SQL(statement)).fetchall()}
    except errors.InsufficientPrivilege:
        return "-"
    match str(USER) in owners, str(OTHER) in owners, None in owners:
        case False, False, False if not owners:
            return "nothing"
        case True, False, False:
            return "o"
        case True, False, True:
            return "d"
        case _:
            return "a"


def accepted(rows: Rows, table: str, user: UUID) -> bool:
    statement = rows.insertion(table, user)
    try:
        with rows.connection.transaction():
            rows.connection.execute(statement)
    except errors.InsufficientPrivilege:
        return False
    return True


def found(rows: Rows, table: str, operation: str) -> str:
    owner = TABLES[table].owner
    match operation:
        case "select":
            return whose(rows, f"select {owner} from {table} as t")
        case "insert":
            own, foreign = (accepted(rows, table, user) for user in (USER, OTHER))
            return {(False, False): "-", (True, False): "o", (True, True): "a"}[own, foreign]
        case "update":
            return whose(rows, f"update {table} as t set {TABLES[table].update} returning {owner}")
        case _:
            return whose(rows, f"delete from {table} as t returning {owner}")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", RIGHTS)
def test_a_role_reaches_exactly_the_rows_of_the_matrix(rows, table, role):
    for operation in OPERATIONS:
        with acting_as(rows, role, USER):
            assert found(rows, table, operation) == right(table, role, operation), operation


@pytest.mark.parametrize("role", ["authenticated", "photoplay_api"])
@pytest.mark.parametrize("table", RIGHTS)
def test_unset_claims_see_and_touch_no_rows(rows, table, role):
    for operation in ("select", "update", "delete"):
        letter = right(table, role, operation)
        with acting_as(rows, role, None):
            said = found(rows, table, operation)
        # Limits that hold for everybody name nobody.
        assert said == ({"-": "-", "d": "a"}.get(letter, "nothing")), operation
    if right(table, role, "insert") != "-":
        with acting_as(rows, role, None):
            assert found(rows, table, "insert") == "-"


def test_only_the_login_of_our_processes_may_become_another_role(rows):
    # Only the login of our processes is a member of anything, and it inherits nothing.
    members = rows.connection.execute(
        "select member::regrole::text, roleid::regrole::text, inherit_option from pg_auth_members "
        "where member::regrole::text = any(%s)",
        (list(ROLES),),
    ).fetchall()
    assert {member for member, _, _ in members} == {"photoplay_app"}
    assert not any(inherits for _, _, inherits in members)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_executes_exactly_its_functions(rows, role):
    allowed = rows.connection.execute(
        "select proname from pg_proc where pronamespace = 'photoplay'::regnamespace "
        "and prorettype <> 'trigger'::regtype and has_schema_privilege(%(role)s, 'photoplay', 'usage') "
        "and has_function_privilege(%(role)s, oid, 'execute')",
        {"role": role},
    ).fetchall()
    assert {name for (name,) in allowed} == {f for f, to in FUNCTIONS.items() if role in to}


CALLS = {
    "create_job": "photoplay.create_job("
    "gen_random_uuid(), null, 'f', null, 'x', null, '{}', 'local', '1 s')",
    "claim_job": "photoplay.claim_job(gen_random_uuid(), 1, gen_random_uuid(), '1 s')",
    "return_unit": "photoplay.return_unit(gen_random_uuid())",
    "hold_lease": "photoplay.hold_lease(gen_random_uuid(), 1)",
    "wake": "photoplay.wake(gen_random_uuid())",
}


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "photoplay_app"])
@pytest.mark.parametrize("function", CALLS)
def test_nothing_that_writes_can_be_called_around_the_api(rows, role, function):
    with acting_as(rows, role, USER), pytest.raises(errors.InsufficientPrivilege):
        rows.connection.execute(sql.SQL(f"select {CALLS[function]}"))


def test_the_worker_follows_jobs_and_creates_none(rows):
    for statement in (
        f"select {CALLS['create_job']}",
        "insert into public.video_jobs (id, user_id, source_image_url) "
        f"values (gen_random_uuid(), '{USER}', 'x')",
    ):
        with acting_as(rows, "photoplay_worker", USER), pytest.raises(errors.InsufficientPrivilege):
            rows.connection.execute(sql.SQL(statement))


@pytest.mark.parametrize("column", ["callback_token", "fence", "outcome", "provider_task_id"])
def test_a_user_reads_no_secret_of_its_own_attempts(rows, column):
    with acting_as(rows, "authenticated", USER), pytest.raises(errors.InsufficientPrivilege):
        rows.connection.execute(sql.SQL(f"select {column} from photoplay.attempts"))


def test_creating_needs_a_user_in_the_claims(rows):
    with (
        acting_as(rows, "photoplay_api", None),
        pytest.raises(errors.InsufficientPrivilege, match="no user"),
    ):
        rows.connection.execute(sql.SQL(f"select {CALLS['create_job']}"))


@pytest.mark.parametrize(
    "claims", ["not json", '{"sub": "not a uuid"}', '{"sub": ""}', "{}", "null", '{"sub": null}']
)
def test_unreadable_claims_reach_nothing(rows, claims):
    with acting_as(rows, "authenticated", None):
        rows.connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        try:
            seen = rows.connection.execute("select count(*) from public.video_jobs").fetchone()
        except psycopg.DataError:
            seen = (0,)
    assert seen == (0,)
