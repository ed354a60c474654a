"""After a round: what the rows, the store, the providers' own books and the users' answers say together."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import av

from photoplay.db.pool import Database
from photoplay.invariants import check_invariants
from photoplay.sandbox.tasks import Task
from photoplay.storage.objects import open_store
from photoplay.worker.phases.storing import FETCHES
from tests.chaos.menu import MENU, SUCCEEDED
from tests.chaos.plan import Plan, Wish
from tests.chaos.producer import Ledger
from tests.chaos.site import Site
from tests.support.books import Books, Row, is_billed

_JOBS: Final = "select * from public.video_jobs"
_ATTEMPTS: Final = "select * from photoplay.attempts order by job_id, n"
_QUOTA: Final = """
select coalesce(quota.user_id, job.user_id)::text as user, quota.count as counted, job.held
from public.video_quota quota
full join (
    select user_id, quota_day, count(*) as held from public.video_jobs
    where quota_returned_at is null group by user_id, quota_day
) job on job.user_id = quota.user_id and job.quota_day = quota.date
where coalesce(quota.count, 0) <> coalesce(job.held, 0)
"""
_ENDINGS: Final = """
select job_id from photoplay.events where kind in ('job.succeeded', 'job.failed', 'job.cancelled')
group by job_id having count(*) <> 1
"""
_GIVEN_UP: Final = "select distinct job_id from photoplay.events where kind = 'attempt.lost'"
# One try is refused, a second and third follow, then the next provider: an outage may use them all up.
_ANYWHERE: Final = frozenset({"providers_unavailable"})


@dataclass
class Evidence:
    """All that is known of a round once it is over."""

    plan: Plan
    ledger: Ledger
    jobs: list[Row]
    attempts: list[Row]
    tasks: list[Task]
    videos: dict[str, Path]
    """Stored videos by their key."""
    arrived: Counter[str]
    """Submissions that reached each provider, whatever became of them."""
    prices: dict[str, float]
    """What a task cost in dollars, where its provider says so."""
    spoilt: Counter[str]
    """How often each clip was fetched with a fault, by its path at the sandbox."""
    wrong_counters: list[str]
    wrong_endings: list[str]
    given_up: set[UUID]
    """Jobs of which an attempt was lost, though it may have been found later."""

    def __post_init__(self) -> None:
        self.job_of_mark = {job["client_request_id"]: job for job in self.jobs}
        self.attempts_of: dict[UUID, list[Row]] = defaultdict(list)
        for attempt in self.attempts:
            self.attempts_of[attempt["job_id"]].append(attempt)
        self.books = Books(self.tasks, self.attempts, self.jobs)


async def gather_evidence(site: Site, plan: Plan, ledger: Ledger) -> Evidence:
    """Read what is needed to judge a round that is over."""
    tasks = site.sandbox.tasks()
    return Evidence(
        plan,
        ledger,
        await site.rows(_JOBS),
        await site.rows(_ATTEMPTS),
        tasks,
        {str(path.relative_to(site.objects)): path for path in site.objects.rglob("*.mp4")},
        Counter(a.provider for a in site.sandbox.journal.requests(route="submit")),
        _prices(site, tasks),
        Counter(a.path for a in site.sandbox.journal.requests(route="media") if a.fault),
        [row["user"] for row in await site.rows(_QUOTA)],
        [str(row["job_id"]) for row in await site.rows(_ENDINGS)],
        {row["job_id"] for row in await site.rows(_GIVEN_UP)},
    )


def _prices(site: Site, tasks: Iterable[Task]) -> dict[str, float]:
    """Return what Runway's and Kling's answers name as the cost of finished clips; fal names none."""
    prices: dict[str, float] = {}
    for task in tasks:
        if is_billed(task) and task.ending.kind == "video":
            if task.provider == "runway":
                prices[task.id] = task.notes["estimate"] * 0.01
            elif task.provider == "kling":
                prices[task.id] = round(site.sandbox.kling._price(task), 2)
    return prices


async def judge(site: Site, evidence: Evidence) -> dict[str, list[str]]:
    """Return what breaks each rule, by its name: ids of jobs, or a sentence."""
    async with Database(site.app_dsn, size=2) as database:
        with open_store(site.objects.as_uri()) as store:
            broken = await check_invariants(database, store)
    for name, check in RULES.items():
        broken[name] = [str(found) for found in await asyncio.to_thread(list, check(evidence))]
    broken["no secret or prompt in a log"] = await asyncio.to_thread(_leaks, site, evidence)
    broken["processes end when told or killed"] = [s for each in site.staff for s in each.surprises]
    return broken


def _every_job_ends(evidence: Evidence) -> Iterable[object]:
    open_jobs = [j["id"] for j in evidence.jobs if j["finished_at"] is None]
    return [*open_jobs, *evidence.wrong_endings]


def _nothing_left_open(evidence: Evidence) -> Iterable[object]:
    is_open = {"submitting", "unknown", "accepted", "running"}
    return [a["job_id"] for a in evidence.attempts if a["status"] in is_open]


def _one_submission_an_attempt(evidence: Evidence) -> Iterable[object]:
    yield from evidence.books.doubled()
    yield from (f"{t.provider} has a task that no attempt sent" for t in evidence.books.strays())
    names = {"fal-pika": "fal"}
    sent = Counter(
        names.get(a["provider"], a["provider"]) for a in evidence.attempts if a["sent_at"]
    )
    yield from (
        f"{provider}: {count} submissions for {sent[provider]} attempts"
        for provider, count in evidence.arrived.items()
        if count > sent[provider]
    )


def _accepted_has_its_task(evidence: Evidence) -> Iterable[object]:
    ids = {task.id for task in evidence.tasks}
    return [
        a["job_id"]
        for a in evidence.attempts
        if a["provider_task_id"] is not None
        and a["provider_task_id"] not in ids
        # Runway deletes a stopped task when the answer was lost and it is asked again.
        and not (a["provider"] == "runway" and a["status"] == "cancelled")
    ]


def _one_bill_a_job(evidence: Evidence) -> Iterable[object]:
    return evidence.books.paid_twice()


def _charges_are_true(evidence: Evidence) -> Iterable[object]:
    """What an attempt claims to have been charged is what the provider's book says."""
    billed = evidence.books.billed()
    return [
        f"{a['job_id']}: attempt {a['n']} at {a['provider']} says charged={a['charged']}"
        for a in evidence.attempts
        if a["charged"] is not None and a["charged"] is not (a["id"] in billed)
    ]


