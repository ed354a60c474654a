"""One user's claims never reach another transaction of the same connection."""

from __future__ import annotations

import pytest

from photoplay.db.pool import Database
from tests.support import scopes


@pytest.mark.fault(32)
async def test_the_scope_of_a_transaction_ends_with_it_however_it_ends(app_dsn, owner):
    scopes.prepare(owner)
    async with Database(app_dsn, size=3) as database:
        assert await scopes.shake(database, rounds=25) == 400
