"""Jobs accepted and read over HTTP, beside the same statements without it.

The server is `photoplay serve --no-worker`, Postgres is durable, every client is another user at every
request (a real user has few jobs open), and the load comes from a process of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from benchmarks import http_load
from benchmarks.figures import Figure, Goal, Plan, Sheet
from benchmarks.installation import (
    PAID_PROVIDER,
    USERS,
    Installation,
    Server,
    ask,
    clean_environment,
    image_id,
    new_installation,
    token,
    user_id,
)
from photoplay import embedded

CLIENTS = (1, 8, 32)
READERS = 8
_WARM_S = 0.5
_ANIMATE = "/api/video/animate"

# The statements of `Database.once(writer(user), "create_job", …)`, in one round trip as there.
_CREATE_SQL = r"""
\set u random(1, {users})
\startpipeline
begin;
select set_config('role', 'photoplay_api', true), set_config('request.jwt.claims',
    '{{"sub":"' || ('01' || lpad(to_hex(:u::int), 30, '0'))::uuid || '","role":"authenticated"}}', true);
select outcome, job_id, status, provider, created_at, facts from photoplay.create_job(
    gen_random_uuid(), gen_random_uuid()::text, sha256(gen_random_uuid()::text::bytea),
    ('02' || lpad(to_hex(:u::int), 30, '0'))::uuid, null, null, '{{}}', 'local', interval '10 minutes');
commit;
\endpipeline
"""
# A cap on what everybody spends makes paid creations write one row in common.
_LIMITS_SQL = "select photoplay.set_limits(1000000, 1000000, true, {})"
_ALL_LIMITS = "6000, 900000, 900000, 'Europe/Berlin'"
_NO_MORE_LIMITS = "null, null, null, 'UTC'"
_ROWS_SQL = """
create table public.benchmark_rows (id uuid primary key, user_id uuid not null, options jsonb not null);
grant insert on public.benchmark_rows to photoplay_api
"""
_INSERT_SQL = """
insert into benchmark_rows (id, user_id, options) values (gen_random_uuid(), gen_random_uuid(), '{}');
"""
_FACTS = {
    "per_s": re.compile(r"tps = ([\d.]+)"),
    "mean_ms": re.compile(r"latency average = ([\d.]+)"),
}


class Contestants:
    """The ways to the same database, each measured for some seconds by some clients."""

    def __init__(self, installation: Installation, server: Server, seconds: float) -> None:
        self._installation = installation
        self._server = server
        self._seconds = seconds
        self._scratch = Path(tempfile.mkdtemp(dir=installation.folder))
        self._creations = self._requests({})
        self._paid_creations = self._requests({"options": {"provider": PAID_PROVIDER}})

    @staticmethod
    def _requests(more: dict[str, object]) -> list[bytes]:
        key = http_load.KEY.decode()
        return [
            http_load.post(_ANIMATE, token(user_id(n)), _wish(image_id(n), key, **more))
            for n in range(1, USERS + 1)
        ]

    def http(self, requests: list[bytes], clients: int, expected: int) -> dict[str, float]:
        """Press the server; every answer must have the expected status."""
        file = self._scratch / "requests"
        file.write_bytes(b"\0".join(requests))
        server_s, postgres_s = self._server.cpu_s(), self._installation.cpu_s()
        found = ask(
            "benchmarks.http_load",
            port=self._server.port,
            clients=clients,
            requests=str(file),
            warm_s=_WARM_S,
            seconds=self._seconds,
        )
        server_s = self._server.cpu_s() - server_s
        postgres_s = self._installation.cpu_s() - postgres_s
        if set(found["statuses"]) != {str(expected)}:
            raise RuntimeError(
                f"expected {expected} alone, got {found['statuses']}; {self._server.last_words()}"
            )
        used = server_s + postgres_s + found["cpu_s"]
        return {
            **{key: found[key] for key in ("per_s", "p50_ms", "p99_ms", "answers")},
            "server_us": server_s / found["answers"] * 1e6,
            "postgres_us": postgres_s / found["answers"] * 1e6,
            "load_share": found["cpu_s"] / used,
        }

    def create(
        self, clients: int, *, paid: bool = False, limited: bool = False
    ) -> dict[str, float]:
        """Create over HTTP, and see that what was promised is there.

        Args:
            paid: at a provider that costs money, which a cap on costs must count.
            limited: with every limit set, none of them reached.
        """
        self._installation.forget_jobs()
        with self._installation.owner() as owner:
            owner.execute(_LIMITS_SQL.format(_ALL_LIMITS if limited else _NO_MORE_LIMITS))
        found = self.http(self._paid_creations if paid else self._creations, clients, 202)
        with self._installation.owner() as owner:
            (kept,) = owner.execute("select count(*) from public.video_jobs").fetchone() or (0,)
        if kept != found["answers"]:
            raise RuntimeError(f"{found['answers']} creations were answered, {kept} jobs are there")
        return found

    def jobs(self) -> list[tuple[UUID, UUID, int, str, UUID]]:
        """Return user, id, version, key and picture of some of the jobs that are there."""
        with self._installation.owner() as owner:
            return owner.execute(
                "select user_id, id, version, client_request_id, image_id from public.video_jobs"
                " order by id limit 2000"
            ).fetchall()

    def loop(self, clients: int, jobs: list[list[str]] | None = None) -> dict[str, float]:
        """Create by calling the operation in a loop, or read the jobs that are given."""
        if jobs is None:
            self._installation.forget_jobs()
        return ask(
            "benchmarks.driver_loop",
            dsn=self._installation.app_dsn,
            clients=clients,
            users=USERS,
            warm_s=_WARM_S,
            seconds=self._seconds,
            **({} if jobs is None else {"jobs": jobs}),
        )

    def pgbench(self, script: str, clients: int) -> dict[str, float]:
        """Run a script by Postgres' own load generator."""
        self._installation.forget_jobs()
        file = self._scratch / "script.sql"
        file.write_text(script)
        ended = subprocess.run(
            [
                *(embedded.bin_path("pgbench"), "--no-vacuum", "--protocol=prepared"),
                *(f"--file={file}", f"--client={clients}", "--jobs=1"),
                *(f"--time={max(round(self._seconds), 1)}", self._installation.app_dsn),
            ],
            # It parses a script's statements before it runs the first: the role must be there by then.
            env=clean_environment(PGOPTIONS="-c role=photoplay_api"),
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"pgbench: {ended.stderr}")
        return {key: float(_found(fact, ended.stdout)) for key, fact in _FACTS.items()}


