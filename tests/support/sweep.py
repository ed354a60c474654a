"""Everybody at everybody's things: seeded requests over all routes of the API, and what they must not do.

The routes are those of the OpenAPI document, so a new one is swept without being named here. Each step
is one user at one user's thing. At another's thing the same request is sent once more for a thing that
never existed, and both answers must be the same.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx

from photoplay.api.views import make_cursor
from tests.api.serving import Person, Server, encoded, noise
from tests.conftest import until

OPEN = ("/healthz", "/readyz", "/metrics")
"""Routes that say the same to everybody."""
ADMIN = "/api/admin/"
_ANSWER_S = 30.0


@dataclass
class Citizen:
    """A user with a thing of every kind.

    Attributes:
        marks: texts that nobody else may be shown, unless they asked with them.
        is_quiet: sends nothing, so nothing of theirs may change.
    """

    person: Person
    picture: bytes = field(repr=False)
    image: dict[str, Any]
    jobs: dict[str, str]
    ticket: str
    media: tuple[str, dict[str, str]]
    upload: tuple[str, dict[str, str]]
    cursor: str
    marks: set[str]
    is_quiet: bool = False

    @property
    def id(self) -> UUID:
        return self.person.id


async def settle(server: Server, *, is_quiet: bool) -> Citizen:
    """Let a new user have pictures, jobs in several states, a video, a ticket and signed addresses."""
    person = server.person()
    server.allow(person.id, daily=100_000, opened=100_000, dedupe=False)
    picture = encoded(noise())
    image, key = await person.upload(picture), f"key-{uuid4()}"
    jobs = {
        name: await person.new_job(clientRequestId=f"{key}-{name}")
        for name in ("succeeded", "cancelled")
    }
    done = await person.ended(jobs["succeeded"])
    assert done["status"] == "succeeded", done
    await person.post(f"/api/video/jobs/{jobs['cancelled']}/cancel")
    ticket = (await person.post(f"/api/video/jobs/{done['id']}/ticket")).json()["data"]["ticket"]
    begun = (await person.post("/api/video/images/uploads")).json()["data"]
    rows = server.rows(
        "select created_at, id from public.video_jobs where user_id = %s order by created_at desc",
        person.id,
    )
    return Citizen(
        person, picture, image, jobs, ticket,
        media=_parts(done["signedVideoUrl"]),
        upload=_parts(begun["uploadUrl"]),
        cursor=make_cursor({"created_at": rows[0][0], "id": rows[0][1]}),
        marks={str(person.id), key, image["imageId"], *jobs.values(), ticket.rpartition(".")[2]},
        is_quiet=is_quiet,
    )  # fmt: skip


async def at_rest(server: Server) -> None:
    """Wait until the worker has nothing in its hands, so that it can be stopped between jobs."""
    await until(lambda: server.rows("select from photoplay.pgqueuer") == [])


def _parts(signed: str) -> tuple[str, dict[str, str]]:
    address = urlsplit(signed)
    query = dict(part.split("=", 1) for part in address.query.split("&"))
    return address.path.removeprefix("/media/"), query


@dataclass
class Step:
    """One request: who asks, whose thing it is, and how it is built for a given thing."""

    actor: Citizen
    target: Citizen
    method: str
    route: str
    build: Callable[[bool], dict[str, Any]]

    @property
    def is_foreign(self) -> bool:
        return self.actor is not self.target


class Sweep:
    """Seeded steps over the routes of a server, and what they brought to light.

    Attributes:
        leaks: each with the request that brought it; must stay empty.
        answers: number of answers by `own` or `foreign`, method, route and status.
    """

    def __init__(self, server: Server, citizens: list[Citizen], seed: int) -> None:
        self.server = server
        self.citizens = citizens
        self.leaks: list[str] = []
        self.answers: Counter[tuple[str, str, str, int]] = Counter()
        self.sent = 0
        self._dice = random.Random(seed)
        self._routes = [
            (method.upper(), route)
            for route, item in server.app.openapi()["paths"].items()
            for method in item
            if route not in OPEN
        ]

    async def run(self, requests: int, *, at_once: int = 8) -> None:
        """Send at least as many requests, several at a time."""
        room = asyncio.Semaphore(at_once)

        async def one(step: Step) -> None:
            async with room:
                await self._take(step)

        actors = [citizen for citizen in self.citizens if not citizen.is_quiet]
        # Everything once where it is allowed; what takes things away comes last.
        for method, route in sorted(self._routes, key=lambda named: named[0] == "DELETE"):
            await one(self._step(actors[0], method, route, target=actors[0]))
        while self.sent < requests:
            await asyncio.gather(*(one(self._any_step(actors)) for _ in range(64)))

    def refused_to_their_owners(self) -> set[str]:
        """Return the routes that no user could use for own things: what was swept there proves nothing."""
        routes = {f"{m} {route}" for m, route in self._routes if not route.startswith(ADMIN)}
        return routes - {
            f"{method} {route}"
            for kind, method, route, status in self.answers
            if kind == "own" and status < 400
        }

    def state_of_the_quiet(self) -> list[list[tuple[Any, ...]]]:
        """Return every row of those who send nothing, and the names of their objects."""
        quiet = [citizen.id for citizen in self.citizens if citizen.is_quiet]
        tables = self.server.rows(
            "select table_schema || '.' || table_name from information_schema.columns"
            " where column_name = 'user_id' and table_schema in ('public', 'photoplay') order by 1"
        )
        rows = [
            self.server.rows(
                f"select t::text from {table} t where user_id = any(%s) order by 1", quiet
            )
            for (table,) in tables
        ]
        return [*rows, [(str(path),) for user in quiet for path in self.server.objects(user)]]

    def _any_step(self, actors: list[Citizen]) -> Step:
        actor = self._dice.choice(actors)
        method, route = self._dice.choice(self._routes)
        is_own = self._dice.random() < (0.02 if method == "DELETE" else 0.25)
        others = [citizen for citizen in self.citizens if citizen is not actor]
        return self._step(
            actor, method, route, target=actor if is_own else self._dice.choice(others)
        )

    def _step(self, actor: Citizen, method: str, route: str, *, target: Citizen) -> Step:
        dice = self._dice
        job = dice.choice(list(target.jobs.values()))
        chosen = random.Random(dice.random())
        if target is actor and method == "GET":
            # An open one would be followed to its end, and only this one can be played.
            job = target.jobs["succeeded"]
        elif target is actor:
            job = target.jobs["cancelled"]

        def build(is_missing: bool) -> dict[str, Any]:
            again = random.Random()
            again.setstate(chosen.getstate())
            return _request(again, Filling(actor, target, job, is_missing), method, route)

        return Step(actor, target, method, route, build)

    async def _take(self, step: Step) -> None:
        answer, request = await self._send(step, is_missing=False)
        self._judge(step, request, answer)
        if not step.is_foreign:
            return
        missing, _ = await self._send(step, is_missing=True)
        if _shape(answer) != _shape(missing):
            self._report(step, request, f"{_shape(answer)} is not {_shape(missing)}")

    async def _send(self, step: Step, *, is_missing: bool) -> tuple[httpx.Response, dict[str, Any]]:
        request = step.build(is_missing)
        self.sent += 1
        async with asyncio.timeout(_ANSWER_S):
            answer = await self.server.http.request(step.method, **request)
        kind = "missing" if is_missing else "foreign" if step.is_foreign else "own"
        self.answers[kind, step.method, step.route, answer.status_code] += 1
        return answer, request

    def _judge(self, step: Step, request: dict[str, Any], answer: httpx.Response) -> None:
        if answer.status_code >= 500:
            self._report(step, request, f"{answer.status_code} {answer.text}")
        if step.route.startswith(ADMIN) and answer.status_code != 403:
            self._report(step, request, f"{answer.status_code} for a user without that scope")
        said = f"{answer.text}\n{answer.headers}"
        asked = repr(request)
        for other in self.citizens:
            if other is step.actor:
                continue
            shown = [mark for mark in other.marks if mark in said and mark not in asked]
            if shown:
                self._report(step, request, f"{answer.status_code} shows {shown}")

    def _report(self, step: Step, request: dict[str, Any], what: str) -> None:
        self.leaks.append(f"{step.method} {step.route} {request}: {what}")


@dataclass
class Filling:
    """What the parameters of a request are filled with: of the target, or of nobody."""

    actor: Citizen
    target: Citizen
    job: str
    is_missing: bool

    def job_id(self) -> str:
        return str(uuid4()) if self.is_missing else self.job

    def image_id(self) -> str:
        return str(uuid4()) if self.is_missing else self.target.image["imageId"]

    def user_id(self) -> str:
        return str(uuid4()) if self.is_missing else str(self.target.id)

    def key(self, method: str) -> str:
        if self.is_missing:
            folder = ("source-images", "jpg") if method == "PUT" else ("generated-videos", "mp4")
            return self.path(*folder)
        return (self.target.upload if method == "PUT" else self.target.media)[0]

    def path(self, folder: str, extension: str) -> str:
        """A path as the target's are, of something that is not there."""
        owner = uuid4() if self.is_missing else self.target.id
        return f"{owner}/{folder}/{uuid4()}.{extension}"


