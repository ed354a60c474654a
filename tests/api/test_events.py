"""GET /api/video/jobs/{id}/events: a job's states as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from photoplay.api.routes import events as events_route
from tests.api.serving import Person, refused
from tests.conftest import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Stream:
    """An open event stream, read message by message as a browser does."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def message(self) -> dict[str, str] | None:
        """The next message's fields (comments under ""), None at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            async for line in self._lines:
                if not line:
                    return fields
                name, _, value = line.partition(":")
                assert name not in fields, "one line a field"
                fields[name] = value.removeprefix(" ")
        assert not fields
        return None

    async def jobs(self) -> list[dict[str, Any]]:
        """Every job event up to the end of the stream."""
        seen = []
        while (message := await self.message()) is not None:
            if message.get("event") == "job":
                seen.append(json.loads(message["data"]) | {"event_id": message["id"]})
        return seen


def follow(person: Person, job_id: str, **headers: str):
    return person.stream(f"/api/video/jobs/{job_id}/events", headers)


async def heard(person: Person, job_id: str, count: int = 1) -> None:
    """Return when that many streams of the job wait inside the server."""
    waiting = person.server.app.state.service.changes._waiting
    await until(lambda: len(waiting.get(UUID(job_id), ())) == count)


async def test_a_stream_tells_every_state_and_ends_with_the_last(worker):
    person = worker.person()
    worker.hold()
    job_id = await person.new_job()
    await person.reached(job_id, phase="waiting")
    async with follow(person, job_id) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
        stream = Stream(answer.aiter_lines())
        assert await stream.message() == {"retry": "5000"}
        first = await stream.message()
        assert set(first) == {"event", "id", "data"}
        assert first["event"] == "job"
        assert json.loads(first["data"])["status"] == "running"
        worker.release()
        jobs = await stream.jobs()
    assert jobs[-1]["status"] == "succeeded"
    versions = [int(first["id"]), *(int(job["event_id"]) for job in jobs)]
    assert versions == sorted(set(versions))
    assert [int(job["event_id"]) for job in jobs] == [job["version"] for job in jobs]
    shown = await person.job(job_id)
    unsigned = {name for name in shown if not name.startswith("signed")}
    assert {name: jobs[-1][name] for name in unsigned} == {name: shown[name] for name in unsigned}
    assert (await worker.server.http.get(jobs[-1]["signedVideoUrl"])).status_code == 200


async def test_what_the_client_has_already_is_not_repeated(worker):
    person = worker.person()
    job_id = await person.new_job()
    version = (await person.ended(job_id))["version"]
    for known, expected in ((version - 1, 1), (version, 0), (version + 1, 0)):
        async with follow(person, job_id, **{"Last-Event-ID": str(known)}) as answer:
            jobs = await Stream(answer.aiter_lines()).jobs()
        assert len(jobs) == expected


@pytest.mark.parametrize("known", ["-1", "abc", "", "9" * 5000, "1.5", "\xb2"])
async def test_a_strange_last_event_id_is_none(worker, known):
    person = worker.person()
    job_id = await person.new_job()
    await person.ended(job_id)
    async with follow(person, job_id, **{"Last-Event-ID": known.encode("latin-1")}) as answer:
        assert answer.status_code == 200
        assert len(await Stream(answer.aiter_lines()).jobs()) == 1


async def test_a_quiet_stream_shows_that_it_lives(alice, monkeypatch):
    monkeypatch.setattr(events_route, "_LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr(events_route, "HEARTBEAT_S", 0.1)
    job_id = await alice.new_job()
    async with follow(alice, job_id) as answer:
        stream = Stream(answer.aiter_lines())
        assert await stream.message() == {"retry": "5000"}
        assert (await stream.message())["event"] == "job"
        for _ in range(3):
            assert await stream.message() == {"": "still here"}
        await alice.post(f"/api/video/jobs/{job_id}/cancel")
        assert [job["status"] for job in await stream.jobs()] == ["cancelled"]


async def test_heartbeats_come_every_fifteen_seconds_by_default():
    assert events_route.HEARTBEAT_S == 15


async def test_a_stream_moves_without_notifications(alice, monkeypatch):
    monkeypatch.setattr(events_route, "_LOOK_AGAIN_S", 0.05)
    changes = alice.server.app.state.service.changes
    monkeypatch.setattr(changes, "_wake", lambda _: None)
    job_id = await alice.new_job()
    async with follow(alice, job_id) as answer:
        stream = Stream(answer.aiter_lines())
        await stream.message()
        assert json.loads((await stream.message())["data"])["status"] == "queued"
        await alice.post(f"/api/video/jobs/{job_id}/cancel")
        assert [job["status"] for job in await stream.jobs()] == ["cancelled"]


async def test_a_lost_listen_connection_is_made_again(alice):
    server = alice.server
    ended = server.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name = 'photoplay-changes'"
    )
    assert ended == [(True,)]
    await until(
        lambda: server.rows(
            "select from pg_stat_activity where datname = current_database()"
            " and application_name = 'photoplay-changes' and query = 'listen photoplay_jobs'"
        )
    )
    job_id = await alice.new_job()
    async with follow(alice, job_id) as answer:
        stream = Stream(answer.aiter_lines())
        await heard(alice, job_id)
        await alice.post(f"/api/video/jobs/{job_id}/cancel")
        assert (await stream.jobs())[-1]["status"] == "cancelled"


async def test_many_streams_of_one_job_end_alike(worker):
    person = worker.person()
    worker.hold()
    job_id = await person.new_job()

    async def last_state() -> dict[str, Any]:
        async with follow(person, job_id) as answer:
            return (await Stream(answer.aiter_lines()).jobs())[-1]

    streams = [asyncio.create_task(last_state()) for _ in range(20)]
    # The worker's own follower hears the changes through a connection of its own.
    await heard(person, job_id, len(streams))
    worker.release()
    states = await asyncio.gather(*streams)
    assert {(job["status"], job["version"]) for job in states} == {
        ("succeeded", states[0]["version"])
    }
    await until(lambda: UUID(job_id) not in person.server.app.state.service.changes._waiting)


async def test_a_client_that_leaves_is_forgotten(alice):
    job_id = await alice.new_job()
    async with follow(alice, job_id) as answer:
        await Stream(answer.aiter_lines()).message()
        await heard(alice, job_id)
    await heard(alice, job_id, 0)


async def test_an_erased_job_ends_its_stream(alice):
    job_id = await alice.new_job()
    async with follow(alice, job_id) as answer:
        stream = Stream(answer.aiter_lines())
        await heard(alice, job_id)
        await alice.delete(f"/api/video/jobs/{job_id}")
        statuses = [job["status"] for job in await stream.jobs()]
    assert set(statuses) <= {"queued", "cancelled"}


async def test_a_prompt_cannot_forge_an_event(alice):
    prompt = "a\n\nevent: job\nid: 999\ndata: {}\n\n\r\rretry: 1\u2028event: job\u2029\x85x"
    image = (await alice.upload())["imageId"]
    wish = await alice.animate(imageId=image, prompt=prompt, clientRequestId="k")
    job_id = wish.json()["data"]["jobId"]
    await alice.post(f"/api/video/jobs/{job_id}/cancel")
    async with follow(alice, job_id) as answer:
        content = await answer.aread()
    assert content.count(b"event: job") == 1
    assert content.isascii()
    assert b"retry: 1" not in content.removeprefix(b"retry: 5000\n\n")


async def test_nobody_follows_what_is_not_theirs(alice, bob):
    job_id = await alice.new_job()
    answer = await bob.get(f"/api/video/jobs/{job_id}/events")
    refused(answer, 404, "job_not_found")
    refused(await bob.get(f"/api/video/jobs/{uuid4()}/events"), 404, "job_not_found")
    refused(await bob.server.http.get(f"/api/video/jobs/{job_id}/events"), 401, "unauthenticated")
