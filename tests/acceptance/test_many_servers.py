"""Several server processes on one database are exactly as strict as one (gate 5, faults 8 and 11)."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from photoplay.db.pool import Database
from photoplay.invariants import check_invariants
from photoplay.operations.set_limits import set_limits
from photoplay.stack import APP_ROLE
from tests.api.serving import JWT_SECRET, encoded, free_of_environment, noise, token
from tests.conftest import copied_database

SERVERS = 3
BUSY = {"database_unavailable", "contention"}


@dataclass
class Servers:
    """Processes of `photoplay serve --no-worker`, and the database they share."""

    addresses: list[str]
    owner: psycopg.Connection
    app_dsn: str

    def limit(self, user: UUID, **limits: object) -> None:
        """Limits of one user's own."""
        values = {"daily_limit": 1000, "max_open_jobs": 1000, **limits}
        self.owner.execute(
            f"insert into photoplay.limits (user_id, {', '.join(values)})"
            f" values (%s{', %s' * len(values)})",
            (user, *values.values()),
        )

    def number(self, statement: str, *values: object) -> Any:
        row = self.owner.execute(statement, values).fetchone()
        return row[0] if row else None


@pytest.fixture(scope="module")
def servers(postgres, template, tmp_path_factory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as closing:
        name = closing.enter_context(copied_database(postgres, template))
        owner = closing.enter_context(psycopg.connect(postgres.dsn(dbname=name), autocommit=True))
        # The clock stands still, so that no bucket refills and no day ends meanwhile.
        owner.execute(f"alter database {name} set photoplay.test_now = '2026-06-01T12:00:00Z'")
        started = [
            start(closing, folder / str(n), postgres.dsn(dbname=name)) for n in range(SERVERS)
        ]
        yield Servers([address_of(p) for p in started], owner, postgres.dsn(APP_ROLE, name))


def start(closing: ExitStack, folder: Path, dsn: str) -> subprocess.Popen[str]:
    folder.mkdir()
    log = closing.enter_context((folder / "log").open("w"))
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "photoplay",
            "serve",
            "--no-worker",
            "--port",
            "0",
            "--data-dir",
            ".",
        ],
        cwd=folder,
        env={
            **free_of_environment(),
            "DATABASE_URL": dsn,
            "PHOTOPLAY_JWT_SECRET": JWT_SECRET,
            "PHOTOPLAY_DEDUPE_OPEN_JOBS": "false",
            "VIDEO_PROVIDER_PRIORITY": "local,fal-pika",
            "FAL_KEY": "not:used",
        },
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )

    def stop() -> None:
        process.terminate()
        process.communicate(timeout=60)

    closing.callback(stop)
    return process


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
    assert found, process.poll()
    return found[0]


@pytest.fixture
async def database(servers) -> AsyncIterator[Database]:
    async with Database(servers.app_dsn, size=4) as opened:
        yield opened


class Crowd:
    """Clients that ask at the same instant, each another server than the one before."""

    def __init__(self, servers: Servers, http: httpx.AsyncClient) -> None:
        self._servers = servers
        self._http = http

    async def picture(self, user: UUID) -> str:
        answer = await self._http.post(
            f"{self._servers.addresses[0]}/api/video/images",
            content=encoded(noise()),
            headers={"Authorization": f"Bearer {token(user)}"},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["imageId"]

    async def ask(self, wishes: list[tuple[UUID, dict[str, Any]]]) -> list[httpx.Response]:
        tokens = {user: token(user) for user, _ in wishes}

        async def one(n: int, user: UUID, wish: dict[str, Any]) -> httpx.Response:
            while True:
                answer = await self._http.post(
                    f"{self._servers.addresses[n % SERVERS]}/api/video/animate",
                    json=wish,
                    headers={"Authorization": f"Bearer {tokens[user]}"},
                )
                # A machine that is busy with other tests says so, and nothing has happened.
                if answer.status_code != 503 or answer.json()["code"] not in BUSY:
                    return answer

        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(one(n, *wish)) for n, wish in enumerate(wishes)]
        return [task.result() for task in asked]


@pytest.fixture
async def crowd(servers) -> AsyncIterator[Crowd]:
    # A connection kept for later may be closed by the server just as the next request leaves on it.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=120, limits=limits, trust_env=False) as http:
        yield Crowd(servers, http)


def said(answers: list[httpx.Response]) -> Counter[str]:
    """Count the answers by their code, or their status where they have none."""
    return Counter(str(a.json().get("code", a.status_code)) for a in answers)


async def sound(database: Database) -> bool:
    return not any((await check_invariants(database, None)).values())


@pytest.mark.fault(11, 42)
@pytest.mark.parametrize(
    ("requests", "units", "with_keys"), [(25, 5, True), (25, 5, False), (500, 40, True)]
)
async def test_of_parallel_wishes_exactly_as_many_as_units_are_accepted(
    servers, crowd, database, requests, units, with_keys
):
    user = uuid4()
    servers.limit(user, daily_limit=units)
    wish = {"imageId": await crowd.picture(user)}
    wishes = [
        (user, {**wish, **({"clientRequestId": f"key-{n}"} if with_keys else {})})
        for n in range(requests)
    ]
    answers = await crowd.ask(wishes)
    assert said(answers) == {"202": units, "quota_exceeded": requests - units}
    left = [
        int(m[1])
        for a in answers
        if a.status_code == 202 and (m := re.search(r'"daily";r=(\d+)', a.headers["ratelimit"]))
    ]
    assert sorted(left) == list(range(units))
    counted = "select count from public.video_quota where user_id = %s"
    assert servers.number(counted, user) == units
    assert (
        servers.number("select count(*) from public.video_jobs where user_id = %s", user) == units
    )
    assert await sound(database)


