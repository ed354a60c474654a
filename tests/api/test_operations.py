"""/healthz, /readyz, /metrics, /openapi.json, and what happens when the database goes away."""

from __future__ import annotations

import ast
import asyncio
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import photoplay
from photoplay.api import routes
from photoplay.api.codes import CODES
from photoplay.api.routes import events as events_route
from photoplay.domain import errors
from tests.api.serving import Server, encoded, noise, refused, with_identity
from tests.conftest import until
from tests.support.metrics import sample

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_process_is_alive_without_an_identity(jwt_server):
    answer = await jwt_server.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_server_is_ready_and_says_whether_anybody_works(jwt_server, worker):
    alone = await jwt_server.http.get("/readyz")
    assert alone.status_code == 200
    assert alone.json() == {
        "ready": True,
        "checks": {
            "database": "ok", "schema": "ok", "store": "ok", "workers": "none seen in the last minute",
        },
    }  # fmt: skip

    async def seen() -> bool:
        return (await worker.server.http.get("/readyz")).json()["checks"]["workers"] == "ok"

    assert await until(seen)


async def test_an_old_schema_or_a_broken_store_is_not_ready(open_installation):
    async with open_installation(**with_identity()) as server:
        newest = "select max(name) from photoplay.schema_migrations"
        server.owner.execute(f"delete from photoplay.schema_migrations where name = ({newest})")
        objects = server.stack.settings.data_dir / "objects"
        objects.rename(objects.with_name("objects-away"))
        objects.write_text("a file in place of the folder")
        answer = await server.http.get("/readyz")
        assert answer.status_code == 503
        body = answer.json()
        assert body["ready"] is False
        assert body["checks"]["schema"] == "out of date: run photoplay migrate"
        assert body["checks"]["store"] == "storage_unavailable"
        assert body["checks"]["database"] == "ok"
        objects.unlink()
        objects.with_name("objects-away").rename(objects)
        assert (await server.http.get("/readyz")).json()["checks"]["store"] == "ok"


async def test_metrics_count_what_was_asked_and_what_is_in_progress(worker):
    http, person = worker.server.http, worker.person()
    before = (await http.get("/metrics")).text
    worker.hold()
    wish = {"imageId": (await person.upload())["imageId"], "clientRequestId": "k"}
    job_id = (await person.animate(**wish)).json()["data"]["jobId"]
    await person.animate(**wish)
    await person.animate(imageId="x")
    await person.reached(job_id, phase="waiting")
    answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    after = answer.text

    def grown(name: str, **labels: str) -> float:
        return sample(after, name, **labels) - sample(before, name, **labels)

    assert grown("photoplay_animate_requests_total", outcome="created") == 1
    assert grown("photoplay_animate_requests_total", outcome="duplicate") == 1
    assert grown("photoplay_animate_requests_total", outcome="image_not_found") == 1
    request = {"route": "/api/video/animate", "method": "POST"}
    assert grown("photoplay_http_request_seconds_count", **request, status="202") == 1
    assert grown("photoplay_http_request_seconds_count", **request, status="400") == 1
    assert sample(after, "photoplay_database_up") == 1
    assert sample(after, "photoplay_open_jobs", kind="waiting") >= 1
    assert sample(after, "photoplay_workers", kind="all") >= 1
    worker.release()
    await person.ended(job_id)


async def test_metrics_name_nobody_and_nothing(alice):
    job_id = await alice.new_job(prompt="a secret wish")
    for path in (
        f"/api/video/jobs/{job_id}",
        "/wp-admin.php",
        f"/media/{alice.id}/x",
        "/studio/nothing.js",
    ):
        await alice.get(path)
    text = (await alice.server.http.get("/metrics")).text
    for part in (job_id, str(alice.id), "secret wish", "wp-admin", "nothing.js"):
        assert part not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)
    for route in ("/api/video/jobs/{job_id}", "/media/{key:path}", "none"):
        assert f'route="{route}"' in text
    assert sample(text, "photoplay_http_request_seconds_count", route="none", status="404") >= 1


