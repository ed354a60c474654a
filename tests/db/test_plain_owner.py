"""A managed Postgres gives an owner without superuser rights; everything works with one."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from photoplay.db.migrate import migrate
from photoplay.db.pool import WORKER, Database, writer
from photoplay.domain.capability import fit
from photoplay.domain.options import MotionOptions, OptionDefaults
from photoplay.operations.begin_attempt import NewAttempt, begin_attempt, begin_preparing
from photoplay.operations.claim_job import claim_job
from photoplay.operations.create_job import NewJob, create_job
from photoplay.providers.builtin import LOCAL
from tests.operations.test_create_job import picture_of


@pytest.fixture
def plain_dsn(postgres, template):
    """A database of an owner that may create roles and nothing else of note.

    Roles belong to the whole server and exist already, made by the superuser of the other tests:
    this owner is only a member of them, as after a migration by somebody else.
    """
    name = f"photoplay_test_{uuid4().hex[:12]}"
    owner = sql.Identifier(name + "_owner")
    with psycopg.connect(postgres.dsn(dbname="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login noinherit createrole").format(owner))
        for role in ("anon", "authenticated", "service_role"):
            connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(role), owner))
        for role in ("photoplay_api", "photoplay_worker", "photoplay_admin"):
            connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(role), owner))
        connection.execute(
            sql.SQL("create database {} owner {}").format(sql.Identifier(name), owner)
        )
        yield postgres.dsn(name + "_owner", name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("drop role {}").format(owner))


async def test_an_owner_without_superuser_rights_migrates_and_serves(plain_dsn, user):
    migrate(plain_dsn)
    async with Database(plain_dsn, size=2) as database:
        picture = await picture_of(database, user)
        created = await create_job(
            database, writer(user), NewJob(picture, MotionOptions(), "local")
        )
        job = await claim_job(
            database, created.id, item_id=0, worker_id=uuid4(), lease=timedelta(minutes=1)
        )
        await begin_preparing(database, job)
        rows = await database.once(WORKER, "get_claimed_job", {"job_id": created.id})
        assert rows[0]["phase"] == "preparing"
        options = fit(MotionOptions(), LOCAL, OptionDefaults())
        assert await begin_attempt(database, job, NewAttempt(uuid4(), LOCAL, options)) == "yes"
    with psycopg.connect(plain_dsn) as connection:
        kinds = [r[0] for r in connection.execute("select kind from photoplay.events order by id")]
        items = connection.execute("select count(*) from photoplay.pgqueuer").fetchone()
    assert kinds == ["job.queued", "phase.preparing", "job.running", "attempt.submitting"]
    assert items == (1,)