def _found(fact: re.Pattern[str], text: str) -> str:
    match = fact.search(text)
    if match is None:
        raise RuntimeError(f"pgbench did not say {fact.pattern}: {text}")
    return match[1]


def _wish(image: UUID, key: str, **more: object) -> bytes:
    return json.dumps({"imageId": str(image), "clientRequestId": key, **more}).encode()


def measure(plan: Plan) -> Sheet:
    """Measure creations, replays and readings."""
    sheet = Sheet("Jobs over HTTP (serve --no-worker, durable Postgres)")
    with new_installation(plan.folder) as installation:
        installation.add_users()
        with installation.owner() as owner:
            owner.execute(_ROWS_SQL)
        with Server(installation) as server:
            contestants = Contestants(installation, server, plan.seconds)
            for _ in range(plan.runs):
                for clients in CLIENTS:
                    _one_round(sheet, contestants, clients)
    sheet.notes += [
        "Each ratio is to the next simpler way: HTTP to the driver loop, the loop to pgbench with the"
        " same statements, pgbench to a bare insert.",
        "CPU is user and system time of that process (Postgres: of all of them) for one request.",
        f"Replays and readings are by {READERS} clients.",
    ]
    return sheet


def _one_round(sheet: Sheet, ways: Contestants, clients: int) -> None:
    over_http = ways.create(clients)
    if clients == READERS:
        # The sample's jobs are there now; the next one begins with empty tables again.
        _replays(sheet, ways, over_http)
        _readings(sheet, ways)
        _limits(sheet, ways)
    in_loop = ways.loop(clients)
    at = f"{clients} client{'s'[: clients > 1]}"
    insert = sheet.figure(f"bare insert, pgbench, {at}", "rows/s")
    insert.samples.append(ways.pgbench(_INSERT_SQL, clients)["per_s"])
    pgbench = sheet.figure(f"create, pgbench, {at}", "jobs/s", against=insert)
    pgbench.samples.append(ways.pgbench(_CREATE_SQL.format(users=USERS), clients)["per_s"])
    loop = sheet.figure(f"create, driver loop, {at}", "jobs/s", against=pgbench)
    loop.samples.append(in_loop["per_s"])
    loop_p50 = sheet.figure(f"· p50, driver loop, {at}", "ms")
    loop_p50.samples.append(in_loop["p50_ms"])
    goals = [Goal("≥", 500)] if clients == READERS else []
    goals.append(Goal("≥", 0.5, ratio=True))
    _add(sheet, f"create, HTTP, {at}", "jobs/s", over_http["per_s"], loop, goals)
    goals = [Goal("≤", 6)] if clients == 1 else []
    _add(sheet, f"· p50, HTTP, {at}", "ms", over_http["p50_ms"], loop_p50, goals)
    _add(sheet, f"· p99, HTTP, {at}", "ms", over_http["p99_ms"])
    if clients == READERS:
        _costs(sheet, "create", over_http)