async def test_open_jobs_never_exceed_their_limit(servers, crowd, database):
    user = uuid4()
    servers.limit(user, max_open_jobs=7)
    wish = {"imageId": await crowd.picture(user)}
    answers = await crowd.ask([(user, wish)] * 100)
    assert said(answers) == {"202": 7, "too_many_open_jobs": 93}
    counted = "select count from public.video_quota where user_id = %s"
    assert servers.number(counted, user) == 7
    assert await sound(database)


@pytest.mark.fault(42)
async def test_a_users_spend_never_exceeds_its_cap(servers, crowd, database):
    user = uuid4()
    servers.limit(user, daily_spend_usd="1.10")
    # 5 s of 720p at fal-pika are listed at 0.20.
    wish = {"imageId": await crowd.picture(user), "options": {"provider": "fal-pika"}}
    answers = await crowd.ask([(user, wish)] * 60)
    assert said(answers) == {"202": 5, "spend_cap_reached": 55}
    spent = servers.number("select usd from photoplay.spend where user_id = %s", user)
    assert spent == Decimal("1.00")
    refused = next(a for a in answers if a.status_code == 429)
    assert refused.json()["details"] == {"cap": "user", "resetsAt": "2026-06-02T00:00:00Z"}
    assert refused.headers["ratelimit"] == '"spend";r=0;t=43200'
    assert refused.headers["retry-after"] == "43200"
    assert await sound(database)


@pytest.mark.fault(42)
async def test_everybodys_spend_never_exceeds_its_cap(servers, crowd, database):
    before = servers.number(
        "select coalesce(sum(usd), 0) from photoplay.spend where user_id is not null"
    )
    everybody = {"daily_limit": 20, "max_open_jobs": 5, "dedupe_open_jobs": False}
    await set_limits(database, **everybody, total_daily_spend_usd=before + Decimal("2.10"))
    users = [uuid4() for _ in range(20)]
    wishes = [
        (user, {"imageId": await crowd.picture(user), "options": {"provider": "fal-pika"}})
        for user in users
    ]
    try:
        answers = await crowd.ask(wishes * 3)
        assert said(answers) == {"202": 10, "spend_cap_reached": 50}
        spent = servers.number("select usd from photoplay.spend where user_id is null")
        assert spent == before + Decimal("2.00")
        free = await crowd.ask([(user, {"imageId": wish["imageId"]}) for user, wish in wishes])
        assert said(free) == {"202": 20}
        assert await sound(database)
    finally:
        await set_limits(database, **everybody)


async def test_the_rate_of_requests_holds_for_all_servers_together(servers, crowd, database):
    user = uuid4()
    servers.limit(user, requests_per_minute=9)
    wish = {"imageId": await crowd.picture(user)}
    answers = await crowd.ask([(user, wish)] * 60)
    assert said(answers) == {"202": 9, "rate_limited": 51}
    refused = next(a for a in answers if a.status_code == 429)
    assert refused.headers["ratelimit-policy"] == '"requests";q=9;w=60'
    assert refused.headers["ratelimit"] == '"requests";r=0;t=7'
    assert refused.headers["retry-after"] == "7"
    assert await sound(database)


@pytest.mark.fault(8)
async def test_hundred_requests_with_one_key_at_several_servers_are_one_job(
    servers, crowd, database
):
    user = uuid4()
    wish = {"imageId": await crowd.picture(user), "clientRequestId": "the-same"}
    answers = await crowd.ask([(user, wish)] * 100)
    assert said(answers) == {"202": 1, "200": 99}
    assert len({a.json()["data"]["jobId"] for a in answers}) == 1
    assert sum(a.headers.get("idempotent-replayed") == "true" for a in answers) == 99
    assert servers.number("select count from public.video_quota where user_id = %s", user) == 1
    assert await sound(database)


@pytest.mark.fault(9)
async def test_one_key_for_two_requests_at_once_is_one_job_and_one_refusal(
    servers, crowd, database
):
    user = uuid4()
    wish = {"imageId": await crowd.picture(user), "clientRequestId": "the-same"}
    other = {**wish, "prompt": "something else"}
    answers = await crowd.ask([(user, wish), (user, other)] * 10)
    assert said(answers) == {"202": 1, "200": 9, "idempotency_key_reused": 10}
    first = next(a for a in answers if a.status_code == 202)
    again = await crowd.ask([(user, wish), (user, other)])
    assert sorted(a.status_code for a in again) == [200, 422]
    kept = next(a for a in again if a.status_code == 200)
    assert kept.json()["data"]["jobId"] == first.json()["data"]["jobId"]
    assert await sound(database)
