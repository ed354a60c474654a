"""The simulator's memory does what Postgres does."""

from __future__ import annotations

import random

import pytest

from photoplay.db.pool import Database
from photoplay.db.queries import load
from tests.simulation.memory.tables import STATEMENTS
from tests.simulation.snapshots import differences, of_memory, of_postgres
from tests.simulation.twins import Twins

_STEPS = 300
_LOOK_EVERY = 5


def test_every_statement_of_the_memory_has_its_file():
    assert len(STATEMENTS) > 50
    for name in STATEMENTS:
        assert load(name)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_operations_do_the_same_in_postgres_and_in_memory(seed, app_dsn, owner):
    async with Database(app_dsn, size=1) as database:
        twins = Twins(random.Random(f"twins {seed}"), database, owner)
        await twins.begin()
        for step in range(0, _STEPS, _LOOK_EVERY):
            before = dict(twins.done)
            for _ in range(_LOOK_EVERY):
                await twins.step()
            found = differences(of_postgres(owner), of_memory(twins.tables))
            done = {n for n, count in twins.done.items() if count != before.get(n)}
            assert not found, f"seed {seed}, step {step}, {done}: {found[:6]}"
    assert len(twins.done) > 25
