"""Migrations: from nothing, twice, at once, edited, broken half-way."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from photoplay.db import migrate as migrations
from photoplay.db.errors import SchemaError
from photoplay.db.migrate import Migration, all_migrations, migrate, pending
from scripts import schema

NAMES = [m.name for m in all_migrations()]


@pytest.fixture
def empty(postgres) -> Iterator[str]:
    """Address of a database with nothing in it."""
    name = f"photoplay_test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn(dbname="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield postgres.dsn(dbname=name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def look(dsn: str, query: str) -> list[tuple]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(sql.SQL(query)).fetchall()


def applied(dsn: str) -> list[tuple]:
    return look(
        dsn, "select name, checksum, applied_at from photoplay.schema_migrations order by name"
    )


def test_an_empty_database_is_brought_to_this_release_and_a_second_time_changes_nothing(empty):
    assert [m.name for m in pending(empty)] == NAMES
    assert look(empty, "select to_regclass('photoplay.schema_migrations')") == [(None,)]
    assert [m.name for m in migrate(empty)] == NAMES
    before = applied(empty)
    assert [(name, checksum) for name, checksum, _ in before] == [
        (m.name, m.checksum) for m in all_migrations()
    ]
    assert pending(empty) == []
    assert migrate(empty) == []
    assert applied(empty) == before


def test_processes_that_start_at_once_apply_each_migration_once(empty):
    program = (
        "import sys; from photoplay.db.migrate import migrate\n"
        "print(' '.join(m.name for m in migrate(sys.argv[1])))"
    )
    with psycopg.connect(empty, autocommit=True) as gate:
        gate.execute("select pg_advisory_lock(%s)", (migrations._LOCK_KEY,))
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", program, empty], stdout=subprocess.PIPE, text=True
            )
            for _ in range(3)
        ]
        # All of them stand at the lock before the first may pass.
        waiting = (
            "select count(*) from pg_stat_activity where datname = current_database() "
            "and query like '%pg_try_advisory_lock%' and pid <> pg_backend_pid()"
        )
        while gate.execute(waiting).fetchone() != (3,):
            assert all(r.poll() is None for r in racers)
        gate.execute("select pg_advisory_unlock(%s)", (migrations._LOCK_KEY,))
        said = [r.communicate(timeout=60)[0].split() for r in racers]
    assert [r.returncode for r in racers] == [0, 0, 0]
    assert sorted(said) == [[], [], NAMES]


def with_migrations(monkeypatch: pytest.MonkeyPatch, *files: Migration) -> None:
    monkeypatch.setattr(migrations, "all_migrations", lambda: files)


def test_an_applied_file_that_was_edited_is_refused_and_nothing_runs(empty, monkeypatch):
    first, *rest = all_migrations()
    migrate(empty)
    edited = Migration(first.name, first.statement + "\n-- a later thought")
    new = Migration("9999_pre_new", "create table public.new (x integer)")
    with_migrations(monkeypatch, edited, *rest, new)
    for act in (pending, migrate):
        with pytest.raises(SchemaError, match=f"{first.name} was edited") as refused:
            act(empty)
        assert refused.value.code == "schema_out_of_date"
    assert look(empty, "select to_regclass('public.new')") == [(None,)]


def test_a_migration_that_fails_leaves_nothing_of_itself_and_can_be_run_again(empty, monkeypatch):
    good = Migration("9998_pre_good", "create table public.good (x integer)")
    broken = Migration("9999_pre_half", "create table public.half (x integer); select 1 / 0")
    with_migrations(monkeypatch, *all_migrations(), good, broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty)
    assert [name for name, _, _ in applied(empty)] == [*NAMES, "9998_pre_good"]
    assert look(empty, "select to_regclass('public.good')::text, to_regclass('public.half')") == [
        ("good", None)
    ]
    mended = Migration("9999_pre_half", "create table public.half (x integer)")
    with_migrations(monkeypatch, *all_migrations(), good, mended)
    assert [m.name for m in migrate(empty)] == ["9999_pre_half"]


def test_a_migration_gives_up_on_a_lock_instead_of_stopping_everybody(empty, monkeypatch):
    asks = Migration(
        "9999_pre_asks",
        "create table public.seen as select current_setting('lock_timeout') as patience",
    )
    with_migrations(monkeypatch, *all_migrations(), asks)
    migrate(empty)
    assert look(empty, "select patience from public.seen") == [("2s",)]


def test_an_owner_that_made_the_roles_itself_can_act_as_each_of_them(postgres, template):
    """On a managed Postgres: may create roles, and is no superuser.

    From version 16 on, creating a role makes its maker a member with admin rights alone.
    """
    name = f"photoplay_test_{uuid4().hex[:12]}"
    maker, database = sql.Identifier(f"{name}_maker"), sql.Identifier(name)
    roles = ("authenticated", "photoplay_api", "photoplay_worker", "photoplay_admin")
    with psycopg.connect(postgres.dsn(dbname="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login createrole").format(maker))
        for role in (*roles, "anon", "service_role"):
            connection.execute(
                sql.SQL("grant {} to {} with admin true, inherit false, set false").format(
                    sql.Identifier(role), maker
                )
            )
        connection.execute(sql.SQL("create database {} owner {}").format(database, maker))
        try:
            migrate(postgres.dsn(f"{name}_maker", name))
            with psycopg.connect(postgres.dsn(f"{name}_maker", name)) as session:
                for role in roles:
                    session.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(database))
            connection.execute(sql.SQL("drop owned by {} cascade").format(maker))
            connection.execute(sql.SQL("drop role {}").format(maker))


def test_a_server_that_is_too_old_is_named(empty, monkeypatch):
    monkeypatch.setattr(migrations, "MINIMUM_SERVER_VERSION", 990000)
    with pytest.raises(SchemaError, match="is too old; Photoplay needs"):
        migrate(empty)
    assert look(empty, "select to_regnamespace('photoplay')") == [(None,)]


def test_the_schema_of_the_repository_is_the_sum_of_the_migrations(empty, monkeypatch):
    class Server:
        """The test's own server in place of one that the script would start."""

        def dsn(self) -> str:
            return empty

        def release(self) -> None:
            pass

    monkeypatch.setattr(schema.embedded, "use", lambda *_, **__: Server())
    assert schema.dumped() == schema.TARGET.read_text("utf-8")


def test_every_migration_says_why_and_what_it_locks():
    numbers = [m.name.partition("_")[0] for m in all_migrations()]
    assert len(set(numbers)) == len(numbers)
    for migration in all_migrations():
        assert re.match(r"\d{4}_(pre|post)_[a-z]", migration.name), migration.name
        header = migration.statement.partition("\n\n")[0]
        assert header.startswith("-- ")
        assert "Lock:" in header, migration.name
        assert "Duration" in header, migration.name
