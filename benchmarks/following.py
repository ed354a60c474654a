"""Accepted jobs followed by one worker: polls on time, what they cost, and what they do not write.

The worker is `photoplay worker`, its fal driver asks a local server that speaks fal's status contract
(benchmarks/queue_provider.py), Postgres is durable. When a task was due is noted by a trigger that only
this benchmark has; when it was asked about is noted by the server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import psycopg

from benchmarks.figures import Goal, Plan, Sheet, percentile
from benchmarks.installation import (
    USERS,
    Installation,
    PhotoplayWorker,
    Worker,
    ask,
    new_installation,
    peak_mib,
    read_line,
)

ANSWER_AFTER_S = 0.05
RATE_PER_S = 2000
_START_S = 8.0


@dataclass(frozen=True)
class Load:
    """So many tasks, each looked at once an interval, watched for some seconds."""

    tasks: int
    interval_s: float
    seconds: float

    def __str__(self) -> str:
        return f"{self.tasks:,} at {self.interval_s:.0f} s"


LOADS = (Load(2_000, 10, 40), Load(10_000, 60, 75))

# As if they had been accepted just now: no trigger would let a job begin like that.
_ACCEPT = """
set session_replication_role = replica;
insert into public.video_jobs (
    id, user_id, source_image_url, image_id, provider, provider_job_id, options,
    status, phase, version, started_at
)
select ('03' || lpad(to_hex(n), 30, '0'))::uuid, i.user_id, i.path, i.id, 'fal-pika',
    ('04' || lpad(to_hex(n), 30, '0'))::uuid::text, '{{}}',
    'running', 'waiting', 4, now()
from generate_series(1, {tasks}) n
join public.video_images i on i.id = ('02' || lpad(to_hex(1 + n % {users}), 30, '0'))::uuid;
insert into photoplay.attempts (
    id, job_id, user_id, n, provider, model, status, fence, callback_token, provider_task_id,
    sent_at, accepted_at
)
select id, id, user_id, 1, 'fal-pika', 'fal-ai/pika/v2.2/image-to-video', 'accepted', 1, id::text,
    provider_job_id, now(), now()
from public.video_jobs;
insert into photoplay.leases (job_id, fence) select id, 1 from public.video_jobs;
set session_replication_role = origin;
select count(photoplay.wake(id, now() + interval '15 min')) from public.video_jobs;
insert into photoplay.polls (attempt_id, job_id, user_id, account, next_at)
select id, job_id, user_id, 'fal', now() + interval '{start_s} s' + random() * interval '{interval_s} s'
from photoplay.attempts;
"""
_WATCH = """
create table if not exists public.benchmark_takes (
    at timestamptz not null default clock_timestamp(), task_id uuid, due_at timestamptz
);
truncate public.benchmark_takes;
create or replace function public.benchmark_note() returns trigger language plpgsql security definer as $$
begin
    insert into public.benchmark_takes (task_id, due_at)
    select a.provider_task_id::uuid, b.next_at from before b
    join photoplay.attempts a on a.id = b.attempt_id;
    return null;
end
$$;
create or replace trigger benchmark_note after update on photoplay.polls
    referencing old table as before for each statement execute function public.benchmark_note();
"""
# Every row that following may not write, and which transaction wrote it.
_ROWS = """
select
    (select md5(string_agg(xmin::text, ',' order by id)) from public.video_jobs),
    (select md5(string_agg(xmin::text, ',' order by id)) from photoplay.attempts),
    (select md5(string_agg(xmin::text, ',' order by job_id)) from photoplay.leases),
    (select md5(string_agg(xmin::text, ',' order by id)) from photoplay.pgqueuer),
    (select count(*) from photoplay.events)
