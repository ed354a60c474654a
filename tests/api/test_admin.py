"""/api/admin: who may, and that every write is written down."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from photoplay.invariants import check_invariants
from photoplay.worker.sweep import Sweeper
from tests.api.serving import Server, encoded, noise, refused, with_identity

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def admin_routes(server) -> list[tuple[str, str]]:
    document = (await server.http.get("/openapi.json")).json()
    return [
        (method, re.sub(r"\{\w+\}", str(uuid4()), path))
        for path, item in document["paths"].items()
        if path.startswith("/api/admin/")
        for method in item
    ]


async def test_only_operators_are_served(jwt_server, alice):
    routes = await admin_routes(jwt_server)
    assert len(routes) >= 13
    for person in (alice, await jwt_server.key_holder(alice.id)):
        for method, path in routes:
            # Refused before the body is looked at.
            answer = await person.request(method, path, json={"wrong": 1})
            refused(answer, 403, "admin_required")


async def test_in_local_mode_its_user_is_the_operator(server):
    assert (await server.http.get("/api/admin/keys")).status_code == 200


async def test_every_write_leaves_one_row_of_who_did_it(jwt_server):
    admin = await jwt_server.key_holder()
    prefix = admin.headers["Authorization"][10:22]

    def audit(target: object) -> list[tuple]:
        return jwt_server.rows(
            "select actor, action from photoplay.audit where target = %s order by id", str(target)
        )

    key = (await admin.post("/api/admin/keys", json={"name": "x", "scope": "admin"})).json()["data"]
    assert audit(key["id"]) == [(f"key:{prefix}", "key.create")]
    for _ in range(2):
        await admin.post(f"/api/admin/keys/{key['id']}/revoke")
    assert audit(key["id"])[1:] == [(f"key:{prefix}", "key.revoke")]


def audit_of(server: Server, target: object) -> list[tuple[Any, ...]]:
    return server.rows(
        "select action, actor, details from photoplay.audit where target = %s order by id",
        str(target),
    )


def with_unknown_attempt(server: Server, job_id: str) -> None:
    """The job as a worker leaves it whose submission had no answer."""
    for statement in (
        "update public.video_jobs set status = 'running', phase = 'preparing' where id = %s",
        "update public.video_jobs set phase = 'submitting', provider = 'fal-pika' where id = %s",
        "insert into photoplay.attempts"
        " (id, job_id, user_id, n, provider, model, fence, callback_token, sent_at)"
        " select gen_random_uuid(), id, user_id, 1, 'fal-pika', 'm', 1, id::text, now()"
        " from public.video_jobs where id = %s",
        "update photoplay.attempts set status = 'unknown' where job_id = %s",
    ):
        server.owner.execute(statement, (job_id,))


class TestJobs:
    async def test_jobs_of_all_users_are_found_by_what_they_are(self, jwt_server, alice, bob):
        admin = await jwt_server.key_holder()
        first, second = await alice.new_job(), await bob.new_job()
        with_unknown_attempt(jwt_server, second)

        async def found(**query: object) -> list[str]:
            answer = await admin.get("/api/admin/jobs", params={"limit": 100, **query})
            assert answer.status_code == 200, answer.text
            return [job["id"] for job in answer.json()["data"]["items"]]

        assert (await found())[:2] == [second, first]
        assert await found(user=str(alice.id)) == [first]
        for query in (
            {"attempt_status": "unknown"},
            {"phase": "submitting"},
            {"status": "running"},
            {"provider": "fal-pika"},
        ):
            listed = await found(**query)
            assert second in listed, query
            assert first not in listed, query
        page = (await admin.get("/api/admin/jobs", params={"limit": 1})).json()["data"]
        assert page["items"][0]["attempts"] == 1
        assert (await found(cursor=page["next_cursor"]))[0] == first

    async def test_one_shows_all_that_happened_and_nothing_of_its_content(self, jwt_server, alice):
        admin = await jwt_server.key_holder()
        job_id = await alice.new_job(prompt="a secret wish")
        with_unknown_attempt(jwt_server, job_id)
        answer = await admin.get(f"/api/admin/jobs/{job_id}")
        history = answer.json()["data"]
        assert history["job"]["user_id"] == str(alice.id)
        assert [a["status"] for a in history["attempts"]] == ["unknown"]
        kinds = [event["kind"] for event in history["events"]]
        assert kinds[0] == "job.queued"
        assert "attempt.unknown" in kinds
        assert {line["source"] for line in history["timeline"]} >= {"event", "attempt"}
        for part in ("a secret wish", "callback_token", "source-images"):
            assert part not in answer.text
        refused(await admin.get(f"/api/admin/jobs/{uuid4()}"), 404, "job_not_found")
        await alice.delete(f"/api/video/jobs/{job_id}")
        refused(await admin.get(f"/api/admin/jobs/{job_id}"), 410, "erased")

    async def test_a_lost_work_item_is_made_anew(self, jwt_server, alice):
        admin = await jwt_server.key_holder()
        job_id = await alice.new_job()
        items = "select from photoplay.pgqueuer where payload = convert_to(%s, 'utf8')"
        jwt_server.owner.execute(items.replace("select", "delete", 1), (job_id,))
        answer = await admin.post(f"/api/admin/jobs/{job_id}/requeue")
        assert answer.status_code == 202
        assert len(jwt_server.rows(items, job_id)) == 1
        assert [row[0] for row in audit_of(jwt_server, job_id)] == ["job.requeue"]

    async def test_an_unknown_submission_is_resolved_by_hand(self, jwt_server, alice):
        admin = await jwt_server.key_holder()
        found, absent = await alice.new_job(), await alice.new_job()
        for job_id in (found, absent):
            with_unknown_attempt(jwt_server, job_id)
        await admin.post(f"/api/admin/jobs/{found}/resolve", json={"providerTaskId": "task-1"})
        await admin.post(f"/api/admin/jobs/{absent}/resolve", json={"notAccepted": True})
        attempts = (
            "select status, hinted_task_id, charged from photoplay.attempts where job_id = %s"
        )
        # The worker asks the provider before it believes a task.
        assert jwt_server.rows(attempts, found) == [("unknown", "task-1", None)]
        assert jwt_server.rows(attempts, absent) == [("lost", None, False)]
        assert (await alice.job(absent))["phase"] == "preparing"
        assert [row[0] for row in audit_of(jwt_server, absent)] == ["submission.resolve"]
        again = await admin.post(f"/api/admin/jobs/{absent}/resolve", json={"notAccepted": True})
        refused(again, 409, "nothing_unresolved")
        for body in ({}, {"providerTaskId": "x", "notAccepted": True}, {"notAccepted": False}):
            answer = await admin.post(f"/api/admin/jobs/{found}/resolve", json=body)
            refused(answer, 422, "unprocessable")


async def test_a_provider_is_paused_and_resumed(open_installation):
    async with open_installation(**with_identity()) as server:
        admin = await server.key_holder()

        async def local() -> dict[str, Any]:
            listed = (await admin.get("/api/admin/providers")).json()["data"]
            return next(each for each in listed if each["name"] == "local")

        assert ((await local())["place"], (await local())["pausedAt"]) == (1, None)
        paused = (await admin.post("/api/admin/providers/local/pause")).json()["data"]
        assert paused["pausedBy"].startswith("key:")
        assert await local() == paused
        await admin.post("/api/admin/providers/local/resume")
        assert (await local())["pausedAt"] is None
        actions = [row[0] for row in audit_of(server, "local")]
        assert actions == ["provider.pause", "provider.resume"]
        answer = await admin.post("/api/admin/providers/nobody/pause")
        assert "local" in refused(answer, 404, "provider_not_found")["detail"]


async def test_retention_counts_before_it_erases(worker):
    server, person = worker.server, worker.person()
    admin = await server.key_holder()
    job = await person.ended(await person.new_job())
    server.owner.execute(
        "update public.video_jobs set expires_at = now() - interval '1 s' where id = %s",
        (job["id"],),
    )
    dry = await admin.post("/api/admin/retention", params={"dry_run": True})
    assert dry.json()["data"] == {"expired": 1, "erased": 0}
    assert (await person.job(job["id"]))["status"] == "succeeded"
    real = await admin.post("/api/admin/retention")
    assert real.json()["data"] == {"expired": 1, "erased": 1}
    refused(await person.get(f"/api/video/jobs/{job['id']}"), 404, "job_not_found")
    assert [path for path in server.objects(person.id) if path.suffix == ".mp4"] == []
    assert [row[0] for row in audit_of(server, "retention")] == ["retention.run"]


class TestErasure:
    async def test_nothing_of_an_erased_user_is_left_or_comes_back(self, jwt_server, alice, bob):
        admin = await jwt_server.key_holder()
        own_key = await jwt_server.key_holder(alice.id)
        image = await alice.upload()
        kept = await bob.new_job()
        await alice.new_job(clientRequestId="k")
        upload = (await alice.post("/api/video/images/uploads")).json()["data"]
        answer = await admin.delete(f"/api/admin/users/{alice.id}")
        assert answer.json()["data"] == {"jobs": 1, "images": 2}
        assert jwt_server.objects(alice.id) == []
        for table in ("public.video_jobs", "public.video_images", "photoplay.api_keys"):
            rows = jwt_server.rows(f"select from {table} where user_id = %s", alice.id)
            assert rows == [], table
        refused(await own_key.get("/api/video/quota"), 401, "unauthenticated")
        # What is still on its way, and who still has a token.
        refused(await alice.post("/api/video/images", content=encoded(noise())), 410, "user_erased")
        wish = {"sourceImageUrl": "https://example.com/x.jpg"}
        assert (await alice.animate(**wish)).status_code in {400, 410}
        assert (await alice.animate(imageId=image["imageId"])).status_code == 400
        await jwt_server.http.put(upload["uploadUrl"], content=encoded(noise()))
        assert len(jwt_server.objects(alice.id)) >= 1
        sweeper = Sweeper(
            jwt_server.app.state.service.database,
            jwt_server.stack.store,
            uuid4(),
            grace=timedelta(seconds=60),
            scratch=jwt_server.stack.settings.scratch_dir,
            lifetime=timedelta(hours=2),
        )
        await sweeper.tidy()
        assert jwt_server.objects(alice.id) == []
        ((action, actor, details),) = audit_of(jwt_server, alice.id)
        assert (action, details) == ("user.erase", {"jobs": 1, "images": 2})
        assert actor.startswith("key:")
        assert (await bob.job(kept))["status"] == "queued"
        assert await check_invariants_of(jwt_server) == {}

    async def test_a_creation_on_its_way_is_erased_or_refused(self, jwt_server):
        admin = await jwt_server.key_holder()
        for _ in range(3):
            person = jwt_server.person()
            image = (await person.upload())["imageId"]
            answers = await asyncio.gather(
                *(person.animate(imageId=image, clientRequestId=f"k{n}") for n in range(4)),
                admin.delete(f"/api/admin/users/{person.id}"),
            )
            assert {answer.status_code for answer in answers} <= {200, 202, 400, 410}
            assert person.jobs_in_database() == 0

    async def test_in_local_mode_its_user_goes_on(self, open_installation):
        async with open_installation(jwt_secret=None) as server:
            person = server.person()
            await person.new_job()
            erased = await server.http.delete(f"/api/admin/users/{person.id}")
            assert erased.json()["data"] == {"jobs": 1, "images": 1}
            await person.new_job()


async def check_invariants_of(server: Server) -> dict[str, list[str]]:
    found = await check_invariants(server.app.state.service.database, server.stack.store)
    return {name: broken for name, broken in found.items() if broken}


async def test_the_audit_is_listed_newest_first(jwt_server):
    admin = await jwt_server.key_holder()
    prefix = admin.headers["Authorization"][10:22]
    user = str(uuid4())
    for _ in range(2):
        await admin.delete(f"/api/admin/users/{user}")
    query: dict[str, object] = {"target": user, "action": "user.erase", "limit": 1}
    first = (await admin.get("/api/admin/audit", params=query)).json()["data"]
    assert [(act["actor"], act["target"]) for act in first["items"]] == [(f"key:{prefix}", user)]
    rest = await admin.get("/api/admin/audit", params={**query, "cursor": first["next_cursor"]})
    (older,) = rest.json()["data"]["items"]
    assert older["id"] < first["items"][0]["id"]
    assert rest.json()["data"]["next_cursor"] is None
