"""The production gate of the system that Photoplay replaces: seven promises, each against a real server."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import av
import psycopg
import pytest
from psycopg import sql

from photoplay.storage.errors import MediaLinkError
from photoplay.storage.signing import sign_media, verify_media
from tests.api.serving import MEDIA_SECRET, Person, Server, encoded, noise, refused, with_identity
from tests.conftest import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
USER_TABLES = ("video_jobs", "video_quota", "video_images")


async def test_gate_1_another_users_job_is_a_job_that_does_not_exist(worker):
    alice, bob = worker.person(), worker.person()
    job_id, missing = await alice.new_job(clientRequestId="mine"), str(uuid4())
    await alice.ended(job_id)
    calls = [
        ("GET", ""), ("GET", "/events"), ("GET", "/video"), ("GET", "/poster"), ("POST", "/ticket"),
        ("POST", "/cancel"), ("DELETE", ""),
    ]  # fmt: skip
    for method, rest in calls:
        bodies = []
        for each in (job_id, missing):
            answer = await bob.request(
                method, f"/api/video/jobs/{each}{rest}", {"X-Request-Id": "same-request-id"}
            )
            refused(answer, 404, "job_not_found")
            headers = {
                k: v for k, v in answer.headers.items() if k not in {"date", "content-length"}
            }
            bodies.append((answer.text.replace(each, "ID"), headers))
        assert bodies[0] == bodies[1]
    assert (await bob.get("/api/video/jobs")).json()["data"]["items"] == []
    assert (await alice.job(job_id))["status"] == "succeeded"


@contextmanager
def direct_access(server: Server) -> Iterator[psycopg.Connection]:
    """A session as Supabase's REST layer has it: a login that may become anon or authenticated."""
    login = sql.Identifier(f"rest_{uuid4().hex[:12]}")
    server.owner.execute(sql.SQL("create role {} login noinherit").format(login))
    server.owner.execute(sql.SQL("grant anon, authenticated to {}").format(login))
    dsn = psycopg.conninfo.make_conninfo(server.stack.owner_dsn, user=login.as_string().strip('"'))
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            yield connection
    finally:
        server.owner.execute(sql.SQL("drop role {}").format(login))


def become(connection: psycopg.Connection, role: str, person: Person) -> None:
    connection.execute("select set_config('role', %s, false)", (role,))
    claims = f'{{"sub": "{person.id}", "role": "{role}"}}'
    connection.execute("select set_config('request.jwt.claims', %s, false)", (claims,))


async def test_gate_2_a_client_with_direct_access_writes_nothing(worker):
    alice, server = worker.person(), worker.server
    job_id = await alice.new_job()
    await alice.ended(job_id)
    before = server.rows("select * from public.video_jobs where id = %s", job_id)
    columns = server.rows(
        "select table_schema, table_name, column_name from information_schema.columns"
        " where table_schema = 'photoplay' or table_name = any(%s)",
        list(USER_TABLES),
    )
    assert ("public", "video_jobs", "output_video_url") in columns
    tables = {(schema, table) for schema, table, _ in columns}
    assert len(tables) > len(USER_TABLES) + 8
    with direct_access(server) as client:
        for role in ("anon", "authenticated"):
            become(client, role, alice)
            for schema, table, column in columns:
                update = "update {t} set {c} = default"
                assert_denied(client, update, t=(schema, table), c=(column,))
            for table in tables:
                assert_denied(client, "insert into {t} default values", t=table)
                assert_denied(client, "delete from {t}", t=table)
                assert_denied(client, "truncate {t}", t=table)
            for value in ("'succeeded'", "'failed'"):
                assert_denied(
                    client, f"update {{t}} set status = {value}", t=("public", "video_jobs")
                )
            for other in ("photoplay_api", "photoplay_worker", "photoplay_admin", "service_role"):
                assert_denied(client, "set role {r}", r=(other,))
    assert server.rows("select * from public.video_jobs where id = %s", job_id) == before


def assert_denied(client: psycopg.Connection, statement: str, **names: tuple[str, ...]) -> None:
    composed = sql.SQL(statement).format(**{k: sql.Identifier(*v) for k, v in names.items()})
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        client.execute(composed)


async def test_gate_2_a_client_with_direct_access_runs_no_function_that_writes(worker):
    alice, server = worker.person(), worker.server
    image = await alice.upload()
    create = "select photoplay.create_job(gen_random_uuid(), null, 'x', %s, null, null, '{}', 'local', '1 min')"
    writing = server.rows(
        "select oid::regproc::text, array(select format_type(t, null) from unnest(proargtypes) t)"
        " from pg_proc where pronamespace = 'photoplay'::regnamespace"
        " and provolatile = 'v' and prorettype <> 'trigger'::regtype"
    )
    assert {"photoplay.create_job", "photoplay.return_unit", "photoplay.wake"} <= {
        name for name, _ in writing
    }
    with direct_access(server) as client:
        for role in ("anon", "authenticated"):
            become(client, role, alice)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                client.execute(create, (image["imageId"],))
            for name, types in writing:
                arguments = ", ".join(f"null::{each}" for each in types)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    client.execute(f"select {name}({arguments})")
    assert alice.jobs_in_database() == 0


