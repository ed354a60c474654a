"""/api/video/jobs: look, wait, list, cancel, erase, play."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from photoplay.api.identity import make_ticket
from photoplay.api.routes import jobs as jobs_routes
from photoplay.api.views import etag_of
from photoplay.domain.outcomes import Blocked, Failed, Refusal
from tests.api.serving import MEDIA_SECRET, refused
from tests.support.clips import PROVENANCE

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELDS = {
    "id", "user_id", "status", "phase", "progress", "version", "overdue", "provider", "provider_job_id",
    "error", "failure", "created_at", "updated_at", "started_at", "finished_at", "expires_at",
    "source_image_url", "output_video_url", "options", "effective_options", "attempts", "result", "video",
    "client_request_id", "cost_usd",
}  # fmt: skip
SIGNED = {"signedVideoUrl", "signedPosterUrl", "signedUrlExpiresAt"}


async def test_a_finished_job_has_every_field_of_the_contract(worker):
    person = worker.person()
    image = await person.upload()
    options = {"durationSec": 2, "resolution": "480p"}
    created = await person.animate(imageId=image["imageId"], options=options, clientRequestId="k")
    job = await person.ended(created.json()["data"]["jobId"])
    assert set(job) == FIELDS | SIGNED
    assert UUID(job["id"])
    assert job["user_id"] == str(person.id)
    assert (job["status"], job["phase"], job["progress"]) == ("succeeded", "done", 1)
    assert (job["error"], job["failure"], job["overdue"]) == (None, None, False)
    assert job["provider"] == "local"
    assert job["provider_job_id"]
    assert job["options"] == options
    assert job["effective_options"] == {
        **options,
        "motionStrength": "low",
        "aspectRatio": "auto",
        "seed": 0,
        "loop": False,
        "move": "auto",
        "fps": 30,
    }
    assert job["source_image_url"] == image["path"]
    assert job["output_video_url"] == f"{person.id}/generated-videos/{job['id']}.mp4"
    assert job["client_request_id"] == "k"
    assert (job["cost_usd"], job["expires_at"]) == (0, None)
    content = worker.clip.read_bytes()
    assert job["video"] == {
        "width": 320, "height": 240, "duration_s": 1.0, "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    assert job["result"] == PROVENANCE
    (attempt,) = job["attempts"]
    assert set(attempt) == {
        "n",
        "provider",
        "model",
        "status",
        "error",
        "started_at",
        "finished_at",
    }
    assert (attempt["n"], attempt["status"], attempt["error"]) == (1, "succeeded", None)
    instants = [
        datetime.fromisoformat(text)
        for text in (
            job["created_at"],
            job["started_at"],
            attempt["started_at"],
            attempt["finished_at"],
            job["finished_at"],
        )
    ]
    assert instants == sorted(instants)
    assert {instant.utcoffset() for instant in instants} == {timedelta(0)}
    assert job["created_at"].endswith("Z")


async def test_an_open_job_has_no_signed_addresses_and_says_when_to_come_back(alice):
    answer = await alice.get(f"/api/video/jobs/{await alice.new_job()}")
    job = answer.json()["data"]
    assert set(job) == FIELDS
    assert (job["status"], job["phase"], job["progress"]) == ("queued", "accepted", None)
    assert (job["attempts"], job["video"], job["output_video_url"]) == ([], None, None)
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("verdict", "code", "attempt_status"),
    [
        (Blocked("input", billed=False), "content_refused", "blocked"),
        (
            Failed(Refusal.BAD_INPUT, "Send a sharper picture.", billed=False),
            "image_rejected",
            "failed",
        ),
    ],
    ids=["moderation", "input"],
)
async def test_a_failed_job_says_why_and_whether_it_was_charged(
    worker, verdict, code, attempt_status
):
    person = worker.person()
    worker.answers(verdict)
    job = await person.ended(await person.new_job())
    assert (job["status"], job["phase"]) == ("failed", "done")
    assert set(job["failure"]) == {"code", "message", "retryable", "charged"}
    assert (job["failure"]["code"], job["failure"]["charged"]) == (code, False)
    assert job["error"] == job["failure"]["message"]
    assert job["attempts"][0]["status"] == attempt_status
    assert job["video"] is None
    assert not SIGNED & set(job)
    assert (await person.quota())["used"] == 0


async def test_an_id_that_is_none_is_a_job_that_does_not_exist(alice):
    for address in ("not-a-uuid", "1", str(uuid4()) + "0", "%00"):
        answer = await alice.get(f"/api/video/jobs/{address}")
        assert answer.status_code == 404


class TestEntityTag:
    async def test_unchanged_state_answers_304_although_the_signed_address_changes(
        self, worker, monkeypatch
    ):
        person = worker.person()
        job_id = await person.new_job()
        await person.ended(job_id)
        address = f"/api/video/jobs/{job_id}"
        first = await person.get(address)
        # As if asked at another time: the signature then differs, the state does not.
        monkeypatch.setattr(
            worker.server.app.state.service,
            "settings",
            worker.server.stack.settings.model_copy(update={"signed_url_s": 60}),
        )
        second = await person.get(address)
        one, other = first.json()["data"], second.json()["data"]
        assert one["signedVideoUrl"] != other["signedVideoUrl"]
        assert first.headers["etag"] == second.headers["etag"]
        for held in (
            first.headers["etag"],
            f'"other", {first.headers["etag"]}',
            "W/" + first.headers["etag"],
            "*",
        ):
            unchanged = await person.get(address, {"If-None-Match": held})
            assert (unchanged.status_code, unchanged.content) == (304, b"")
            assert unchanged.headers["etag"] == first.headers["etag"]

    async def test_a_changed_state_answers_200_with_another_tag(self, alice):
        job_id = await alice.new_job()
        address = f"/api/video/jobs/{job_id}"
        before = (await alice.get(address)).headers["etag"]
        await alice.post(address + "/cancel")
        after = await alice.get(address, {"If-None-Match": before})
        assert after.status_code == 200
        assert after.headers["etag"] != before

    async def test_becoming_overdue_is_a_change_although_nobody_writes_it(self, alice):
        row = {"id": 1, "version": 7, "finished_at": None}
        soon, past = (
            datetime.now(UTC) + timedelta(hours=1),
            datetime.now(UTC) - timedelta(seconds=1),
        )
        assert etag_of(row | {"overdue_at": soon}) != etag_of(row | {"overdue_at": past})
        ended = {"finished_at": past}
        assert etag_of(row | ended | {"overdue_at": soon}) == etag_of(
            row | ended | {"overdue_at": past}
        )


class TestWait:
    @pytest.mark.parametrize("way", ["query", "prefer"])
    async def test_an_answer_comes_with_the_change(self, alice, way):
        job_id = await alice.new_job()
        address = f"/api/video/jobs/{job_id}"
        asked = {
            "query": {"params": {"wait": 30}},
            "prefer": {"headers": {"Prefer": "respond-async, wait=30"}},
        }[way]
        waiting = asyncio.create_task(alice.get(address, **asked))
        await listened_to(alice, job_id)
        assert not waiting.done()
        await alice.post(address + "/cancel")
        answer = await asyncio.wait_for(waiting, 15)
        assert answer.json()["data"]["status"] == "cancelled"
        applied = answer.headers.get("preference-applied")
        assert applied == ("wait=30" if way == "prefer" else None)

    async def test_what_changed_since_the_held_state_is_answered_at_once(self, alice):
        job_id = await alice.new_job()
        address = f"/api/video/jobs/{job_id}"
        held = (await alice.get(address)).headers["etag"]
        alice.server.owner.execute(
            "update public.video_jobs set overdue_at = now() - interval '1 s' where id = %s",
            (job_id,),
        )
        answer = await asyncio.wait_for(
            alice.get(address, {"If-None-Match": held}, params={"wait": 60}), 15
        )
        assert answer.status_code == 200
        assert answer.json()["data"]["overdue"] is True

    async def test_the_time_out_answers_the_unchanged_state(self, alice):
        job_id = await alice.new_job()
        address = f"/api/video/jobs/{job_id}"
        held = {"If-None-Match": (await alice.get(address)).headers["etag"]}
        plain, unchanged = await asyncio.gather(
            alice.get(address, params={"wait": 1}), alice.get(address, held, params={"wait": 1})
        )
        assert (plain.status_code, plain.json()["data"]["status"]) == (200, "queued")
        assert (unchanged.status_code, unchanged.content) == (304, b"")

    async def test_sixty_seconds_are_the_most(self, alice):
        job_id = await alice.new_job()
        address = f"/api/video/jobs/{job_id}"
        await alice.post(address + "/cancel")
        preferred = await alice.get(address, {"Prefer": "wait=900"})
        assert preferred.headers["preference-applied"] == "wait=60"
        body = refused(await alice.get(address, params={"wait": 61}), 422, "unprocessable")
        assert body["details"]["fields"][0]["field"] == "wait"

    async def test_a_terminal_job_is_answered_at_once(self, alice):
        job_id = await alice.new_job()
        await alice.post(f"/api/video/jobs/{job_id}/cancel")
        assert (await asyncio.wait_for(alice.job(job_id, wait=60), 15))["status"] == "cancelled"

    async def test_nobody_waits_for_what_is_not_theirs(self, alice, bob):
        job_id = await alice.new_job()
        answer = await asyncio.wait_for(
            bob.get(f"/api/video/jobs/{job_id}", params={"wait": 60}), 15
        )
        refused(answer, 404, "job_not_found")

    async def test_a_change_is_noticed_without_notifications(self, alice, monkeypatch):
        monkeypatch.setattr(jobs_routes, "_LOOK_AGAIN_S", 0.05)
        changes = alice.server.app.state.service.changes
        monkeypatch.setattr(changes, "_wake", lambda _: None)
        job_id = await alice.new_job()
        waiting = asyncio.create_task(alice.job(job_id, wait=30))
        await listened_to(alice, job_id)
        await alice.post(f"/api/video/jobs/{job_id}/cancel")
        assert (await asyncio.wait_for(waiting, 15))["status"] == "cancelled"


async def listened_to(person, job_id: str) -> None:
    """Return when somebody waits for the job inside the server."""
    from tests.conftest import until

    await until(lambda: UUID(job_id) in person.server.app.state.service.changes._waiting)


class TestList:
    async def test_own_jobs_newest_first_page_by_page(self, jwt_server, alice, bob):
        jwt_server.allow(alice.id, opened=10)
        image = (await alice.upload())["imageId"]
        made = [
            (await alice.animate(imageId=image, clientRequestId=f"k{n}")).json()["data"]["jobId"]
            for n in range(5)
        ]
        await bob.new_job()
        seen, cursor = [], None
        for expected in (2, 2, 1):
            query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await alice.get("/api/video/jobs", params=query)).json()["data"]
            assert len(page["items"]) == expected
            seen += [job["id"] for job in page["items"]]
            cursor = page["next_cursor"]
        assert cursor is None
        assert seen == made[::-1]
        # What is made meanwhile moves nothing.
        first = (await alice.get("/api/video/jobs", params={"limit": 3})).json()["data"]
        await alice.animate(imageId=image, clientRequestId="later")
        rest = await alice.get("/api/video/jobs", params={"cursor": first["next_cursor"]})
        assert [job["id"] for job in rest.json()["data"]["items"]] == made[::-1][3:]

    async def test_the_status_filter_chooses(self, alice):
        queued, cancelled = await alice.new_job(), await alice.new_job()
        await alice.post(f"/api/video/jobs/{cancelled}/cancel")
        for status, expected in (("queued", [queued]), ("cancelled", [cancelled]), ("failed", [])):
            page = (await alice.get("/api/video/jobs", params={"status": status})).json()["data"]
            assert [job["id"] for job in page["items"]] == expected
        answer = await alice.get("/api/video/jobs", params={"status": "unheard"})
        assert refused(answer, 422, "unprocessable")["details"]["fields"][0]["field"] == "status"

    async def test_finished_jobs_in_a_list_play(self, worker):
        person = worker.person()
        await person.ended(await person.new_job())
        (job,) = (await person.get("/api/video/jobs")).json()["data"]["items"]
        assert set(job) == FIELDS | SIGNED
        assert (await worker.server.http.get(job["signedVideoUrl"])).status_code == 200

    @pytest.mark.parametrize(
        "cursor",
        [
            "x",
            "",
            "%%%",
            "ü",
            base64.urlsafe_b64encode(b"\xff\xfe").decode(),
            base64.urlsafe_b64encode(b"now|me").decode(),
            base64.urlsafe_b64encode(
                b"2026-01-01T00:00:00|11111111-2222-4333-8444-555555555555"
            ).decode(),
        ],
        ids=["letter", "empty", "signs", "umlaut", "bytes", "words", "no time zone"],
    )
    async def test_a_cursor_that_is_not_ours_is_refused(self, alice, cursor):
        answer = await alice.get("/api/video/jobs", params={"cursor": cursor})
        refused(answer, 400, "cursor_invalid")

    @pytest.mark.parametrize("limit", ["0", "101", "many"])
    async def test_the_limit_has_bounds(self, alice, limit):
        answer = await alice.get("/api/video/jobs", params={"limit": limit})
        refused(answer, 422, "unprocessable")


class TestCancel:
    async def test_cancelling_is_idempotent_and_gives_the_unit_back_once(self, alice):
        job_id = await alice.new_job()
        address = f"/api/video/jobs/{job_id}/cancel"
        answers = [await alice.post(address), await alice.post(address)]
        answers += await asyncio.gather(*(alice.post(address) for _ in range(5)))
        for answer in answers:
            assert answer.status_code == 202
            assert answer.json()["data"]["status"] == "cancelled"
        quota = await alice.quota()
        assert (quota["used"], quota["openJobs"]) == (0, 0)

    async def test_what_the_worker_is_at_is_stopped(self, worker):
        person = worker.person()
        worker.hold()
        job_id = await person.new_job()
        await person.reached(job_id, phase="waiting")
        assert (await person.post(f"/api/video/jobs/{job_id}/cancel")).status_code == 202
        worker.release()
        job = await person.ended(job_id)
        assert (job["status"], job["output_video_url"]) == ("cancelled", None)
        assert (await person.quota())["used"] == 0

    async def test_a_job_that_has_ended_otherwise_is_refused(self, worker):
        person = worker.person()
        succeeded = await person.new_job()
        await person.ended(succeeded)
        worker.answers(Blocked("input", billed=False))
        failed = await person.new_job()
        await person.ended(failed)
        for job_id in (succeeded, failed):
            answer = await person.post(f"/api/video/jobs/{job_id}/cancel")
            refused(answer, 409, "already_finished")


class TestErase:
    async def test_nothing_is_left_of_an_erased_job_but_its_key(self, worker):
        person = worker.person()
        wish = {
            "imageId": (await person.upload())["imageId"],
            "clientRequestId": "k",
            "prompt": "p",
        }
        job_id = (await person.animate(**wish)).json()["data"]["jobId"]
        job = await person.ended(job_id)
        address = f"/api/video/jobs/{job_id}"
        answer = await person.delete(address)
        assert (answer.status_code, answer.content) == (204, b"")
        refused(await person.get(address), 404, "job_not_found")
        refused(await person.delete(address), 404, "job_not_found")
        refused(await person.animate(**wish), 410, "erased")
        refused(await person.animate(**{**wish, "prompt": "q"}), 410, "erased")
        for link in (job["signedVideoUrl"], job["signedPosterUrl"]):
            refused(await worker.server.http.get(link), 404, "not_found")
        kept = [path.parent.name for path in worker.server.objects(person.id)]
        assert kept == ["source-images"]
        assert (await person.get("/api/video/jobs")).json()["data"]["items"] == []
        # The unit of a job that was made stays taken.
        assert (await person.quota())["used"] == 1

    async def test_an_open_job_is_cancelled_first(self, worker):
        person = worker.person()
        worker.hold()
        job_id = await person.new_job()
        await person.reached(job_id, phase="waiting")
        assert (await person.delete(f"/api/video/jobs/{job_id}")).status_code == 204
        worker.release()
        refused(await person.get(f"/api/video/jobs/{job_id}"), 404, "job_not_found")
        stub = worker.server.rows("select status from photoplay.erased_jobs where id = %s", job_id)
        assert stub == [("cancelled",)]
        quota = await person.quota()
        assert (quota["used"], quota["openJobs"]) == (0, 0)


class TestPlayback:
    async def test_the_stable_address_leads_to_a_fresh_signed_one(self, worker):
        person = worker.person()
        job_id = await person.new_job()
        await person.ended(job_id)
        for name, kind in (("video", "video/mp4"), ("poster", "image/jpeg")):
            answer = await person.get(f"/api/video/jobs/{job_id}/{name}")
            assert answer.status_code == 302
            assert answer.headers["cache-control"] == "private, no-store"
            media = await worker.server.http.get(answer.headers["location"])
            assert (media.status_code, media.headers["content-type"]) == (200, kind)

    @pytest.mark.parametrize("name", ["video", "poster"])
    async def test_there_is_nothing_to_play_before_the_end(self, alice, name):
        job_id = await alice.new_job()
        refused(await alice.get(f"/api/video/jobs/{job_id}/{name}"), 409, "not_finished")

    async def test_a_ticket_opens_one_job_without_a_header(self, worker):
        person = worker.person()
        job_id, other = await person.new_job(), await person.new_job()
        await person.ended(job_id)
        await person.ended(other)
        answer = await person.post(f"/api/video/jobs/{job_id}/ticket")
        data = answer.json()["data"]
        left = datetime.fromisoformat(data["expiresAt"]) - datetime.now(UTC)
        assert timedelta(minutes=14) < left <= timedelta(minutes=15)
        http, ticket = worker.server.http, {"ticket": data["ticket"]}
        for name in ("video", "poster"):
            assert (
                await http.get(f"/api/video/jobs/{job_id}/{name}", params=ticket)
            ).status_code == 302
            refused(
                await http.get(f"/api/video/jobs/{other}/{name}", params=ticket),
                401,
                "ticket_invalid",
            )
        assert (
            await http.get(f"/api/video/jobs/{job_id}/events", params=ticket)
        ).status_code == 200
        # It reads these addresses and nothing else.
        refused(await http.get(f"/api/video/jobs/{job_id}", params=ticket), 401, "unauthenticated")
        refused(
            await http.delete(f"/api/video/jobs/{job_id}", params=ticket), 401, "unauthenticated"
        )

    async def test_a_forged_or_old_ticket_opens_nothing(self, worker):
        person, stranger = worker.person(), worker.person()
        job_id = await person.new_job()
        await person.ended(job_id)
        soon, past = (
            datetime.now(UTC) + timedelta(minutes=5),
            datetime.now(UTC) - timedelta(seconds=1),
        )
        good = make_ticket(MEDIA_SECRET, UUID(job_id), person.id, soon)
        user, expires, code = good.split(".")
        forged = [
            make_ticket(MEDIA_SECRET, UUID(job_id), person.id, past),
            make_ticket(b"another secret of 32 bytes or more", UUID(job_id), person.id, soon),
            f"{stranger.id}.{expires}.{code}",
            f"{user}.{int(expires) + 60}.{code}",
            f"{user}.{expires}.",
            "x", "", "..", "a.b.c", f"{user}.{expires}.ü",
        ]  # fmt: skip
        for ticket in forged:
            answer = await worker.server.http.get(
                f"/api/video/jobs/{job_id}/video", params={"ticket": ticket}
            )
            refused(answer, 401, "ticket_invalid")
        # A genuine ticket of another user is one for a job that is not theirs.
        theirs = make_ticket(MEDIA_SECRET, UUID(job_id), stranger.id, soon)
        answer = await worker.server.http.get(
            f"/api/video/jobs/{job_id}/video", params={"ticket": theirs}
        )
        refused(answer, 404, "job_not_found")
