"""Connections and transactions, each with the role and the claims it may act with.

A transaction begins by setting role and claims for itself alone (`set_config(…, true)`), so nothing
is left on a pooled connection, also behind a transaction-mode pooler and after an exception.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Final, LiteralString, ParamSpec, TypeVar
from uuid import UUID

import psycopg
import psycopg_pool
from psycopg.rows import DictRow, dict_row

from photoplay.db.errors import RaceLostError, translated
from photoplay.db.queries import load

# A pipeline that fails logs the statements it had to skip, with parameters' positions: noise for us.
logging.getLogger("psycopg").setLevel(logging.ERROR)
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

Connection = psycopg.AsyncConnection[DictRow]
P = ParamSpec("P")
T = TypeVar("T")
_REPETITIONS: Final = 2


def uninterrupted(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let a transaction end before the cancellation of its caller is felt, and repeat one that lost a race.

    Cut off in the middle of a statement, the connection would be lost and nobody would know whether it
    had committed. The loser of a deadlock or a serialization failure is known to have left nothing
    behind; it runs again, at most twice.

    Args:
        work: one transaction and nothing else.
    """

    async def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_REPETITIONS):
            with contextlib.suppress(RaceLostError):
                return await work(*args, **kwargs)
            # Both of two losers would only meet again.
            await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311 -- spreads, hides nothing
        return await work(*args, **kwargs)

    @functools.wraps(work)
    async def until_its_end(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.create_task(repeated(*args, **kwargs))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            if not task.cancelled():
                # Whoever was cancelled does not want to know how it ended.
                task.exception()
            raise

    return until_its_end


_ENTER: LiteralString = (
    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true), "
    "set_config('statement_timeout', %s, true), "
    "set_config('idle_in_transaction_session_timeout', %s, true)"
)
_STOPPED_AFTER: Final = timedelta(seconds=10)
"""A process that stops in the middle of a transaction (paused, cut off) loses it, and with it the locks
that others wait for."""


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose behalf a transaction runs.

    Attributes:
        role: the database role; it has only the grants listed in docs/operations.md.
        claims: what policies read; `sub` is the user.
    """

    role: str
    claims: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def claims_json(self) -> str:
        return json.dumps(dict(self.claims), separators=(",", ":")) if self.claims else ""


def reader(user_id: UUID) -> Scope:
    """Return the scope of a request that only reads: the user's own rows."""
    return Scope("authenticated", {"sub": str(user_id), "role": "authenticated"})


def writer(user_id: UUID) -> Scope:
    """Return the scope of a request that writes for its user."""
    return Scope("photoplay_api", {"sub": str(user_id), "role": "authenticated"})


def operator(user_id: UUID) -> Scope:
    """Return the scope of the operator's own command line acting for a user: no daily limit."""
    return Scope("photoplay_admin", {"sub": str(user_id), "role": "service_role"})


WORKER = Scope("photoplay_worker")
ADMIN = Scope("photoplay_admin")