def _limits(sheet: Sheet, ways: Contestants) -> None:
    """Creations with every limit on beside the same without, free and paid ones."""
    for kind in ("free", "paid"):
        paid = kind == "paid"
        off = sheet.figure(f"create, {kind}, limits off, {READERS} clients", "jobs/s")
        off.samples.append(ways.create(READERS, paid=paid)["per_s"])
        limited = ways.create(READERS, paid=paid, limited=True)
        _add(
            sheet, f"create, {kind}, all limits on, {READERS} clients", "jobs/s", limited["per_s"], off,
            [Goal("≥", 0.8, ratio=True)],
        )  # fmt: skip


def _replays(sheet: Sheet, ways: Contestants, creations: dict[str, float]) -> None:
    requests = [
        http_load.post(_ANIMATE, token(user), _wish(image, key))
        for user, _, _, key, image in ways.jobs()
    ]
    found = ways.http(requests, READERS, 200)
    create = sheet.figure(f"create, HTTP, {READERS} clients, just before", "jobs/s")
    create.samples.append(creations["per_s"])
    _add(
        sheet, "replay of a key, HTTP", "answers/s", found["per_s"], create,
        [Goal("≥", 1.5, ratio=True)],
    )  # fmt: skip
    _costs(sheet, "replay", found)


def _readings(sheet: Sheet, ways: Contestants) -> None:
    jobs = ways.jobs()
    in_loop = ways.loop(READERS, [[str(user), str(job)] for user, job, *_ in jobs])
    loop = sheet.figure("get_job, driver loop", "reads/s")
    loop.samples.append(in_loop["per_s"])
    tokens = {user: token(user) for user, *_ in jobs}
    for name, status in (("GET job", 200), ("GET job, unchanged (304)", 304)):
        requests = [
            http_load.get(
                f"/api/video/jobs/{job}",
                tokens[user],
                f'"{job}.{version}"' if status == 304 else None,
            )
            for user, job, version, *_ in jobs
        ]
        found = ways.http(requests, READERS, status)
        _add(sheet, name, "answers/s", found["per_s"], loop, [Goal("≥", 1000)])
        _add(sheet, f"· p99, {name}", "ms", found["p99_ms"])
        _costs(sheet, name, found)


def _add(
    sheet: Sheet,
    name: str,
    unit: str,
    value: float,
    against: Figure | None = None,
    goals: Sequence[Goal] = (),
) -> None:
    sheet.figure(name, unit, against=against, goals=goals).samples.append(value)


def _costs(sheet: Sheet, what: str, found: dict[str, float]) -> None:
    _add(sheet, f"· CPU of the server, {what}", "µs", found["server_us"])
    _add(sheet, f"· CPU of Postgres, {what}", "µs", found["postgres_us"])
    _add(sheet, f"· load generator's share of it all, {what}", "%", 100 * found["load_share"])