def _costs_are_true(evidence: Evidence) -> Iterable[object]:
    """Where a provider names its price, that is what the attempt and its job say."""
    for task in evidence.tasks:
        attempt = evidence.books.attempt_of.get(task.id)
        price = evidence.prices.get(task.id)
        if attempt is None or attempt["status"] != "succeeded" or price is None:
            continue
        if round(float(attempt["cost_usd"] or 0), 4) != round(price, 4):
            yield f"{attempt['job_id']}: {attempt['cost_usd']} recorded, {price} billed"
    for job in evidence.jobs:
        paid = [a for a in evidence.attempts_of[job["id"]] if a["charged"]]
        if job["status"] == SUCCEEDED and job["cost_usd"] != sum(a["cost_usd"] for a in paid):
            yield job["id"]


def _videos_are_whole(evidence: Evidence) -> Iterable[object]:
    """Each success has its object as recorded and playable; nothing else has one."""
    kept = dict(evidence.videos)
    for job in evidence.jobs:
        if job["status"] != SUCCEEDED:
            continue
        path = kept.pop(job["output_video_url"], None)
        if path is None:
            yield f"{job['id']}: no object"
            continue
        content = path.read_bytes()
        recorded = job["video"]
        if (len(content), hashlib.sha256(content).hexdigest()) != (
            recorded["bytes"],
            recorded["sha256"],
        ):
            yield f"{job['id']}: other bytes than recorded"
        elif not _plays(path, content):
            yield f"{job['id']}: does not play"
    yield from (f"{key}: an object without a success" for key in kept)