class Transaction:
    """Statements of one open transaction, by name of their file."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run(self, query: str, **values: object) -> int:
        """Run a statement and return the number of rows it touched."""
        return (await self._connection.execute(load(query), values)).rowcount

    async def one(self, query: str, **values: object) -> DictRow | None:
        """Return the first row of a statement, or None."""
        return await (await self._connection.execute(load(query), values)).fetchone()

    async def all(self, query: str, **values: object) -> list[DictRow]:
        """Return every row of a statement."""
        return await (await self._connection.execute(load(query), values)).fetchall()


class Database:
    """A pool of connections to one Postgres.

    Args:
        dsn: `postgresql://` address; its login role must be a member of our roles.
        size: connections at most.
        pooled: true behind a transaction-mode pooler; prepared statements are then not used.
        application_name: shown in pg_stat_activity.
        session_role: role of every session from its start, for statements that are not ours (the
            engine's); only on direct connections.
        statement_timeout: a statement that takes longer is given up; None lets it take its time.
    """

    def __init__(
        self,
        dsn: str,
        *,
        size: int = 10,
        pooled: bool = False,
        application_name: str = "photoplay",
        session_role: str | None = None,
        statement_timeout: timedelta | None = None,
    ) -> None:
        self.dsn = dsn
        # Set in each transaction: a transaction-mode pooler knows no settings of a connection.
        self._timeouts = tuple(
            str(int(limit.total_seconds() * 1000))
            for limit in (statement_timeout or timedelta(0), _STOPPED_AFTER)
        )
        self._options: dict[str, Any] = {
            "autocommit": True,
            "row_factory": dict_row,
            "application_name": application_name,
            **({"prepare_threshold": None} if pooled else {}),
            **({"options": f"-c role={session_role}"} if session_role else {}),
        }
        self._size = size

    @cached_property
    def pool(self) -> psycopg_pool.AsyncConnectionPool[Connection]:
        """The pool; made on first use inside the running event loop."""
        return psycopg_pool.AsyncConnectionPool(
            self.dsn,
            kwargs=self._options,
            min_size=min(2, self._size),
            max_size=self._size,
            timeout=5,
            max_waiting=2000,
            # Its back-off doubles without a ceiling; given up early, the next request tries anew.
            reconnect_timeout=5,
            open=False,
        )

    async def open(self) -> None:
        """Start connecting; does not wait, so a service starts also while the database is down."""
        await self.pool.open(wait=False)

    async def close(self) -> None:
        """Give every connection back."""
        await self.pool.close()

    async def __aenter__(self) -> Database:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self, *, role: str) -> Connection:
        """Return a session of its own, acting as `role`, for LISTEN; the caller closes it.

        Raises:
            UnavailableError: the database does not answer; try again later.
        """
        try:
            connection = await psycopg.AsyncConnection[DictRow].connect(self.dsn, **self._options)
            await connection.execute("select set_config('role', %s, false)", (role,))
        except Exception as error:
            raise translated(error) from error
        return connection

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncGenerator[Transaction]:
        """Open a transaction as `scope`; commits at the end, rolls back on any exception.

        Raises:
            PhotoplayError: what db/errors.py makes of the driver's error.
        """
        try:
            async with self.pool.connection() as connection, connection.transaction():
                await connection.execute(_ENTER, self._entrance(scope))
                yield Transaction(connection)
        except Exception as error:
            if (ours := translated(error)) is error:
                raise
            raise ours from error

    def _entrance(self, scope: Scope) -> tuple[str, ...]:
        return (scope.role, scope.claims_json, *self._timeouts)

    async def once(self, scope: Scope, query: str, values: Mapping[str, object]) -> list[DictRow]:
        """Run one statement as a whole transaction in a single round trip and return its rows.

        Raises:
            PhotoplayError: what db/errors.py makes of the driver's error.
        """
        return (await self.batch(scope, [(query, values)]))[0]

    @uninterrupted
    async def batch(
        self, scope: Scope, statements: Sequence[tuple[str, Mapping[str, object]]]
    ) -> list[list[DictRow]]:
        """Run several statements as one transaction in a single round trip; rows of each.

        Raises:
            PhotoplayError: what db/errors.py makes of the driver's error; nothing was committed.
        """
        try:
            async with self.pool.connection() as connection:
                try:
                    async with connection.pipeline():
                        await connection.execute("begin")
                        await connection.execute(_ENTER, self._entrance(scope))
                        cursors = [await connection.execute(load(q), v) for q, v in statements]
                        await connection.execute("commit")
                except Exception:
                    # The first error is the one that matters; a broken connection rolls back itself.
                    with contextlib.suppress(psycopg.Error):
                        await connection.rollback()
                    raise
                return [await c.fetchall() if c.description else [] for c in cursors]
        except Exception as error:
            if (ours := translated(error)) is error:
                raise
            raise ours from error
