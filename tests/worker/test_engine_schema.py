from __future__ import annotations

import psycopg
from pgqueuer.adapters.persistence import qb
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.db import PsycopgDriver
from pgqueuer.domain.settings import DBSettings, Durability


async def test_the_pinned_engine_would_install_nothing_else(owner_dsn):
    """A newer PgQueuer with another schema fails here, before it fails in production."""
    settings = DBSettings(db_schema="photoplay", prefix="", durability=Durability.balanced)
    async with await psycopg.AsyncConnection.connect(owner_dsn, autocommit=True) as connection:
        queries = Queries(
            PsycopgDriver(connection),
            qbe=qb.QueryBuilderEnvironment(settings),
            qbq=qb.QueryQueueBuilder(settings),
            qbs=qb.QuerySchedulerBuilder(settings),
        )
        plan = await queries.plan_upgrade()
    assert plan.statements == ()
