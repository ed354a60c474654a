"""A Postgres prepared the way Supabase prepares a project's, in a server of its own.

Its roles have other attributes than those of plain Postgres (`service_role` bypasses policies), and
roles belong to the whole server; so it shares none with the other tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from photoplay import embedded
from photoplay.db.migrate import migrate

OWNER = "project_owner"
"""The project's own role: what `postgres` is at Supabase, no superuser and owner of the database."""
PROJECT = "photoplay_test_project"
"""A database without anything of ours, to copy from."""
MIGRATED = "photoplay_test_project_migrated"
"""The same with our schema, to copy from."""

_SETUP = Path(__file__).with_suffix(".sql")


def prepare(server: embedded.EmbeddedPostgres) -> None:
    """Make the roles of the server and both databases; once a server."""
    with psycopg.connect(server.dsn(dbname="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(PROJECT)))
        with psycopg.connect(server.dsn(dbname=PROJECT), autocommit=True) as inside:
            inside.execute(_SETUP.read_text("utf-8").encode())
        _copy(connection, PROJECT, MIGRATED)
    migrate(server.dsn(OWNER, MIGRATED))


@contextmanager
def copied_project(server: embedded.EmbeddedPostgres, template: str) -> Iterator[str]:
    """Give the name of a fresh copy of one of the databases, which the project's owner owns."""
    name = f"photoplay_test_{uuid4().hex[:12]}"
    with psycopg.connect(server.dsn(dbname="postgres"), autocommit=True) as connection:
        _copy(connection, template, name)
        yield name
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _copy(connection: psycopg.Connection, template: str, name: str) -> None:
    connection.execute(
        sql.SQL("create database {} template {} owner {} strategy file_copy").format(
            *map(sql.Identifier, (name, template, OWNER))
        )
    )