class TestDocument:
    async def test_it_is_openapi_3_1_and_names_every_route(self, jwt_server):
        document = (await jwt_server.http.get("/openapi.json")).json()
        assert document["openapi"].startswith("3.1")
        served = {
            (route.path_format, method.lower())
            for resource in pkgutil.walk_packages(routes.__path__, f"{routes.__name__}.")
            if (router := getattr(importlib.import_module(resource.name), "router", None))
            for route in router.routes
            for method in route.methods
            # HEAD of an address is its GET without the body; it may go without saying.
            if route.include_in_schema or method != "HEAD"
        }
        assert len(served) >= 18
        named = {(path, method) for path, item in document["paths"].items() for method in item}
        assert named == served

    async def test_every_route_says_what_it_answers(self, jwt_server):
        document = (await jwt_server.http.get("/openapi.json")).json()
        for path, item in document["paths"].items():
            for method, operation in item.items():
                answers = operation["responses"]
                assert any(status < "400" for status in answers), (method, path)
                assert operation.get("summary"), (method, path)
                assert operation.get("description"), (method, path)
                if path.startswith("/api/"):
                    assert "401" in answers, (method, path)
                for status, answer in answers.items():
                    if status < "400" or status == "416" or (path, status) == ("/readyz", "503"):
                        continue
                    schema = answer["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}, (
                        method,
                        path,
                        status,
                    )

    async def test_its_references_hold(self, jwt_server):
        document = (await jwt_server.http.get("/openapi.json")).json()
        for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document)):
            place = document
            for part in reference.split("/"):
                place = place[part]

    async def test_every_code_that_can_be_answered_is_named(self, jwt_server):
        document = (await jwt_server.http.get("/openapi.json")).json()
        code = document["components"]["schemas"]["Problem"]["properties"]["code"]
        assert set(code["enum"]) == set(CODES)
        assert all(
            f"`{name}` ({status})" in code["description"] for name, (status, _) in CODES.items()
        )
        used = set(codes_in_the_source())
        assert {"erased", "image_ratio", "ticket_invalid", "unprocessable"} <= used
        assert used - set(CODES) == set(), "answered and not named"
        text = "".join(file.read_text() for file in sources() if file.name != "codes.py")
        assert {name for name in CODES if f'"{name}"' not in text} == set(), (
            "named and never answered"
        )


# What never leaves the server as the code of an answer: errors of the inside (they become 500, 503 or a
# job's failure) and the codes of classes that are never raised without one of their own.
_INSIDE = {
    "error", "state", "lease_lost", "illegal_transition", "settings", "schema_out_of_date", "storage",
    "object_key", "object_not_found", "object_conflict", "checksum_mismatch", "not_sent", "unanswered",
    "invalid_request", "forbidden", "conflict", "rate_limited", "unavailable", "commit_unknown",
}  # fmt: skip


def inside(code: str) -> bool:
    return code in _INSIDE or code.startswith(("download", "video_", "store_"))


def sources() -> list[Path]:
    """The package's files that take part in answering a request."""
    package = Path(photoplay.__file__).parent
    folders = ("api", "operations", "domain", "db", "network", "storage")
    return [
        package / "intake.py",
        *(f for folder in folders for f in (package / folder).rglob("*.py")),
    ]


def codes_in_the_source() -> Iterator[str]:
    """Every code that an error of a request is given, read from the package's text."""
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name("Refusal"), args=[ast.Constant(str() as code), *_]):
                    yield from [code] if code.startswith("image_") else []
                case ast.Call(keywords=keywords):
                    for keyword in keywords:
                        if keyword.arg == "code":
                            yield from (c for c in constants(keyword.value) if not inside(c))
                case ast.ClassDef(bases=[_, *_], body=body):
                    for line in body:
                        match line:
                            case ast.Assign([ast.Name("code")], ast.Constant(str() as code)):
                                yield from [] if inside(code) else [code]