"""


def measure(plan: Plan) -> Sheet:
    """Follow as many tasks as promised, beside a bare loop that sends the same requests."""
    sheet = Sheet("Following (one worker process, durable Postgres)")
    with new_installation(plan.folder) as installation:
        installation.add_users(USERS)
        # A sample takes minutes and counts thousands of polls: two runs are enough for a spread.
        for _ in range(min(plan.runs, 2)):
            for load in LOADS:
                with _provider() as (provider, port):
                    _bare(sheet, load, port)
                    _follow(sheet, installation, load, provider, port)
    sheet.notes += [
        f"Late: from when a task was due until the provider was asked; it answers after"
        f" {ANSWER_AFTER_S * 1000:.0f} ms.",
        "The bare loop keeps its schedule in memory, and shares it with nobody.",
        "Rows: of jobs, attempts, leases, work items and events, written while nothing changed.",
    ]
    return sheet


@contextmanager
def _provider() -> Iterator[tuple[Worker, int]]:
    with Worker("benchmarks.queue_provider", answer_after_s=ANSWER_AFTER_S) as provider:
        yield provider, int(read_line(provider.process, starting="ready").split()[1])


def _bare(sheet: Sheet, load: Load, port: int) -> None:
    found = ask(
        "benchmarks.bare_poller",
        url=f"http://127.0.0.1:{port}/fal-ai/pika",
        tasks=[str(UUID(int=n)) for n in range(load.tasks)],
        interval_s=load.interval_s,
        seconds=min(load.seconds, 20),
    )
    late = sheet.figure(f"bare loop, {load}, late p99", "s")
    late.samples.append(percentile(found["late_s"], 0.99))
    cpu = sheet.figure(f"bare loop, {load}, CPU a poll", "µs")
    cpu.samples.append(found["cpu_s"] / len(found["late_s"]) * 1e6)


def _follow(
    sheet: Sheet, installation: Installation, load: Load, provider: Worker, port: int
) -> None:
    installation.forget_jobs()
    with installation.owner() as owner:
        owner.execute(_WATCH)
        owner.execute(
            _ACCEPT.format(
                tasks=load.tasks, users=USERS, start_s=_START_S, interval_s=load.interval_s
            )
        )
        owner.execute("vacuum analyze photoplay.polls, photoplay.attempts, public.video_jobs")
        begins = time.time() + _START_S
        with PhotoplayWorker(installation, **_settings(load, port)) as worker:
            time.sleep(max(begins - time.time(), 1))
            began = time.time()
            before = owner.execute(_ROWS).fetchone()
            worker_s, postgres_s = worker.cpu_s(), installation.cpu_s()
            time.sleep(load.seconds)
            worker_s, postgres_s = worker.cpu_s() - worker_s, installation.cpu_s() - postgres_s
            ended = time.time() - 1
            written = before != owner.execute(_ROWS).fetchone()
            peak = peak_mib(worker.pid)
        late = _lateness(owner, provider.result(stop_it=True), (began, ended))
    polls = len(late)
    expected = load.tasks / load.interval_s * (ended - began)
    if not 0.8 * expected < polls < 1.3 * expected:
        raise RuntimeError(f"{load}: {polls} polls, about {expected:.0f} expected")
    bare = sheet.figure(f"bare loop, {load}, late p99", "s")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        figure = sheet.figure(
            f"worker, {load}, late {name}", "s",
            against=bare if name == "p99" else None, goals=[Goal("≤", 1)],
        )  # fmt: skip
        figure.samples.append(percentile(late, share))
    bare_cpu = sheet.figure(f"bare loop, {load}, CPU a poll", "µs")
    cpu = sheet.figure("· CPU of the worker a poll, " + str(load), "µs", against=bare_cpu)
    cpu.samples.append(worker_s / load.seconds * (ended - began) / polls * 1e6)
    share = sheet.figure(f"· CPU of the worker, {load}", "% of a core")
    share.samples.append(100 * worker_s / load.seconds)
    share = sheet.figure(f"· CPU of Postgres, {load}", "% of a core")
    share.samples.append(100 * postgres_s / load.seconds)
    memory = sheet.figure(f"· memory of the worker, peak, {load}", "MiB", goals=[Goal("≤", 286)])
    memory.samples.append(peak)
    rows = sheet.figure(f"· rows written by unchanged polls, {load}", "of 1", goals=[Goal("≤", 0)])
    rows.samples.append(float(written))


def _settings(load: Load, port: int) -> dict[str, str]:
    return {
        "FAL_KEY": "benchmark:key",
        "FAL_QUEUE_BASE_URL": f"http://127.0.0.1:{port}",
        "PHOTOPLAY_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PHOTOPLAY_POLL_MIN_S": f"{load.interval_s}",
        "PHOTOPLAY_POLL_MAX_S": f"{load.interval_s}",
        "PHOTOPLAY_PROVIDER_POLLS_PER_S": f"fal={RATE_PER_S}",
    }


def _lateness(
    owner: psycopg.Connection, asked: dict[str, list[int]], window: tuple[float, float]
) -> list[float]:
    """Return seconds from due to asked, of the n-th take of a task and its n-th question.

    Args:
        window: only what was due in it counts: not before the worker was there, nor at its end.
    """
    rows = owner.execute(
        "select task_id::text, array_agg(extract(epoch from due_at)::float8 order by at)"
        " from public.benchmark_takes group by task_id"
    ).fetchall()
    late: list[float] = []
    for task_id, due in rows:
        pairs = zip(asked.get(task_id, []), due, strict=False)
        late += [at / 1e9 - due_at for at, due_at in pairs if window[0] <= due_at <= window[1]]
    return late
