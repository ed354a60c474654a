"""POST /api/video/animate: the case table of the contract, over HTTP."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from tests.api.serving import encoded, noise, refused, with_identity

NOBODYS = "11111111-2222-4333-8444-555555555555"
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_new_wish_is_accepted_with_all_that_a_client_needs_to_follow_it(alice):
    image = await alice.upload()
    answer = await alice.animate(imageId=image["imageId"], clientRequestId="click-1")
    assert answer.status_code == 202
    body = answer.json()
    assert set(body) == {"success", "data"}
    assert body["success"] is True
    data = body["data"]
    assert set(data) == {"jobId", "status", "provider", "createdAt", "duplicate"}
    assert (data["status"], data["provider"], data["duplicate"]) == ("queued", "local", False)
    age = datetime.now(UTC) - datetime.fromisoformat(data["createdAt"])
    assert 0 <= age.total_seconds() < 60
    assert answer.headers["location"] == f"/api/video/jobs/{UUID(data['jobId'])}"
    assert answer.headers["retry-after"] == "1"
    policy = '"daily";q=20;w=86400, "open-jobs";q=5;qu="concurrent-requests"'
    assert answer.headers["ratelimit-policy"] == policy
    assert re.fullmatch(r'"daily";r=19;t=\d{1,5}, "open-jobs";r=4', answer.headers["ratelimit"])
    assert "idempotent-replayed" not in answer.headers
    followed = await alice.get(answer.headers["location"])
    assert followed.json()["data"]["client_request_id"] == "click-1"


async def test_a_replay_is_the_same_job_whatever_its_state(worker):
    person = worker.person()
    image = await person.upload()
    wish = {"imageId": image["imageId"], "clientRequestId": "k", "prompt": "slowly"}
    worker.hold()
    first = await person.animate(**wish)
    job_id = first.json()["data"]["jobId"]
    await person.reached(job_id, phase="waiting")
    during = await person.animate(**wish)
    worker.release()
    await person.ended(job_id)
    after = await person.animate(**wish)
    for answer, status in ((during, "running"), (after, "succeeded")):
        assert answer.status_code == 200
        assert answer.headers["idempotent-replayed"] == "true"
        assert answer.headers["location"] == first.headers["location"]
        expected = {**first.json()["data"], "status": status, "duplicate": True}
        assert answer.json()["data"] == expected
    assert (await person.quota())["used"] == 1


async def test_simultaneous_requests_with_one_key_are_one_job(alice):
    image = await alice.upload()
    answers = await asyncio.gather(
        *(alice.animate(imageId=image["imageId"], clientRequestId="double") for _ in range(25))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 24 + [202]
    assert len({answer.json()["data"]["jobId"] for answer in answers}) == 1
    replayed = [a for a in answers if a.headers.get("idempotent-replayed") == "true"]
    assert len(replayed) == 24
    assert alice.jobs_in_database() == 1
    assert (await alice.quota())["used"] == 1


async def test_header_and_body_key_are_the_same_thing(alice):
    image = (await alice.upload())["imageId"]
    by_header = await alice.animate({"Idempotency-Key": "one"}, imageId=image)
    by_body = await alice.animate(imageId=image, clientRequestId="one")
    by_both = await alice.animate({"Idempotency-Key": "one"}, imageId=image, clientRequestId="one")
    assert [a.status_code for a in (by_header, by_body, by_both)] == [202, 200, 200]
    ids = {a.json()["data"]["jobId"] for a in (by_header, by_body, by_both)}
    assert len(ids) == 1


async def test_differing_header_and_body_keys_are_refused(alice):
    image = (await alice.upload())["imageId"]
    answer = await alice.animate({"Idempotency-Key": "a"}, imageId=image, clientRequestId="b")
    refused(answer, 400, "idempotency_key_mismatch")
    assert alice.jobs_in_database() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "another"},
        {"options": {"durationSec": 5}},
        {"options": {"durationSec": 4, "seed": 1}},
        {"imageId": "another picture"},
    ],
    ids=str,
)
async def test_a_key_is_not_reused_for_a_different_request(alice, change):
    image, other = await alice.upload(), await alice.upload()
    wish = {
        "imageId": image["imageId"], "prompt": "p", "options": {"durationSec": 4}, "clientRequestId": "k",
    }  # fmt: skip
    assert (await alice.animate(**wish)).status_code == 202
    if "imageId" in change:
        change = {"imageId": other["imageId"]}
    refused(await alice.animate(**{**wish, **change}), 422, "idempotency_key_reused")
    assert alice.jobs_in_database() == 1
    assert (await alice.quota())["used"] == 1


async def test_a_picture_named_by_path_is_the_picture_named_by_id(alice):
    image = await alice.upload()
    first = await alice.animate(imageId=image["imageId"], clientRequestId="k")
    again = await alice.animate(sourceImagePath=image["path"], clientRequestId="k")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["data"]["jobId"] == again.json()["data"]["jobId"]


async def test_keys_of_two_users_are_two_keys(alice, bob):
    first = await alice.new_job(clientRequestId="same")
    second = await bob.new_job(clientRequestId="same")
    assert first != second


async def test_without_a_key_an_open_duplicate_is_answered_with_its_job(alice):
    image = (await alice.upload())["imageId"]
    first = await alice.animate(imageId=image, prompt="p")
    again = await alice.animate(imageId=image, prompt="p")
    other = await alice.animate(imageId=image, prompt="q")
    assert [a.status_code for a in (first, again, other)] == [202, 200, 202]
    assert again.json()["data"] == {**first.json()["data"], "duplicate": True}
    assert "idempotent-replayed" not in again.headers
    await alice.post(again.headers["location"] + "/cancel")
    afterwards = await alice.animate(imageId=image, prompt="p")
    assert afterwards.status_code == 202


async def test_recognition_of_open_duplicates_can_be_switched_off(open_installation):
    async with open_installation(**with_identity(dedupe_open_jobs=False)) as server:
        person = server.person()
        image = (await person.upload())["imageId"]
        answers = [await person.animate(imageId=image) for _ in range(3)]
    assert [a.status_code for a in answers] == [202, 202, 202]
    assert len({a.json()["data"]["jobId"] for a in answers}) == 3


async def test_a_used_up_quota_says_what_the_limit_is_and_when_to_come_back(jwt_server, alice):
    jwt_server.allow(alice.id, daily=1)
    await alice.new_job()
    image = (await alice.upload())["imageId"]
    answer = await alice.animate(imageId=image)
    body = refused(answer, 429, "quota_exceeded")
    assert body["error"] == "Daily quota exceeded"
    midnight = datetime.fromisoformat(body["details"].pop("resetsAt"))
    assert body["details"] == {"limit": 1, "remaining": 0}
    assert (midnight.hour, midnight.minute, midnight.utcoffset().total_seconds()) == (0, 0, 0)
    wait = int(answer.headers["retry-after"])
    assert abs((midnight - datetime.now(UTC)).total_seconds() - wait) < 60
    assert answer.headers["ratelimit-policy"] == '"daily";q=1;w=86400'
    assert answer.headers["ratelimit"] == f'"daily";r=0;t={wait}'
    assert (await alice.quota())["remaining"] == 0
    assert alice.jobs_in_database() == 1


async def test_a_replay_is_answered_also_when_the_quota_is_used_up(jwt_server, alice):
    jwt_server.allow(alice.id, daily=1)
    image = (await alice.upload())["imageId"]
    await alice.animate(imageId=image, clientRequestId="k")
    assert (await alice.animate(imageId=image, clientRequestId="k")).status_code == 200


async def test_too_many_open_jobs_are_refused_and_cost_no_unit(jwt_server, alice):
    jwt_server.allow(alice.id, opened=2)
    first = await alice.new_job()
    await alice.new_job()
    image = (await alice.upload())["imageId"]
    answer = await alice.animate(imageId=image)
    body = refused(answer, 429, "too_many_open_jobs")
    assert body["details"] == {"maxOpenJobs": 2}
    assert int(answer.headers["retry-after"]) > 0
    quota = await alice.quota()
    assert (quota["used"], quota["openJobs"], quota["maxOpenJobs"]) == (2, 2, 2)
    await alice.post(f"/api/video/jobs/{first}/cancel")
    assert (await alice.animate(imageId=image)).status_code == 202


async def nothing_happened(person) -> bool:
    return person.jobs_in_database() == 0 and (await person.quota())["used"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "image_required"),
        ({"imageId": NOBODYS, "sourceImageUrl": "https://a.example/p.jpg"}, "image_ambiguous"),
        ({"imageId": NOBODYS}, "image_not_found"),
        ({"imageId": "1; drop table"}, "image_not_found"),
        ({"sourceImagePath": "{me}/source-images/{new}.jpg"}, "image_not_found"),
        ({"sourceImagePath": "{me}/generated-videos/{new}.mp4"}, "image_not_found"),
        ({"sourceImagePath": "../../etc/passwd"}, "image_not_found"),
        ({"sourceImagePath": "{me}/source-images/../{new}.jpg"}, "image_not_found"),
        ({"sourceImagePath": "{me}/source-images/{new}.jpg\u0000"}, "image_not_found"),
        ({"sourceImagePath": ""}, "image_not_found"),
        ({"sourceImageUrl": ""}, "url_not_allowed"),
        ({"sourceImageUrl": "http://127.0.0.1/p.jpg"}, "url_not_allowed"),
        ({"sourceImageUrl": "https://127.0.0.1/p.jpg"}, "url_not_allowed"),
        ({"sourceImageUrl": "https://localhost/p.jpg"}, "url_not_allowed"),
        ({"sourceImageUrl": "https://[::ffff:10.0.0.1]/p.jpg"}, "url_not_allowed"),
        ({"sourceImageUrl": "http://169.254.169.254/latest/meta-data/"}, "url_not_allowed"),
        ({"sourceImageUrl": "https://2130706433/p.jpg"}, "url_not_allowed"),
        ({"sourceImageUrl": "file:///etc/passwd"}, "url_not_allowed"),
        ({"sourceImageUrl": "https://user:pass@8.8.8.8/p.jpg"}, "url_not_allowed"),
        ({"sourceImageUrl": "https://nowhere.invalid/p.jpg"}, "url_not_allowed"),
        ({"sourceImageUrl": "https://8.8.8.8/p.jpg\u0000"}, "url_not_allowed"),
    ],
    ids=lambda value: str(value).replace("\u0000", "NUL") if isinstance(value, dict) else value,
)
async def test_an_unusable_picture_is_refused_and_nothing_happens(alice, body, code):
    filled = {
        name: text.replace("{me}", str(alice.id)).replace("{new}", str(uuid4()))
        for name, text in body.items()
    }
    refused(await alice.animate(**filled), 400, code)
    assert await nothing_happened(alice)


async def test_foreign_pictures_are_refused_exactly_as_missing_ones(alice, bob):
    theirs = await bob.upload()
    same_id = {"X-Request-Id": "same-request-id"}
    answers = [
        await alice.animate(same_id, **body)
        for body in (
            {"imageId": theirs["imageId"]},
            {"sourceImagePath": theirs["path"]},
            {"imageId": str(uuid4())},
            {"sourceImagePath": f"{alice.id}/source-images/{uuid4()}.jpg"},
        )
    ]
    for answer in answers:
        refused(answer, 400, "image_not_found")
    assert len({answer.content for answer in answers}) == 1
    assert await nothing_happened(alice)


async def test_a_picture_at_a_public_address_is_accepted_without_being_fetched_at_once(alice):
    answer = await alice.animate(sourceImageUrl="https://8.8.8.8/p.jpg", clientRequestId="k")
    assert answer.status_code == 202
    job = await alice.job(answer.json()["data"]["jobId"])
    assert job["source_image_url"] == "https://8.8.8.8/p.jpg"
    again = await alice.animate(sourceImageUrl="https://8.8.8.8/p.jpg", clientRequestId="k")
    assert (again.status_code, again.json()["data"]["jobId"]) == (200, job["id"])


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"",
        b"not json",
        b'{"prompt": "\xff"}',
        b"[" * 50_000,
        b'{"options": {"seed": ' + b"9" * 5000 + b"}}",
    ],
    ids=["cut", "empty", "text", "not UTF-8", "deep", "long number"],
)
async def test_malformed_json_is_refused(alice, content):
    answer = await alice.post(
        "/api/video/animate", content=content, headers={"Content-Type": "application/json"}
    )
    refused(answer, 400, "malformed_json")


async def test_strangers_are_refused_before_their_body_is_looked_at(jwt_server):
    for content in (b"{", b'{"image": 1}', b" " * (1 << 20)):
        answer = await jwt_server.http.post(
            "/api/video/animate", content=content, headers={"Content-Type": "application/json"}
        )
        refused(answer, 401, "unauthenticated")


@pytest.mark.parametrize("way", ["declared", "chunked"])
async def test_no_more_is_read_than_a_wish_can_have(alice, way):
    large = b'{"prompt": "' + b" " * (64 << 10) + b'"}'

    async def blocks():
        for start in range(0, len(large), 1 << 12):
            yield large[start : start + (1 << 12)]

    content = large if way == "declared" else blocks()
    answer = await alice.post(
        "/api/video/animate", content=content, headers={"Content-Type": "application/json"}
    )
    refused(answer, 413, "payload_too_large")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"image": "x"}, "image"),
        ({"options": {"duration": 4}}, "options.duration"),
        ({"userId": "x"}, "userId"),
        ({"status": "succeeded"}, "status"),
        ({"imageId": 7}, "imageId"),
        ({"imageId": "x" * 65}, "imageId"),
        ({"sourceImagePath": ["x"]}, "sourceImagePath"),
        ({"sourceImagePath": "x" * 513}, "sourceImagePath"),
        ({"sourceImageUrl": "https://a.example/" + "x" * 2048}, "sourceImageUrl"),
        ({"prompt": {"text": "x"}}, "prompt"),
        ({"prompt": "x" * 2001}, "prompt"),
        ({"prompt": "a\u0000b"}, "prompt"),
        ({"clientRequestId": ""}, "clientRequestId"),
        ({"clientRequestId": "x" * 256}, "clientRequestId"),
        ({"clientRequestId": "two words"}, "clientRequestId"),
        ({"clientRequestId": "schlüssel"}, "clientRequestId"),
        ({"clientRequestId": "line\n"}, "clientRequestId"),
        ({"clientRequestId": 5}, "clientRequestId"),
        ({"options": None}, "options"),
        ({"options": []}, "options"),
        ({"options": {"durationSec": 0.99}}, "options.durationSec"),
        ({"options": {"durationSec": 15.01}}, "options.durationSec"),
        ({"options": {"durationSec": "4"}}, "options.durationSec"),
        ({"options": {"durationSec": True}}, "options.durationSec"),
        ({"options": {"resolution": "4k"}}, "options.resolution"),
        ({"options": {"motionStrength": "wild"}}, "options.motionStrength"),
        ({"options": {"aspectRatio": "2:1"}}, "options.aspectRatio"),
        ({"options": {"seed": -1}}, "options.seed"),
        ({"options": {"seed": 2**31}}, "options.seed"),
        ({"options": {"seed": 1.5}}, "options.seed"),
        ({"options": {"loop": "yes"}}, "options.loop"),
        ({"options": {"loop": 1}}, "options.loop"),
        ({"options": {"fps": 25}}, "options.fps"),
        ({"options": {"provider": ""}}, "options.provider"),
        ({"options": {"move": 1}}, "options.move"),
    ],
    ids=lambda value: str(value)[:60].replace("\u0000", "NUL") if isinstance(value, dict) else "",
)
async def test_unknown_fields_and_wrong_values_are_named(alice, body, field):
    body = {"imageId": str(uuid4()), **body}
    answer = refused(await alice.animate(**body), 422, "unprocessable")
    named = [entry["field"] for entry in answer["details"]["fields"]]
    assert named == [field]
    assert field in answer["detail"]
    assert "xxxx" not in str(answer), "a value is quoted"
    assert await nothing_happened(alice)


async def test_a_lone_surrogate_is_no_text(alice):
    answer = await alice.post(
        "/api/video/animate",
        content=b'{"imageId": "x", "prompt": "\\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert answer.json()["details"]["fields"][0]["field"] == "prompt"


@pytest.mark.parametrize("key", ["x" * 256, "two words", "ümlaut"])
async def test_an_unusable_key_in_the_header_is_named(alice, key):
    answer = await alice.animate({"Idempotency-Key": key.encode("latin-1")}, imageId=str(uuid4()))
    body = refused(answer, 422, "unprocessable")
    assert [entry["field"] for entry in body["details"]["fields"]] == ["idempotency-key"]


async def test_all_wrong_fields_are_named_at_once(alice):
    body = {"prompt": 1, "x": 2, "options": {"seed": -1, "y": 3}}
    answer = refused(await alice.animate(**body), 422, "unprocessable")
    named = {entry["field"] for entry in answer["details"]["fields"]}
    assert named == {"prompt", "x", "options.seed", "options.y"}


@pytest.mark.parametrize(
    ("options", "code"),
    [({"provider": "nobody"}, "unknown_provider"), ({"move": "moonwalk"}, "unknown_move")],
)
async def test_what_no_provider_here_can_do_is_refused_with_what_it_can(alice, options, code):
    image = (await alice.upload())["imageId"]
    body = refused(await alice.animate(imageId=image, options=options), 400, code)
    assert "use one of" in body["detail"]
    assert await nothing_happened(alice)


async def test_every_option_at_its_bounds_is_kept_as_asked(jwt_server, alice):
    jwt_server.allow(alice.id, opened=20)
    bounds = [
        {"durationSec": 1, "seed": 0, "fps": 24},
        {"durationSec": 15, "seed": 2**31 - 1, "fps": 30},
        {"resolution": "480p", "motionStrength": "low", "aspectRatio": "auto", "loop": False},
        {"resolution": "1080p", "motionStrength": "high", "aspectRatio": "9:16", "loop": True},
        {"resolution": "720p", "motionStrength": "medium", "aspectRatio": "3:4"},
        {"aspectRatio": "16:9", "provider": "local", "move": "orbit"},
        {"aspectRatio": "1:1"},
        {"aspectRatio": "4:3"},
    ]
    image = (await alice.upload())["imageId"]
    for options in bounds:
        answer = await alice.animate(
            imageId=image,
            options=options,
            prompt="ü" * 2000,
            clientRequestId=str(options).replace(" ", ""),
        )
        assert answer.status_code == 202, answer.text
        job = await alice.job(answer.json()["data"]["jobId"])
        assert job["options"] == options


async def test_a_key_of_255_visible_characters_is_taken(alice):
    key = ("".join(chr(code) for code in range(0x21, 0x7F)) * 3)[:255]
    job = await alice.job(await alice.new_job(clientRequestId=key))
    assert job["client_request_id"] == key


async def test_the_picture_of_an_address_is_fetched_by_the_worker(worker, serve_bytes):
    person = worker.person()
    picture = await serve_bytes(encoded(noise()), "image/jpeg")
    job_id = (await person.animate(sourceImageUrl=picture)).json()["data"]["jobId"]
    job = await person.ended(job_id)
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert job["source_image_url"] == picture


async def test_an_unusable_picture_of_an_address_fails_the_job_and_gives_the_unit_back(
    worker, serve_bytes
):
    person = worker.person()
    page = await serve_bytes(b"<html>not a picture</html>", "image/jpeg")
    job_id = (await person.animate(sourceImageUrl=page)).json()["data"]["jobId"]
    job = await person.ended(job_id)
    assert (job["status"], job["failure"]["code"]) == ("failed", "image_rejected")
    assert job["failure"]["charged"] is False
    assert job["error"] == job["failure"]["message"]
    assert (await person.quota())["used"] == 0


async def test_the_creation_is_logged_as_operators_look_for_it(alice, log_lines):
    await alice.new_job(clientRequestId="click-7", prompt="a secret wish")
    lines = log_lines("[VideoAnimate] Creating job")
    assert lines == [f"[VideoAnimate] Creating job for user {alice.id}, client_request_id: click-7"]
    assert "secret wish" not in log_lines.raw