def constants(node: ast.expr) -> list[str]:
    return [
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


@contextmanager
def database_away(server: Server) -> Iterator[None]:
    """Nobody can use the database meanwhile: sessions are ended, new ones refused."""
    name = sql.Identifier(server.database_name)
    dsn = psycopg.conninfo.make_conninfo(server.stack.owner_dsn, dbname="postgres")
    with psycopg.connect(dsn, autocommit=True) as outside:
        outside.execute(sql.SQL("alter database {} with allow_connections false").format(name))
        outside.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = %s and application_name <> ''",
            (server.database_name,),
        )
        try:
            yield
        finally:
            outside.execute(sql.SQL("alter database {} with allow_connections true").format(name))


async def test_without_its_database_the_server_says_so_and_half_makes_nothing(open_installation):
    async with open_installation(**with_identity()) as server:
        person = server.person()
        wish = {"imageId": (await person.upload())["imageId"], "clientRequestId": "k"}
        job_id = await person.new_job(clientRequestId="before")
        pool = server.app.state.service.database.pool
        # How long a request waits for a connection; shorter, so that the test is.
        waiting, pool.timeout = pool.timeout, 1.0
        with database_away(server):
            *answers, ready, metrics, alive = await asyncio.gather(
                *(person.animate(**wish) for _ in range(3)),
                person.get(f"/api/video/jobs/{job_id}"),
                person.get(f"/api/video/jobs/{job_id}", params={"wait": 30}),
                person.get("/api/video/quota"),
                person.get("/api/video/jobs"),
                person.post(f"/api/video/jobs/{job_id}/cancel"),
                person.delete(f"/api/video/jobs/{job_id}"),
                person.get(f"/api/video/jobs/{job_id}/events"),
                person.post("/api/video/images", content=encoded(noise())),
                person.get("/readyz"),
                person.get("/metrics"),
                person.get("/healthz"),
            )
        for answer in answers:
            body = refused(answer, 503, "database_unavailable")
            assert "send the same request again" in body["detail"]
        assert ready.status_code == 503
        assert ready.json() == {
            "ready": False,
            "checks": {**ready.json()["checks"], "database": "database_unavailable"},
        }
        assert (metrics.status_code, sample(metrics.text, "photoplay_database_up")) == (200, 0)
        assert alive.status_code == 200
        # Back again: the job of before, its unit, and nothing of what was asked meanwhile.
        pool.timeout = waiting + 30
        assert person.jobs_in_database() == 1
        assert (await person.quota())["used"] == 1
        assert (await person.job(job_id))["status"] == "queued"
        assert (await person.animate(**wish)).status_code == 202


async def test_a_stream_outlives_an_outage_of_the_database(open_installation, monkeypatch):
    monkeypatch.setattr(events_route, "_LOOK_AGAIN_S", 0.05)
    async with open_installation(**with_identity()) as server:
        person = server.person()
        job_id = await person.new_job()
        pool = server.app.state.service.database.pool
        waiting, pool.timeout = pool.timeout, 0.2
        async with (
            asyncio.timeout(30),
            person.stream(f"/api/video/jobs/{job_id}/events") as stream,
        ):
            lines = stream.aiter_lines()
            while await anext(lines) != "event: job":
                pass
            with database_away(server):
                refused(await person.get("/api/video/quota"), 503, "database_unavailable")
            pool.timeout = waiting + 30

            async def cancelled() -> bool:
                # A connection of before the outage costs one request its answer.
                return (await person.post(f"/api/video/jobs/{job_id}/cancel")).status_code == 202

            await until(cancelled)
            assert [line async for line in lines if '"status": "cancelled"' in line]


async def test_every_error_of_a_request_has_a_status_of_its_own_kind():
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.RequestError):
            assert 400 <= kind.status < 500
