"""Fault 39 in SQL: of 1,000 users each does every operation to every row, and reaches its own alone."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.conftest import copied_database
from tests.db.rights import RIGHTS, TABLES, right

pytestmark = pytest.mark.fault(39)
USERS = 1000
ROLES = ("authenticated", "photoplay_api")
# Rows that belong to nobody are in no question here.
OWNED = [name for name, table in TABLES.items() if table.owner != "''"]

# One user after another at one table: what it finds of its own, and of others, by one operation on all
# rows. The operation is undone each time, so that the next user finds everything again.
SETUP = f"""
create temporary table users as
    select n as number, gen_random_uuid() as id, gen_random_uuid() as job
    from generate_series(1, {USERS}) n;
create temporary table seen (id uuid, own bigint, others bigint);

create procedure pg_temp.sweep(p_statement text, p_role text) language plpgsql as $$
declare
    this record;
    seen record;
begin
    for this in select id from pg_temp.users loop
        perform set_config(
            'request.jwt.claims', json_build_object('sub', this.id, 'role', 'authenticated')::text, true
        );
        begin
            perform set_config('role', p_role, true);
            execute p_statement into seen using this.id::text;
            raise exception using errcode = 'P0042';
        exception when sqlstate 'P0042' then
            insert into pg_temp.seen values (this.id, seen.own, seen.others);
        end;
    end loop;
end
$$;

-- A row of each user, or, as a role, a row for the user's neighbour: how many of those were written.
create function pg_temp.write(p_statement text, p_role text default null) returns bigint
language plpgsql as $$
declare
    this record;
    written bigint := 0;
begin
    for this in
        select id, job, number, lead(id, 1, first_id) over (order by number) as neighbour
        from pg_temp.users, (select id as first_id from pg_temp.users where number = 1) as first
    loop
        perform set_config('request.jwt.claims', json_build_object('sub', this.id)::text, true);
        begin
            if p_role is not null then
                perform set_config('role', p_role, true);
            end if;
            execute replace(replace(replace(replace(p_statement,
                '{{user}}', case when p_role is null then this.id else this.neighbour end::text),
                '{{job}}', this.job::text), '{{new}}', gen_random_uuid()::text),
                '{{number}}', (this.number + case when p_role is null then 0 else 1000000 end)::text);
            written := written + 1;
        exception when insufficient_privilege then
            null;
        end;
        perform set_config('role', 'none', true);
    end loop;
    return written;
end
$$;
"""


@pytest.fixture(scope="module")
def world(postgres, template) -> Iterator[psycopg.Connection]:
    """A database in which every user has a row in every table."""
    with (
        copied_database(postgres, template) as name,
        psycopg.connect(postgres.dsn(dbname=name), autocommit=True) as connection,
    ):
        connection.execute(sql.SQL(SETUP))
        connection.execute(
            "insert into public.video_jobs (id, user_id, source_image_url) select job, id, 'x' from users"
        )
        for table in OWNED:
            assert write(connection, table) == USERS
        connection.execute("analyze")
        yield connection


def write(connection: psycopg.Connection, table: str, role: str | None = None) -> int:
    statement = f"insert into {table} as t {TABLES[table].insert}"
    row = connection.execute("select pg_temp.write(%s, %s)", (statement, role)).fetchone()
    assert row is not None
    return row[0]


def counting(table: str, operation: str) -> str:
    """A statement that does the operation to all rows there are and counts whose they were."""
    owner = TABLES[table].owner
    rows = {
        "select": f"select {owner} as owner from {table} t",
        "update": f"update {table} t set {TABLES[table].update} returning {owner} as owner",
        "delete": f"delete from {table} t returning {owner} as owner",
    }[operation]
    return (
        f"with reached as ({rows}) select count(*) filter (where owner = $1) as own, "
        "count(*) filter (where owner is distinct from $1) as others from reached"
    )


CASES = [
    (table, operation, role)
    for table in OWNED
    for role in ROLES
    for operation in ("select", "update", "delete")
    if right(table, role, operation) != "-"
]


def test_there_is_something_to_look_at():
    assert len(OWNED) >= 9
    assert (
        {"public.video_jobs", "photoplay.attempts", "photoplay.events"} <= set(OWNED) <= set(RIGHTS)
    )
    assert len(CASES) > 15


@pytest.mark.parametrize(("table", "operation", "role"), CASES)
def test_of_a_thousand_users_each_reaches_its_own_rows_alone(world, table, operation, role):
    held = dict(
        world.execute(
            sql.SQL(f"select {TABLES[table].owner}, count(*) from {table} t group by 1")
        ).fetchall()
    )
    with world.transaction(force_rollback=True):
        world.execute("call pg_temp.sweep(%s, %s)", (counting(table, operation), role))
        seen = world.execute("select id::text, own, others from seen").fetchall()
    assert len(seen) == USERS
    # The row that holds for everybody is not another user's.
    everybody = held.get(None, 0) if right(table, role, operation) == "d" else 0
    wrong = [row for row in seen if row[1:] != (held[row[0]], everybody)]
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_of_a_thousand_users_none_writes_a_row_that_is_anothers(world, role):
    tables = [table for table in OWNED if right(table, role, "insert") != "-"]
    assert bool(tables) == (role == "photoplay_api")
    with world.transaction(force_rollback=True):
        assert {table: write(world, table, role) for table in tables} == dict.fromkeys(tables, 0)
