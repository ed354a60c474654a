"""What every answer has, whatever was asked. `check_answer` in serving.py holds all other tests to it."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from photoplay.api import wire
from tests.api.serving import refused, with_identity

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("given", ["12345678", "a.b-c_D-9", "x" * 128])
async def test_a_sane_request_id_is_kept(alice, given):
    for path in ("/healthz", "/api/video/quota", f"/api/video/jobs/{uuid4()}", "/nowhere"):
        answer = await alice.get(path, {"X-Request-Id": given})
        assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 129, "two words", "semi;colon", "<script>", "ümlaut12"]
)
async def test_another_request_id_is_replaced(alice, given):
    answer = await alice.get("/healthz", {"X-Request-Id": given.encode("latin-1")})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


async def test_request_ids_are_never_the_same(alice):
    ids = {(await alice.get("/healthz")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


async def test_the_request_id_is_on_the_log_lines_of_the_request(alice, log_lines):
    image = (await alice.upload())["imageId"]
    await alice.animate({"X-Request-Id": "find-me-again"}, imageId=image)
    lines = [json.loads(line) for line in log_lines.raw.splitlines()]
    (made,) = [line for line in lines if line["event"] == "job.creating"]
    assert made["request_id"] == "find-me-again"


async def test_an_unknown_address_and_an_unknown_method_are_problems_too(alice):
    for path in (
        "/api/video/nothing",
        "/api/video/quota/",
        "/studio/%00.js",
        "/studio/..%2f..%2fconfig.js",
        "/%ff",
    ):
        refused(await alice.get(path), 404, "not_found")
    refused(await alice.get("/media"), 404, "not_found")
    # Every method of the address, also where several routes share it.
    for path, methods in (
        ("/api/video/quota", "GET"),
        (f"/api/video/jobs/{uuid4()}", "DELETE, GET"),
        ("/api/video/images/uploads", "POST"),
        ("/media/x", "GET, HEAD, PUT"),
    ):
        answer = await alice.request("PATCH", path)
        refused(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == methods


async def test_a_problem_is_what_the_document_says_it_is(alice):
    answer = await alice.get(f"/api/video/jobs/{uuid4()}")
    problem = wire.Problem.model_validate(answer.json(), strict=True)
    assert (problem.title, problem.retryable) == ("Not found", False)


async def test_what_nobody_foresaw_is_a_500_that_tells_nothing(alice, monkeypatch, log_lines):
    secret = "postgresql://somebody:hunter2hunter2@db/x"

    class Broken:
        async def take(self, *_: object) -> None:
            raise RuntimeError(secret)

    service = alice.server.app.state.service
    monkeypatch.setattr(service, "intake", Broken())
    answer = await alice.post("/api/video/images", {"X-Request-Id": "crash-report"}, content=b"x")
    body = refused(answer, 500, "internal")
    assert "hunter2" not in answer.text
    assert body["request_id"] == answer.headers["x-request-id"] == "crash-report"
    (line,) = [json.loads(each) for each in log_lines.raw.splitlines() if "request.crashed" in each]
    assert (line["error"], line["request_id"]) == ("RuntimeError", "crash-report")
    assert "hunter2" not in log_lines.raw
    # The connection and the server go on.
    assert (await alice.get("/healthz")).status_code == 200


async def test_successes_have_one_form(worker):
    person = worker.person()
    job_id = await person.new_job()
    await person.ended(job_id)
    for answer in (
        await person.get("/api/video/quota"),
        await person.get("/api/video/jobs"),
        await person.get(f"/api/video/jobs/{job_id}"),
        await person.post(f"/api/video/jobs/{job_id}/ticket"),
        await person.post("/api/video/images/uploads"),
    ):
        body = answer.json()
        assert set(body) == {"success", "data"}
        assert body["success"] is True
        assert answer.headers["content-type"] == "application/json"


async def test_the_quota_has_the_fields_of_the_contract(alice):
    quota = await alice.quota()
    assert set(quota) == {"limit", "used", "remaining", "resetsAt", "openJobs", "maxOpenJobs"}
    await alice.new_job()
    after = await alice.quota()
    assert (after["used"], after["remaining"], after["openJobs"]) == (1, quota["remaining"] - 1, 1)


async def test_pages_of_configured_origins_may_call_and_others_may_not(open_installation, clip):
    settings = with_identity(cors_origins=("https://app.example",))
    async with open_installation(**settings) as server:
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,idempotency-key",
        }
        good = await server.http.options(
            "/api/video/animate", headers={"Origin": "https://app.example", **asked}
        )
        assert good.status_code == 200
        assert good.headers["access-control-allow-origin"] == "https://app.example"
        # For session cookies, which need a named origin.
        assert good.headers["access-control-allow-credentials"] == "true"
        bad = await server.http.request(
            "OPTIONS", "/api/video/animate", headers={"Origin": "https://evil.example"}
        )
        assert "access-control-allow-origin" not in bad.headers
        person = server.person()
        answer = await person.get("/api/video/quota", {"Origin": "https://app.example"})
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        exposed = answer.headers["access-control-expose-headers"].lower()
        for name in ("etag", "location", "retry-after", "x-request-id", "idempotent-replayed"):
            assert name in exposed
        refusal = await person.get("/nowhere", {"Origin": "https://app.example"})
        assert refusal.headers["access-control-allow-origin"] == "https://app.example"
        foreign = await person.get("/api/video/quota", {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in foreign.headers
        # Media too, so that a page can draw a frame of the video.
        key = f"{person.id}/generated-videos/{uuid4()}.mp4"
        await server.stack.store.put_file(clip, key, content_type="video/mp4")
        link = (await server.app.state.service.signed_url(key)).url
        for origin, allowed in (
            ("https://app.example", "https://app.example"),
            ("https://evil.example", None),
        ):
            media = await server.http.get(link, headers={"Origin": origin})
            assert media.headers.get_list("access-control-allow-origin") == (
                [allowed] if allowed else []
            )
            assert "origin" in media.headers["vary"].lower()
