"""The rules of `lints/database.py`: the schema keeps them, and each of them sees its mistake."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from lints.database import RULES, problems, unlisted

pytestmark = pytest.mark.fault(40)
NOTES = (
    "create table photoplay.notes (id uuid primary key, user_id uuid);"
    "alter table photoplay.notes enable row level security, force row level security;"
)
MISTAKES = {
    "row-level security is off": "create table public.notes (id uuid primary key)",
    "the owner is not held to": "alter table public.video_jobs no force row level security",
    "nobody has a policy": NOTES,
    "not in force": "alter table public.video_quota disable row level security",
    "clients through without a condition": (
        "create policy everything on public.video_jobs for select to authenticated using (true)"
    ),
    "for every row anew": (
        NOTES + "create policy own on photoplay.notes for select using (user_id = auth.uid())"
    ),
    "trusts what users may change": (
        NOTES + "create policy own on photoplay.notes using"
        " (current_setting('request.jwt.claims')::jsonb #>> '{user_metadata,role}' = 'admin')"
    ),
    "several policies let one role": (
        "create policy again on public.video_jobs for select to authenticated"
        " using (user_id = (select auth.uid()))"
    ),
    "a foreign key has no index": (
        "alter table photoplay.events"
        " add foreign key (user_id) references photoplay.limits (user_id)"
    ),
    "no primary key": "create table photoplay.notes (user_id uuid)",
    "two indexes are the same": "create index again on photoplay.events (job_id, id)",
    "a view reads with": "create view public.everything as select * from public.video_jobs",
    "materialized view": (
        "create materialized view public.everything as select * from public.video_jobs;"
        "grant select on public.everything to authenticated"
    ),
    "no search path": (
        "create function photoplay.nothing() returns int language sql as 'select 1'"
    ),
    "everybody may execute": (
        "create function photoplay.nothing() returns int language sql as 'select 1'"
    ),
    "anon has a right": "grant select (id) on public.video_jobs to anon",
    "more than read": "grant update (status) on public.video_jobs to authenticated",
    "looks like a secret": "grant select on photoplay.attempts to authenticated",
    "no policy lets it use": "grant insert on public.video_quota to photoplay_worker, authenticated",
    "more than a set of grants": "alter role photoplay_worker bypassrls",
}


@pytest.fixture(scope="module")
def connection(server_dsn) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server_dsn, autocommit=True) as opened:
        yield opened


def test_the_schema_keeps_every_rule(connection):
    assert problems(connection) == {}
    assert unlisted(connection) == []


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_sees_its_mistake(connection, rule):
    mistakes = [statement for part, statement in MISTAKES.items() if part in rule]
    assert len(mistakes) == 1
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL(mistakes[0]))
        assert rule in problems(connection)


def test_a_table_without_a_line_in_the_matrix_is_named(connection):
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL(NOTES))
        assert unlisted(connection) == ["photoplay.notes"]
