"""Bring a database to the schema of this release, from plain SQL files.

Each file runs in its own transaction together with its row in `photoplay.schema_migrations`, under
one advisory lock, so any number of servers may start at once. A file that was applied and edited
afterwards is refused: history is never rewritten. A file that does not get its locks soon lets everybody
else pass, and is tried again.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import LiteralString, cast

import psycopg
from psycopg import errors, sql

from photoplay.db import adopt
from photoplay.db.errors import SchemaError

MINIMUM_SERVER_VERSION = 150000
_LOCK_KEY = 0x70686F746F
_TURN_S = 0.05
_LOCK_TIMEOUT = "2s"
_LOCK_TRIES = 30
_LOCK_PAUSE_S = 1.0
_RULES = "0003_pre_jobs"
BOOKKEEPING: LiteralString = """
create schema if not exists photoplay;
create table if not exists photoplay.schema_migrations (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp()
);
alter table photoplay.schema_migrations enable row level security;
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `migrations/`, in the order of its name.

    Attributes:
        name: file name without suffix, e.g. `0003_pre_jobs`.
        statement: its SQL.
        checksum: SHA-256 of the SQL, hexadecimal.
    """

    name: str
    statement: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.statement.encode()).hexdigest()


@cache
def all_migrations() -> tuple[Migration, ...]:
    """Return every migration of this release, oldest first."""
    folder = resources.files("photoplay.db").joinpath("migrations")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(Migration(f.name.removesuffix(".sql"), f.read_text("utf-8")) for f in files)


def pending(dsn: str) -> list[Migration]:
    """Return the migrations that this database lacks, oldest first; changes nothing.

    Raises:
        SchemaError: the server is too old, or an applied file was edited.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        return _pending(connection)


def migrate(dsn: str) -> list[Migration]:
    """Apply what is missing and return it; safe to run twice, at once, and after a crash.

    Args:
        dsn: address of the database as its owner; must be a direct connection, not a
            transaction-mode pooler, because the lock belongs to the session.

    Raises:
        SchemaError: the server is too old, or an applied file was edited.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Not waited for in the database: building an index there waits for everybody who waits.
        while connection.execute("select pg_try_advisory_lock(%s)", (_LOCK_KEY,)).fetchone() != (
            True,
        ):
            time.sleep(_TURN_S)
        missing = _pending(connection)
        if missing:
            connection.execute(BOOKKEEPING)
        for migration in missing:
            if migration.name == _RULES:
                adopt.prepare(connection, migration.statement)
            _apply(connection, migration)
        return missing


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    for left in reversed(range(_LOCK_TRIES)):
        try:
            with connection.transaction():
                connection.execute(sql.SQL("set local lock_timeout = {}").format(_LOCK_TIMEOUT))
                connection.execute(sql.SQL(cast("LiteralString", migration.statement)))
                connection.execute(
                    "insert into photoplay.schema_migrations (name, checksum) values (%s, %s)",
                    (migration.name, migration.checksum),
                )
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            if left == 0:
                raise SchemaError(
                    f"migration {migration.name} did not get its locks: another session has the tables "
                    "open in a long transaction; end that one and migrate again"
                ) from error
            time.sleep(_LOCK_PAUSE_S)
        except errors.RaiseException as error:
            # Written by us for the person who migrates.
            raise SchemaError(
                f"migration {migration.name}: {error.diag.message_primary}"
            ) from error
        else:
            return


def _pending(connection: psycopg.Connection) -> list[Migration]:
    if connection.info.server_version < MINIMUM_SERVER_VERSION:
        raise SchemaError(
            f"Postgres {connection.info.server_version // 10000} is too old; Photoplay needs 15 or newer"
        )
    applied: dict[str, str] = {}
    known = connection.execute("select to_regclass('photoplay.schema_migrations')").fetchone()
    if known and known[0] is not None:
        rows = connection.execute("select name, checksum from photoplay.schema_migrations")
        applied = {str(name): str(checksum) for name, checksum in rows}
    for migration in all_migrations():
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise SchemaError(
                f"migration {migration.name} was edited after it was applied to this database; "
                "restore the file and put the change into a new one"
            )
    return [m for m in all_migrations() if m.name not in applied]