def _request(dice: random.Random, fill: Filling, method: str, route: str) -> dict[str, Any]:
    """Return the request as httpx takes it; every choice is the dice's."""
    named: dict[str, Callable[[], str]] = {
        "job_id": fill.job_id,
        "image_id": fill.image_id,
        "user_id": fill.user_id,
        "provider": lambda: "local",
        "key": lambda: fill.key(method),
    }  # fmt: skip
    address = re.sub(r"\{(\w+)(?::path)?\}", lambda m: named.get(m[1], fill.job_id)(), route)
    headers = dict(fill.actor.person.headers)
    if dice.random() < 0.1:
        headers["X-On-Behalf-Of"] = fill.user_id()
    request: dict[str, Any] = {"url": address, "headers": headers, "params": {}}
    if route.startswith("/media/"):
        # A foreign object at an address that was signed for an own one.
        request["params"] = (fill.actor.upload if method == "PUT" else fill.actor.media)[1]
        if method == "PUT":
            request["content"] = fill.actor.picture
    elif "{job_id}" in route and fill.actor is not fill.target and dice.random() < 0.3:
        request["params"]["ticket"] = fill.actor.ticket
    elif route == "/api/video/jobs":
        request["params"] = dice.choice([{}, {"cursor": fill.target.cursor}, {"limit": "100"}])
        if fill.is_missing:
            request["params"].pop("cursor", None)
    elif route == "/api/video/animate":
        request["json"] = _wish(dice, fill)
    elif route == "/api/video/images":
        request["content"] = fill.actor.picture if fill.is_missing else fill.target.picture
    elif method == "POST":
        request["json"] = {}
    return request


def _wish(dice: random.Random, fill: Filling) -> dict[str, Any]:
    missing = fill.path("source-images", "jpg")
    paths = [fill.target.image["path"]]
    if fill.actor is not fill.target:
        paths += [fill.target.upload[0], fill.target.media[0]]
    named = dice.choice(
        [
            {"imageId": fill.image_id()},
            {"sourceImagePath": missing if fill.is_missing else dice.choice(paths)},
        ]
    )
    return {**named, "clientRequestId": f"key-{dice.getrandbits(64)}"}


def _shape(answer: httpx.Response) -> tuple[int, str, tuple[str, ...]]:
    """What must be the same for a foreign and a missing thing: all but ids, times and signatures."""
    if answer.status_code < 400:
        # An own thing of the asker: a list, a quota, a new upload.
        return answer.status_code, "", ()
    text = re.sub(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", "ID", answer.text)
    varying = {"x-request-id", "date", "content-length"}
    return answer.status_code, text, tuple(sorted(k for k in answer.headers if k not in varying))
