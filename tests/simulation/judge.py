"""What must be true at each step of a life, and when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from photoplay.domain.job import video_path
from photoplay.domain.states import OPEN
from photoplay.worker.phases.storing import FETCHES
from tests.simulation.book import RESULT_LIVES_S, Made
from tests.simulation.crew import Site
from tests.simulation.memory.rules import OPEN_ATTEMPT
from tests.simulation.memory.tables import Change, Row, usd
from tests.simulation.people import People

_NOTICED_S: Final = 500.0
"""Longer than the longest pause between two polls, and between two sweeps."""


class Judge:
    """Holds rows, objects and the providers' book against each other."""

    def __init__(self, site: Site, people: People) -> None:
        self.site = site
        self.world = site.world
        self.people = people
        self._terminal: dict[UUID, tuple[str, str | None]] = {}
        self._job_of: dict[str, UUID] = {}
        """Of each submission's handle; outlives the rows."""
        self._lost: set[UUID] = set()
        """Attempts that were given up; one that is found later came to its provider within the limit."""
        site.world.on_commit.append(self.at_commit)

    @property
    def book(self):
        return self.site.book

    def at_commit(self, change: Change) -> None:
        """Check what must hold at every moment."""
        if not change.changed_jobs:
            return
        tables = self.world.tables
        limit = self.site.concurrency
        if limit is not None:
            self._few_at_once(limit)
        opened = Counter(
            j["user_id"]
            for j in tables.jobs.values()
            if j["status"] in OPEN and j["adopted_at"] is None
        )
        shared = tables.limits[None]
        for user, count in opened.items():
            if count > shared["max_open_jobs"]:
                self.world.break_rule(f"I7: {count} open jobs of {user}")
        for (user, day), quota in tables.quota.items():
            if not 0 <= quota["count"] <= shared["daily_limit"]:
                self.world.break_rule(f"I6: {quota['count']} units of {user} on {day}")
        for job_id in change.changed_jobs:
            self._stays_final(tables.jobs.get(job_id))

    def _few_at_once(self, limit: int) -> None:
        attempts = self.world.tables.attempts
        self._lost.update(key for key, a in attempts.items() if a["status"] == "lost")
        under_way = Counter(
            a["provider"]
            for key, a in attempts.items()
            if a["status"] in OPEN_ATTEMPT
            and a["fence"]
            and a["provider"] != "local"
            and key not in self._lost
        )
        for provider, count in under_way.items():
            if count > limit:
                self.world.break_rule(f"limit: {count} attempts at once at {provider}")

    def _stays_final(self, job: Row | None) -> None:
        if job is None or job["status"] in OPEN:
            return
        state = job["status"], job["output_video_url"]
        if self._terminal.setdefault(job["id"], state) != state:
            self.world.break_rule(f"I3: {job['id']} was {self._terminal[job['id']]}, is {state}")

    def at_submission(self, handle: str, made: Made | None) -> None:
        """Check a submission where it arrives; `made` is None when it is refused."""
        count, attempt = self.book.arrived[handle], self.world.tables.attempts.get(UUID(handle))
        if count > 1:
            self.world.break_rule(f"I2: submission {handle[:8]} arrived {count} times")
        if attempt is None:
            return
        job_id = self._job_of[handle] = attempt["job_id"]
        if attempt["sent_at"] is None:
            self.world.break_rule(f"I2: {handle[:8]} left before its attempt said so")
        if made is not None:
            self._costs_once(made, job_id)

    def _costs_once(self, made: Made, job_id: UUID) -> None:
        now = self.world.loop.time()
        for other in self.book.tasks.values():
            if other is made or other.job_id != job_id or not other.may_cost(now):
                continue
            earlier = self.world.tables.attempts.get(UUID(other.handle))
            is_allowed = (
                self.site.settings.lost_policy == "retry"
                and earlier is not None
                and earlier["status"] == "lost"
            )
            if not is_allowed:
                self.world.break_rule(f"I2: {job_id} may pay for both {other.id} and {made.id}")

    def at_end(self) -> None:
        """Check what must hold once everything has come to rest."""
        for check in (
            self._all_ended,
            self._charges,
            self._units,
            self._costs,
            self._noticed,
            self._videos,
            self._kept_trying,
            self._spend,
            self._events,
            self._erased,
            self._expired,
            self._stopped,
        ):
            for found in check():
                self.world.break_rule(found)

    def _all_ended(self) -> Iterable[str]:
        for job in self.world.tables.jobs.values():
            if job["status"] in OPEN:
                yield f"I4: {job['id']} is {job['status']}, {job['phase']}"
        for attempt in self.world.tables.attempts.values():
            if attempt["status"] in OPEN_ATTEMPT:
                yield f"I4: attempt {attempt['id']} is {attempt['status']} for ever"

    def _charges(self) -> Iterable[str]:
        """What attempts and jobs say was charged is what the book says."""
        now = self.world.loop.time()
        for attempt in self.world.tables.attempts.values():
            made = self.book.of_handle.get(attempt["id"].hex)
            is_billed = made is not None and made.is_billed(now)
            if attempt["charged"] is not None and attempt["charged"] is not is_billed:
                yield f"charged: attempt {attempt['id']} says {attempt['charged']}, not {is_billed}"
            task_id = attempt["provider_task_id"] if attempt["provider"] != "local" else None
            if task_id is not None and (made is None or made.id != task_id):
                yield f"task: attempt {attempt['id']} has another's task"
        for job in self.world.tables.jobs.values():
            if job["status"] == "failed" and job["failure"]["charged"] is False:
                billed = [m.id for m in self._tasks_of(job["id"]) if m.is_billed(now)]
                if billed:
                    yield f"charged: {job['id']} says nothing was, {billed[0]} was billed"

    def _costs(self) -> Iterable[str]:
        """What was billed is what the provider says, or the list price; the job's cost is their sum."""
        for attempt in self.world.tables.attempts.values():
            made = self.book.of_handle.get(attempt["id"].hex)
            if attempt["status"] == "succeeded" and made is not None:
                said = attempt["reserved_usd"] if made.cost is None else made.cost
                if attempt["cost_usd"] != usd(said):
                    yield f"cost: {made.id} cost {said}, its attempt says {attempt['cost_usd']}"
        for job in self.world.tables.jobs.values():
            attempts = self.world.tables.attempts_of(job["id"])
            costs = [a["cost_usd"] for a in attempts if a["charged"] is not False]
            total = None if None in costs else sum(costs)
            if job["status"] not in OPEN and job["cost_usd"] != total:
                yield f"cost: {job['id']} says {job['cost_usd']}, its attempts {total}"

    def _noticed(self) -> Iterable[str]:
        """In peace the end of a task is seen long before its attempt is given up."""
        begun = self.world.now() - timedelta(seconds=self.world.loop.time())
        for attempt in self.world.tables.attempts.values():
            made = self.book.of_handle.get(attempt["id"].hex)
            if attempt["status"] != "expired" or made is None or made.ends_at is None:
                continue
            given_up = (attempt["finished_at"] - begun).total_seconds()
            since = max(made.ends_at, self.site.peace_at)
            if given_up - since > _NOTICED_S and made.provider != self.site.gone:
                yield f"missed: {made.id} ended {given_up - since:.0f} s before it was given up"

    def _tasks_of(self, job_id: UUID) -> list[Made]:
        return [m for m in self.book.tasks.values() if m.job_id == job_id]

    def _units(self) -> Iterable[str]:
        """I6: a unit is held exactly by jobs that may have been charged or brought a video."""
        tables = self.world.tables
        held: Counter[object] = Counter()
        for row in tables.ledger.values():
            held[row["user_id"], row["day"]] += row["delta"]
        for key, quota in tables.quota.items():
            if held[key] != quota["count"]:
                yield f"I6: {quota['count']} units counted, {held[key]} in the ledger"
        for job in tables.jobs.values():
            if job["quota_day"] is None:
                continue
            attempts = tables.attempts_of(job["id"])
            is_free = job["status"] != "succeeded" and all(a["charged"] is False for a in attempts)
            is_back = job["quota_returned_at"] is not None
            if is_free and not is_back:
                yield f"I6: {job['id']} is {job['status']}, cost nothing and keeps its unit"
            if is_back and any(a["charged"] for a in attempts):
                yield f"I6: {job['id']} gave its unit back and was charged"
            if is_back and job["status"] == "succeeded":
                yield f"I6: {job['id']} succeeded and gave its unit back"

    def _videos(self) -> Iterable[str]:
        """I5: succeeded exactly when the one object is there, from one of the job's own tasks."""
        objects = self.site.objects
        for key, count in Counter(objects.put).items():
            # What was erased and came back late is removed again.
            if count > 1 and key not in self.world.tables.erased_objects:
                yield f"I5: {key} was stored {count} times"
        for job in self.world.tables.jobs.values():
            key = video_path(job["user_id"], job["id"])
            content = objects.content.get(key)
            if job["status"] == "succeeded":
                yield from self._video(job, content)
            elif content is not None:
                yield f"I5: {job['id']} is {job['status']} and has an object"

    def _video(self, job: Row, content: bytes | None) -> Iterable[str]:
        if content is None:
            yield f"I5: {job['id']} succeeded without an object"
            return
        if len(content) != job["video"]["bytes"]:
            yield f"I5: {job['id']} has other bytes than recorded"
        own = [f"clip:{m.id}".encode() for m in self._tasks_of(job["id"])]
        if not content.startswith(b"render:") and content not in own:
            yield f"I5: {job['id']} shows somebody else's clip"

    def _kept_trying(self) -> Iterable[str]:
        """A clip that was paid for is given up when it is gone, or damaged each time it is fetched."""
        begun = self.world.now() - timedelta(seconds=self.world.loop.time())
        for job in self.world.tables.jobs.values():
            if job["status"] != "failed" or job["failure"]["code"] != "storage_failed":
                continue
            at = (job["finished_at"] - begun).total_seconds()
            for made in self._tasks_of(job["id"]):
                is_there = made.ending == "video" and at < (made.ends_at or 0) + RESULT_LIVES_S
                if is_there and self.book.damaged[made.id] < FETCHES:
                    yield f"34: {made.id} was given up after {self.book.damaged[made.id]} fetches"

    def _spend(self) -> Iterable[str]:
        """I12: a day's spend is what its jobs hold, within the caps; what was taken over is paid anyway."""
        tables = self.world.tables
        is_adopted = any(job["adopted_at"] for job in tables.jobs.values())
        held: Counter[object] = Counter()
        for row in tables.job_spend.values():
            held[row["user_id"], row["day"]] += row["usd"]
            held[None, row["day"]] += row["usd"]
        for (user, day), row in tables.spend.items():
            if row["usd"] != held[user, day]:
                yield f"I12: {user or 'everybody'} spent {row['usd']}, its jobs hold {held[user, day]}"
            cap = tables.limits[None]["daily_spend_usd" if user else "total_daily_spend_usd"]
            if cap is not None and row["usd"] > cap and not is_adopted:
                yield f"I12: {row['usd']} spent under a cap of {cap}"

    def _events(self) -> Iterable[str]:
        """I9: each state change made one event; the newest says the state."""
        newest: dict[UUID, Row] = {}
        seen: set[tuple[UUID, int]] = set()
        for event in self.world.tables.events.values():
            if not event["kind"].startswith(("job.", "phase.")):
                continue
            key = event["job_id"], event["version"]
            if key in seen:
                yield f"I9: two events of {key}"
            seen.add(key)
            newest[event["job_id"]] = event
        for job in self.world.tables.jobs.values():
            event = newest[job["id"]]
            if (event["status"], event["phase"]) != (job["status"], job["phase"]):
                yield f"I9: {job['id']} is {job['phase']}, its newest event says {event['phase']}"

    def _erased(self) -> Iterable[str]:
        """I11: erased stays erased."""
        tables = self.world.tables
        for job_id in self.people.erased:
            if job_id in tables.jobs or any(
                a["job_id"] == job_id for a in tables.attempts.values()
            ):
                yield f"I11: rows of {job_id} are back"
            left = [k for k in self.site.objects.content if str(job_id) in k]
            if left:
                yield f"I11: {left[0]} is back"

    def _expired(self) -> Iterable[str]:
        """What is past its retention is gone: its row, and its object."""
        jobs, now = self.world.tables.jobs, self.world.now()
        for job in jobs.values():
            if job["expires_at"] is not None and job["expires_at"] < now:
                yield f"retention: {job['id']} is still there"
        kept = {video_path(job["user_id"], job["id"]) for job in jobs.values()}
        for key in self.site.objects.content:
            if key.endswith(".mp4") and key not in kept:
                yield f"retention: {key} is of no job"

    def _stopped(self) -> Iterable[str]:
        """Whoever cancels in time has the provider asked to stop."""
        for made in self.book.tasks.values():
            attempt = self.world.tables.attempts.get(UUID(made.handle))
            job_id = self._job_of.get(made.handle)
            job = self.world.tables.jobs.get(job_id) if job_id is not None else None
            if job is None or job["status"] != "cancelled" or made.stop_asked_at is not None:
                continue
            if attempt is not None and attempt["status"] == "lost":
                continue
            if made.provider == self.site.gone:
                continue
            at = (job["finished_at"] - self.world.now()).total_seconds() + self.world.loop.time()
            if made.ends_at is None or made.ends_at > at + 700:
                yield f"cancel: {made.provider} was never asked to stop {made.id}"
