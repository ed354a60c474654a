"""Stands where `photoplay.db.pool.Database` stands, and answers the named statements from memory.

Transactions run one after another: of all orders in which Postgres may let them commit, every one can
occur; what two of them see of each other before that cannot. Each may be slow, fail before or after
its commit, or lose its process anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from photoplay.db.pool import Scope, uninterrupted
from tests.simulation.memory import attempting, creating, ending, leasing, polling
from tests.simulation.memory.tables import STATEMENTS, Change, Row, Tables

__all__ = ["Faults", "MemoryDatabase", "Server", "Transaction"]
_MODULES = (attempting, creating, ending, leasing, polling)


class Faults(Protocol):
    """What may happen to a process around its statements."""

    async def before(self, what: str) -> None:
        """Come before a transaction: nothing has happened when it raises."""
        ...

    async def within(self, what: str) -> None:
        """Come between two statements; what it raises takes the transaction back."""
        ...

    async def after(self, what: str) -> None:
        """Come after the commit: when it raises, nobody knows whether it was committed."""
        ...


class Calm:
    """Nothing happens."""

    async def before(self, what: str) -> None: ...

    async def within(self, what: str) -> None: ...

    async def after(self, what: str) -> None: ...


class Server:
    """One database of all processes.

    Args:
        make: begins a transaction of a scope.
        committed: told of each transaction that wrote something.
    """

    def __init__(
        self,
        tables: Tables,
        make: Callable[[Scope], Change],
        committed: Callable[[Change], None] = lambda _: None,
    ) -> None:
        self.tables = tables
        self.make = make
        self.committed = committed
        self.turn = asyncio.Lock()


class Transaction:
    """Statements of one open transaction."""

    def __init__(self, change: Change, faults: Faults) -> None:
        self._change = change
        self._faults = faults
        self._is_first = True

    async def all(self, query: str, **values: object) -> list[Row]:
        if not self._is_first:
            await self._faults.within(query)
        self._is_first = False
        return STATEMENTS[query](self._change, values)

    async def run(self, query: str, **values: object) -> int:
        return len(await self.all(query, **values))

    async def one(self, query: str, **values: object) -> Row | None:
        rows = await self.all(query, **values)
        return rows[0] if rows else None


class MemoryDatabase:
    """One process' way to the server."""

    def __init__(self, server: Server, faults: Faults | None = None) -> None:
        self._server = server
        self._faults = faults or Calm()

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncGenerator[Transaction]:
        await self._faults.before("begin")
        async with self._server.turn:
            change = self._server.make(scope)
            try:
                yield Transaction(change, self._faults)
                await self._faults.within("commit")
            except BaseException:
                change.roll_back()
                raise
            self._server.committed(change)
        await self._faults.after("commit")

    async def once(self, scope: Scope, query: str, values: Mapping[str, Any]) -> list[Row]:
        return (await self.batch(scope, [(query, values)]))[0]

    @uninterrupted
    async def batch(
        self, scope: Scope, statements: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[list[Row]]:
        name = statements[-1][0]
        await self._faults.before(name)
        async with self._server.turn:
            change = self._server.make(scope)
            try:
                rows = [STATEMENTS[query](change, values) for query, values in statements]
            except BaseException:
                change.roll_back()
                raise
            self._server.committed(change)
        await self._faults.after(name)
        return rows