def _plays(path: Path, content: bytes) -> bool:
    try:
        with av.open(str(path)) as container:
            is_video = container.streams.video[0].codec_context.name == "h264"
            frames = sum(1 for _ in container.decode(video=0))
    except (av.FFmpegError, IndexError):
        return False
    return is_video and frames > 0 and 0 <= content.find(b"moov") < content.find(b"mdat")


def _quota_is_held(evidence: Evidence) -> Iterable[object]:
    return evidence.wrong_counters


def _one_key_one_job(evidence: Evidence) -> Iterable[object]:
    yield from evidence.ledger.odd
    for wish in evidence.plan.wishes:
        named = evidence.ledger.jobs.get(wish.mark, set())
        job = evidence.job_of_mark.get(wish.mark)
        if job is None or named != {job["id"]}:
            yield f"{wish.mark}: told {len(named)} jobs"
    if len(evidence.jobs) != len(evidence.plan.wishes):
        yield f"{len(evidence.jobs)} jobs for {len(evidence.plan.wishes)} wishes"


def _ends_are_explained(evidence: Evidence) -> Iterable[object]:
    wishes: dict[str, Wish] = {wish.mark: wish for wish in evidence.plan.wishes}
    for mark, job in evidence.job_of_mark.items():
        end = ending(job)
        if end not in _explained(evidence, wishes[mark], job["id"]):
            yield f"{job['id']}: {end} with the fault {wishes[mark].fault}"


def ending(job: Row) -> str:
    """Return a job's status, or its failure's code."""
    return job["failure"]["code"] if job["status"] == "failed" else job["status"]


def _explained(evidence: Evidence, wish: Wish, job_id: UUID) -> set[str]:
    ends = {SUCCEEDED, *_ANYWHERE}
    if wish.fault is not None:
        ends |= MENU[wish.fault].may_end
    if wish.cancel_after_s is not None:
        ends.add("cancelled")
    if job_id in evidence.given_up:
        ends.add("outcome_unknown")
    attempts = evidence.attempts_of[job_id]
    clips = [urlsplit((a["outcome"] or {}).get("location", "")).path for a in attempts]
    if any(evidence.spoilt[clip] >= FETCHES for clip in clips):
        ends.add("storage_failed")
    return ends


RULES: Final[dict[str, Callable[[Evidence], Iterable[object]]]] = {
    "every job ends once": _every_job_ends,
    "no attempt is left open": _nothing_left_open,
    "one submission an attempt": _one_submission_an_attempt,
    "an accepted attempt has its task": _accepted_has_its_task,
    "one bill a job": _one_bill_a_job,
    "charged says what was billed": _charges_are_true,
    "cost is what was billed": _costs_are_true,
    "videos are whole, and none too many": _videos_are_whole,
    "quota is what jobs hold": _quota_is_held,
    "one key, one job, as users were told": _one_key_one_job,
    "every end has its reason": _ends_are_explained,
}


def _leaks(site: Site, evidence: Evidence) -> list[str]:
    options = site.sandbox.options
    secrets = {
        "FAL_KEY": options.fal.key,
        "RUNWAYML_API_SECRET": options.runway.secret,
        "KLING_API_KEY": options.kling.api_key,
        "KLING_CALLBACK_SECRET": options.kling.webhook_secret or "-",
        "the JWT secret": site.jwt_secret,
        "a prompt": ": it moves",
        "a signature": "signature=",
    }
    tokens = [a["callback_token"] for a in evidence.attempts]
    found: list[str] = []
    for each in site.staff:
        text = each.log.read_text("utf-8", "replace")
        found += [f"{name} in {each.log.name}" for name, value in secrets.items() if value in text]
        found += [f"a callback token in {each.log.name}" for token in tokens if token in text]
    return found
