"""A Supabase project: privileges that everybody gets by default, an owner without superuser rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql

from photoplay.db.migrate import migrate
from photoplay.db.pool import Database, reader, writer
from photoplay.domain.options import MotionOptions
from photoplay.operations.create_job import NewJob, create_job
from tests.operations.test_create_job import picture_of
from tests.support import supabase

CLIENTS = ("anon", "authenticated", "service_role", "authenticator")


@pytest.fixture
def superuser(supabase_postgres, supabase_dsn) -> Iterator[psycopg.Connection]:
    dbname = psycopg.conninfo.conninfo_to_dict(supabase_dsn)["dbname"]
    with psycopg.connect(supabase_postgres.dsn(dbname=str(dbname)), autocommit=True) as connection:
        yield connection


@contextmanager
def acting_as(connection: psycopg.Connection, role: str, user: object) -> Iterator[None]:
    claims = json.dumps({"sub": str(user), "role": role})
    with connection.transaction(force_rollback=True):
        connection.execute(
            "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
            (claims, role),
        )
        yield


def test_the_owner_of_a_project_migrates_it_twice(supabase_postgres):
    with supabase.copied_project(supabase_postgres, supabase.PROJECT) as name:
        dsn = supabase_postgres.dsn(supabase.OWNER, name)
        assert migrate(dsn) != []
        assert migrate(dsn) == []


def test_default_privileges_leave_clients_nothing_but_reading_their_rows(superuser):
    granted = superuser.execute(
        """
        select c.relname, g.grantee::regrole::text, g.privilege_type
        from pg_class c, aclexplode(c.relacl) g
        where c.relnamespace in ('public'::regnamespace, 'photoplay'::regnamespace)
            and (g.grantee = 0 or g.grantee::regrole::text = any(%s))
        """,
        (list(CLIENTS),),
    ).fetchall()
    assert {(role, right) for _, role, right in granted} == {("authenticated", "SELECT")}
    assert {"video_jobs", "video_quota", "video_images"} <= {table for table, _, _ in granted}
    functions = superuser.execute(
        "select count(*) from pg_proc where pronamespace = 'public'::regnamespace"
    ).fetchone()
    assert functions == (0,)


async def test_a_request_creates_reads_and_replays_though_auth_is_closed_to_our_roles(
    supabase_dsn, user
):
    async with Database(supabase_dsn, size=2) as database:
        picture = await picture_of(database, user)
        wish = NewJob(picture, MotionOptions(), "local", key="click-1")
        created = await create_job(database, writer(user), wish)
        replayed = await create_job(database, writer(user), wish)
        assert (replayed.id, replayed.duplicate) == (created.id, True)
        found = await database.once(writer(user), "find_replay", {"key": "click-1"})
        assert [row["id"] for row in found] == [created.id]
        seen = await database.once(reader(uuid4()), "get_quota", {"user_id": user})
        assert seen[0]["used"] == 0


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_nobody_makes_or_ends_a_job_around_the_api(superuser, role, user):
    superuser.execute(
        "insert into public.video_jobs (user_id, source_image_url) values (%s, 'x')", (user,)
    )
    for statement in (
        f"insert into public.video_jobs (user_id, source_image_url) values ('{user}', 'x')",
        "update public.video_jobs set status = 'running'",
        "delete from public.video_jobs",
        "truncate public.video_jobs",
        "update public.video_quota set count = 0",
        "select photoplay.wake(gen_random_uuid())",
    ):
        with acting_as(superuser, role, user), pytest.raises(errors.InsufficientPrivilege):
            superuser.execute(sql.SQL(statement))


def test_realtime_is_told_of_jobs(superuser):
    assert superuser.execute(
        "select tablename from pg_publication_tables where pubname = 'supabase_realtime'"
    ).fetchall() == [("video_jobs",)]


def test_buckets_are_private_and_limited(superuser):
    assert superuser.execute(
        "select id, public, file_size_limit, allowed_mime_types from storage.buckets order by id"
    ).fetchall() == [
        ("generated-videos", False, 100 << 20, ["video/mp4", "image/jpeg"]),
        ("source-images", False, 10 << 20, ["image/png", "image/jpeg", "image/webp"]),
    ]


def test_an_owner_who_may_not_write_policies_still_migrates_and_strangers_see_no_object(
    superuser, user
):
    """The project's owner has no rights over storage.objects beyond rows, but for supautils."""
    assert (
        superuser.execute(
            "select policyname from pg_policies where schemaname = 'storage'"
        ).fetchall()
        == []
    )
    put_objects(superuser, user)
    with acting_as(superuser, "authenticated", user):
        assert superuser.execute("select name from storage.objects").fetchall() == []


def test_policies_of_the_buckets_show_own_objects_and_let_nobody_write_a_video(
    supabase_postgres, user
):
    with (
        supabase.copied_project(supabase_postgres, supabase.PROJECT) as name,
        psycopg.connect(supabase_postgres.dsn(dbname=name), autocommit=True) as connection,
    ):
        # What supautils allows at Supabase; and what the old system may have left behind.
        connection.execute("alter table storage.objects owner to project_owner")
        connection.execute(
            "create policy theirs on storage.objects to authenticated "
            "using ((storage.foldername(name))[1] = auth.uid()::text)"
        )
        migrate(supabase_postgres.dsn(supabase.OWNER, name))
        put_objects(connection, user, stranger := uuid4())
        own = f"{user}/generated-videos/clip.mp4"
        with acting_as(connection, "authenticated", user):
            seen = connection.execute("select name from storage.objects").fetchall()
            assert {path.partition("/")[0] for (path,) in seen} == {str(user)}
            changed = connection.execute(
                "update storage.objects set metadata = '{}' returning bucket_id"
            ).fetchall()
            assert changed == [("source-images",)]
        for path in (own + "2", f"{stranger}/generated-videos/other.mp4"):
            with (
                acting_as(connection, "authenticated", user),
                pytest.raises(errors.InsufficientPrivilege),
            ):
                connection.execute(
                    "insert into storage.objects (bucket_id, name) values ('generated-videos', %s)",
                    (path,),
                )


def put_objects(connection: psycopg.Connection, *users: object) -> None:
    for user in users:
        for bucket in ("source-images", "generated-videos"):
            connection.execute(
                "insert into storage.objects (bucket_id, name) values (%s, %s)",
                (bucket, f"{user}/{bucket}/clip.mp4"),
            )