async def test_gate_2_a_client_with_direct_access_reads_only_its_own_rows(worker):
    alice, bob, server = worker.person(), worker.person(), worker.server
    job_id = await alice.new_job()
    await alice.ended(job_id)
    with direct_access(server) as client:
        for person, expected in ((alice, 1), (bob, 0)):
            become(client, "authenticated", person)
            for table in (*(f"public.{table}" for table in USER_TABLES), "photoplay.attempts"):
                count = client.execute(f"select count(id) from {table}").fetchone()
                assert count == (expected,), table
        become(client, "anon", alice)
        for table in USER_TABLES:
            assert_denied(client, "select from {t}", t=("public", table))


async def test_gate_3_media_is_private_and_the_signed_address_plays_for_an_hour(worker):
    alice, server = worker.person(), worker.server
    job = await alice.ended(await alice.new_job())
    key, link = job["output_video_url"], job["signedVideoUrl"]
    path = f"/media/{key}"
    # Private: no identity opens it, only the signature.
    for attempt in (path, f"/{key}", f"/media/../objects/{key}", f"/objects/{key}"):
        answer = await alice.get(attempt)
        assert answer.status_code in {403, 404}, attempt
    # It plays, without any identity, and is what was delivered.
    played = await server.http.get(link)
    assert (played.status_code, played.headers["content-type"]) == (200, "video/mp4")
    assert played.content == worker.clip.read_bytes()
    with av.open(io.BytesIO(played.content)) as movie:
        assert len(list(movie.decode(video=0))) == 24
    poster = await server.http.get(job["signedPosterUrl"])
    assert (poster.status_code, poster.headers["content-type"]) == (200, "image/jpeg")
    # For an hour.
    expires_at = datetime.fromisoformat(job["signedUrlExpiresAt"])
    assert abs(expires_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert query["expires"] == str(int(expires_at.timestamp()))
    still = {"method": "GET", "secrets": [MEDIA_SECRET]}
    verify_media(
        key, query["expires"], query["signature"], now=expires_at - timedelta(seconds=1), **still
    )
    with pytest.raises(MediaLinkError):
        verify_media(key, query["expires"], query["signature"], now=expires_at, **still)
    past = datetime.now(UTC) - timedelta(seconds=1)
    expired = sign_media(key, expires_at=past, secrets=[MEDIA_SECRET])
    refused(await server.http.get(expired), 403, "media_link_refused")


async def test_gate_3_a_changed_signed_address_opens_nothing(worker):
    alice, bob, server = worker.person(), worker.person(), worker.server
    mine = await alice.ended(await alice.new_job())
    theirs = await bob.ended(await bob.new_job())
    link = mine["signedVideoUrl"].removeprefix(server.address)
    path, _, query = link.partition("?")
    expires, signature = (part.partition("=")[2] for part in query.split("&"))
    other = f"/media/{theirs['output_video_url']}"
    twice = "/media/" + quote(quote(mine["output_video_url"], safe=""), safe="")
    changed = [
        f"{other}?{query}",
        f"{path}?expires={int(expires) + 1}&signature={signature}",
        f"{path}?expires=0{expires}&signature={signature}",
        f"{path}?expires={expires}&expires={expires}&signature={signature}",
        f"{path}?expires={expires}&signature={signature[:-1]}{'A' if signature[-1] != 'A' else 'E'}",
        f"{path}?expires={expires}&signature={signature}&signature={signature}",
        f"{path}?expires={expires}",
        f"{path}?signature={signature}",
        path,
        f"{path.replace('.mp4', '.jpg')}?{query}",
        f"{path}/?{query}",
        f"{path.replace('/generated', '//generated')}?{query}",
        f"{twice}?{query}",
        f"{path.replace('.mp4', '%252emp4')}?{query}",
        f"{path}%00?{query}",
        f"/media/%ff?{query}",
        f"/media/?{query}",
        f"{path}?{query}&signature=%ff".replace(f"signature={signature}&", ""),
    ]
    for address in changed:
        answer = await server.http.get(address)
        refused(answer, 403, "media_link_refused")
    refused(await server.http.put(link, content=b"x"), 403, "media_link_refused")
    another_key = sign_media(
        mine["output_video_url"],
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        secrets=[b"x" * 32],
    )
    refused(await server.http.get(another_key), 403, "media_link_refused")
    assert (await server.http.get(link)).status_code == 200
    # Encoded once in another spelling it is the same address.
    assert (
        await server.http.get(f"{path.replace('/generated', '%2Fgenerated')}?{query}")
    ).status_code == 200


async def test_gate_4_statuses_map_and_a_terminal_one_is_final_for_everybody(worker, log_lines):
    alice, server = worker.person(), worker.server
    worker.hold()
    job_id = await alice.new_job()
    assert (await alice.job(job_id))["status"] in {"queued", "running"}
    await alice.reached(job_id, status="running")
    worker.release()
    job = await alice.ended(job_id)
    assert (job["status"], job["phase"]) == ("succeeded", "done")
    assert log_lines("[VideoJobs] local status mapped: finished -> succeeded")
    events = server.rows(
        "select status from photoplay.events where job_id = %s and kind like 'job.%%' order by id",
        job_id,
    )
    assert [status for (status,) in events] == ["queued", "running", "succeeded"]
    # Nobody asks the provider again, and there is nothing left that would.
    assert worker.driver.followed.count(job_id) == 1
    items = "select from photoplay.pgqueuer where payload = %s"
    await until(lambda: server.rows(items, job_id.encode()) == [])
    assert len(log_lines(f"[VideoJobs] Polling local status for job {job_id}")) == 1
    assert "retry-after" not in (await alice.get(f"/api/video/jobs/{job_id}")).headers
    # Final for every role, the database's owner included.
    for change in (
        "status = 'running'",
        "status = 'failed'",
        "phase = 'waiting'",
        "output_video_url = 'x'",
    ):
        with pytest.raises(psycopg.Error) as caught:
            server.owner.execute(f"update public.video_jobs set {change} where id = %s", (job_id,))
        assert caught.value.sqlstate == "PP003"
    refused(await alice.post(f"/api/video/jobs/{job_id}/cancel"), 409, "already_finished")
    assert (await alice.job(job_id))["version"] == job["version"]


@pytest.fixture
def settings_of_gate_5() -> dict[str, object]:
    return with_identity(daily_limit=5, max_open_jobs=100, dedupe_open_jobs=False)


async def test_gate_5_of_25_parallel_wishes_exactly_5_are_accepted(
    open_installation, settings_of_gate_5
):
    async with open_installation(**settings_of_gate_5) as server:
        for keys in ([f"key-{n}" for n in range(25)], [None] * 25):
            person = server.person()
            image = (await person.upload())["imageId"]
            wishes = [
                {"imageId": image, **({"clientRequestId": key} if key else {})} for key in keys
            ]
            answers = await asyncio.gather(*(person.animate(**wish) for wish in wishes))
            assert sorted(a.status_code for a in answers) == [202] * 5 + [429] * 20
            for answer in answers:
                if answer.status_code == 429:
                    refused(answer, 429, "quota_exceeded")
            accepted = [a for a in answers if a.status_code == 202]
            left = [re.search(r'"daily";r=(\d+)', a.headers["ratelimit"])[1] for a in accepted]
            assert sorted(left) == ["0", "1", "2", "3", "4"]
            assert person.jobs_in_database() == 5
            count = server.rows(
                "select count from public.video_quota where user_id = %s", person.id
            )
            assert count == [(5,)]


async def test_gate_6_ten_parallel_readers_at_completion_see_one_upload(worker, log_lines):
    alice, server = worker.person(), worker.server
    worker.hold()
    job_id = await alice.new_job()
    await alice.reached(job_id, phase="waiting")
    readers = [asyncio.create_task(alice.ended(job_id)) for _ in range(10)]
    hasty = [asyncio.create_task(read_until_terminal(alice, job_id)) for _ in range(10)]
    await asyncio.sleep(0)
    worker.release()
    for job in await asyncio.gather(*readers, *hasty):
        assert job["status"] == "succeeded"
        assert job["video"]["bytes"] == worker.clip.stat().st_size
    videos = [path for path in server.objects(alice.id) if path.suffix == ".mp4"]
    assert [path.read_bytes() for path in videos] == [worker.clip.read_bytes()]
    key = f"{alice.id}/generated-videos/{job_id}.mp4"
    assert log_lines(f"Upload completed for job {job_id}") == [
        f"[VideoJobs] Upload completed for job {job_id}, storage path: {key}"
    ]
    assert len(log_lines(f"Starting upload to storage for job {job_id}")) == 1


async def read_until_terminal(person: Person, job_id: str) -> dict[str, object]:
    while (job := await person.job(job_id))["status"] == "running":
        pass
    return job


async def test_gate_7_what_cannot_be_animated_is_refused_and_makes_no_row(jwt_server, alice):
    jobs = "select count(*) from public.video_jobs"
    before = jwt_server.rows(jobs)
    image = await alice.upload()
    wish = {"imageId": image["imageId"]}
    signed_out = await jwt_server.http.post("/api/video/animate", json=wish)
    refused(signed_out, 401, "unauthenticated")
    refused(await alice.animate(imageId=str(uuid4())), 400, "image_not_found")
    missing = f"{alice.id}/source-images/{uuid4()}.png"
    refused(await alice.animate(sourceImagePath=missing), 400, "image_not_found")
    # Over the limit: at the upload, and when it came into the store by another way.
    limit = jwt_server.stack.settings.max_image_bytes
    picture = encoded(noise(), "PNG")
    large = picture + bytes(limit + 1 - len(picture))
    refused(await alice.post("/api/video/images", content=large), 400, "image_too_large")
    uploaded = jwt_server.stack.settings.data_dir / "objects" / missing
    uploaded.parent.mkdir(parents=True, exist_ok=True)
    uploaded.write_bytes(large)
    refused(await alice.animate(sourceImagePath=missing), 400, "image_too_large")
    assert jwt_server.rows(jobs) == before
    assert (await alice.quota())["used"] == 0
