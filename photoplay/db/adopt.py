"""Bring the tables of an older system close to our rules while it goes on working.

What must be done at one moment is in the migrations (`0000_pre_tables.sql`, `0003_pre_jobs.sql`), and
they do all of it by themselves; done here beforehand, in batches and without keeping anybody from the
tables, it makes that moment short. Every step may be stopped and run again.
"""

from __future__ import annotations

import re
from typing import Final, LiteralString, cast
from uuid import UUID

import psycopg
from psycopg import errors, sql

_BATCH: Final = 5_000
_INDEX: Final = re.compile(r"create (unique )?index if not exists (\w+)\s+on ([^;]+);")


def prepare(connection: psycopg.Connection, rules: str) -> None:
    """Adopt ended jobs in batches and build the indexes; in an empty database nothing happens.

    Args:
        connection: autocommit; every batch is its own transaction.
        rules: SQL of the migration that comes next, for its indexes.
    """
    rows = connection.execute("select exists (select from public.video_jobs)").fetchone()
    if rows == (False,):
        return
    last = UUID(int=0)
    while last is not None:
        row = connection.execute("select photoplay.adopt_ended(%s, %s)", (last, _BATCH)).fetchone()
        last = row[0] if row else None
    for unique, name, rest in _INDEX.findall(rules):
        _build(
            connection, name, f"create {unique}index concurrently if not exists {name} on {rest}"
        )


def _build(connection: psycopg.Connection, name: str, statement: str) -> None:
    """Build an index without keeping writers waiting; one left unfinished by a crash is made anew."""
    drop = sql.SQL("drop index concurrently if exists public.{}").format(sql.Identifier(name))
    unfinished = connection.execute(
        "select from pg_index where indexrelid = to_regclass('public.' || quote_ident(%s)) and not indisvalid",
        (name,),
    ).fetchone()
    if unfinished is not None:
        connection.execute(drop)
    try:
        connection.execute(sql.SQL(cast("LiteralString", statement)))
    except errors.UniqueViolation:
        # Counters that a race doubled: the migration merges them, then builds it.
        connection.execute(drop)
