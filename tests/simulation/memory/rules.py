"""What triggers and functions of the schema do: guards, events, spend, units, work items."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from photoplay.domain.errors import IllegalTransitionError, LeaseLostError
from photoplay.domain.states import (
    ATTEMPT_TRANSITIONS,
    OPEN,
    PHASE_TRANSITIONS,
    STATUS_TRANSITIONS,
    TERMINAL,
)
from tests.simulation.memory.tables import Change, Row, everybody, usd

OPEN_ATTEMPT = ("submitting", "unknown", "accepted", "running")
WITH_PROVIDER = ("accepted", "running")
_FINAL = ("status", "phase", "output_video_url", "video", "failure", "finished_at")


def update_job(tx: Change, job: Row, **values: Any) -> None:
    """Write a job past its guard: terminal is final, only known edges, the version grows, one event."""
    old_status, old_phase = job["status"], job["phase"]
    status, phase = values.get("status", old_status), values.get("phase", old_phase)
    if old_status in TERMINAL:
        if any(name in values and values[name] != job[name] for name in _FINAL):
            raise IllegalTransitionError
    elif status != old_status and status not in STATUS_TRANSITIONS[old_status]:
        raise IllegalTransitionError
    if phase != old_phase and phase not in PHASE_TRANSITIONS[old_phase]:
        raise IllegalTransitionError
    is_over = status != old_status and phase == "done"
    if is_over:
        values["cost_usd"] = known_cost(tx, job["id"])
    tx.update(job, **values, version=job["version"] + 1)
    if status != old_status or phase != old_phase:
        kind = f"job.{status}" if status != old_status else f"phase.{phase}"
        failure = job["failure"]
        data = {"code": failure["code"], "charged": failure["charged"]} if failure else {}
        announce(tx, job, kind, data if status == "failed" else {})
    tx.changed_jobs.append(job["id"])
    if is_over:
        settle_spend(tx, job["id"])


def announce(tx: Change, job: Row, kind: str, data: Row) -> None:
    tx.append(
        tx.tables.events,
        {
            "job_id": job["id"],
            "user_id": job["user_id"],
            "version": job["version"],
            "kind": kind,
            "status": job["status"],
            "phase": job["phase"],
            "data": data,
        },
    )


def announce_attempt(tx: Change, attempt: Row) -> None:
    job = tx.tables.jobs.get(attempt["job_id"])
    if job is not None:
        names = {name: attempt[name] for name in ("n", "provider", "model")}
        announce(tx, job, f"attempt.{attempt['status']}", names)


def update_attempt(tx: Change, attempt: Row, **values: Any) -> None:
    """Write an attempt past its guard, with its event; nobody polls for one that has ended."""
    old = attempt["status"]
    status = values.get("status", old)
    if status != old and status not in ATTEMPT_TRANSITIONS[old]:
        raise IllegalTransitionError
    is_costly = any(n in values and values[n] != attempt[n] for n in ("cost_usd", "charged"))
    tx.update(attempt, **values)
    if status != old:
        announce_attempt(tx, attempt)
        if old in WITH_PROVIDER and status not in WITH_PROVIDER:
            tx.delete(tx.tables.polls, attempt["id"])
    if is_costly:
        settle_spend(tx, attempt["job_id"])
        _sum_cost(tx, attempt["job_id"])


def limits_of(tx: Change, user_id: UUID | None) -> Row:
    shared = tx.tables.limits[None]
    own = tx.tables.limits.get(user_id) if user_id is not None else None
    if own is None:
        return shared
    return everybody(
        **{name: shared[name] if own.get(name) is None else own[name] for name in shared}
    )


def attempts_usd(tx: Change, job_id: UUID) -> Decimal:
    """Return what the attempts of a job cost or may cost, without those that cost nothing for sure."""
    total = Decimal(0)
    for attempt in tx.tables.attempts_of(job_id):
        if attempt["charged"] is not False:
            cost = attempt["cost_usd"]
            total += (attempt["reserved_usd"] if cost is None else cost) or 0
    return total


def known_cost(tx: Change, job_id: UUID) -> Decimal | None:
    """Return what the attempts of a job have cost; None while one is not known."""
    attempts, job = tx.tables.attempts_of(job_id), tx.tables.jobs.get(job_id)
    costs = [a["cost_usd"] for a in attempts if a["charged"] is not False]
    if None in costs or (not attempts and (job is None or job["adopted_at"] is not None)):
        return None
    return usd(sum(costs, Decimal(0)))


def _sum_cost(tx: Change, job_id: UUID) -> None:
    job = tx.tables.jobs.get(job_id)
    if job is not None and job["phase"] == "done" and job["cost_usd"] != known_cost(tx, job_id):
        update_job(tx, job, cost_usd=known_cost(tx, job_id))


def add_spend(
    tx: Change, user_id: UUID, day: Any, amount: Decimal, *, is_spent: bool
) -> str | None:
    """Add to what a user and everybody spends on a day; whose cap forbids it, None when it is done."""
    spend = tx.tables.spend
    allowed = limits_of(tx, user_id)
    own_cap, total_cap = allowed["daily_spend_usd"], allowed["total_daily_spend_usd"]
    own = spend.get((user_id, day))
    if own is None:
        own = tx.insert(spend, (user_id, day), {"usd": usd(0)})
    if not is_spent and own_cap is not None and own["usd"] + amount > own_cap:
        return "user"
    tx.update(own, usd=usd(own["usd"] + amount))
    if total_cap is None:
        return None
    total = spend.get((None, day))
    if total is None and not is_spent:
        total = tx.insert(spend, (None, day), {"usd": usd(0)})
    if total is not None and (is_spent or total["usd"] + amount <= total_cap):
        tx.update(total, usd=usd(total["usd"] + amount))
        return None
    if is_spent:
        return None
    tx.update(own, usd=usd(own["usd"] - amount))
    return "installation"


def hold_attempt(tx: Change, job_id: UUID, amount: Decimal | None) -> bool:
    """Make an open job hold what one more attempt may bring it to; False when a cap forbids it."""
    if amount == 0:
        return True
    job = tx.tables.jobs[job_id]
    allowed = limits_of(tx, job["user_id"])
    if amount is None:
        return allowed["daily_spend_usd"] is None and allowed["total_daily_spend_usd"] is None
    held = tx.tables.job_spend.get(job_id)
    more = amount + attempts_usd(tx, job_id) - (held["usd"] if held else 0)
    if more <= 0:
        return True
    day = _spend_day(job, held)
    if add_spend(tx, job["user_id"], day, more, is_spent=False) is not None:
        return False
    _hold(tx, job, day, (held["usd"] if held else 0) + more)
    return True


def settle_spend(tx: Change, job_id: UUID) -> None:
    """An ended job holds what its attempts cost."""
    job = tx.tables.jobs.get(job_id)
    if job is None or job["status"] in OPEN:
        return
    held = tx.tables.job_spend.get(job_id)
    cost = attempts_usd(tx, job_id)
    before = held["usd"] if held else Decimal(0)
    if cost != before:
        day = _spend_day(job, held)
        add_spend(tx, job["user_id"], day, cost - before, is_spent=True)
        _hold(tx, job, day, cost)


def _spend_day(job: Row, held: Row | None) -> Any:
    return held["day"] if held else job["quota_day"] or job["created_at"].date()


def _hold(tx: Change, job: Row, day: Any, amount: Decimal) -> None:
    held = tx.tables.job_spend.get(job["id"])
    if held is None:
        row = {"user_id": job["user_id"], "day": day, "usd": usd(amount)}
        tx.insert(tx.tables.job_spend, job["id"], row)
    else:
        tx.update(held, usd=usd(amount))


def return_unit(tx: Change, job_id: UUID) -> bool:
    """Give a job's unit back, once; a reset after it was taken has given it back already."""
    job = tx.tables.jobs.get(job_id)
    if job is None or job["quota_day"] is None or job["quota_returned_at"] is not None:
        return False
    update_job(tx, job, quota_returned_at=tx.now())
    key = job["user_id"], job["quota_day"]
    mine = [r for r in tx.tables.ledger.values() if (r["user_id"], r["day"]) == key]
    taken = [r["id"] for r in mine if r["job_id"] == job_id and r["reason"] == "job"]
    if any(r["reason"] == "reset" and r["id"] > taken[0] for r in mine if taken):
        return False
    add_to_ledger(tx, job["user_id"], job["quota_day"], job_id, -1, "returned")
    quota = tx.tables.quota.get(key)
    if quota is not None:
        tx.update(quota, count=quota["count"] - 1)
    return True


def add_to_ledger(
    tx: Change, user_id: UUID, day: Any, job_id: UUID | None, delta: int, reason: str
) -> None:
    row = {"user_id": user_id, "day": day, "job_id": job_id, "delta": delta, "reason": reason}
    tx.append(tx.tables.ledger, row)


def hold_lease(tx: Change, job_id: UUID, fence: int) -> None:
    lease = tx.tables.leases.get(job_id)
    if lease is None or lease["fence"] != fence:
        raise LeaseLostError


def require_open(tx: Change, job_id: UUID) -> None:
    job = tx.tables.jobs.get(job_id)
    if job is None or job["status"] not in OPEN:
        raise IllegalTransitionError


def wake(tx: Change, job_id: UUID, at: datetime | None = None, lane: str = "steps") -> None:
    """Bring the job's queued work item forward or add one; beside a picked one that is not claimed, another."""
    due = at or tx.began
    key = f"{lane}:{job_id}"
    item = _active(tx, key)
    if item is None:
        _queue(tx, job_id, lane, key, due)
    elif item["status"] == "queued":
        tx.update(item, execute_after=min(item["execute_after"], due))
        tx.has_queued = True
    elif _active(tx, f"{key}:again") is None:
        _queue(tx, job_id, lane, f"{key}:again", due)


def _active(tx: Change, key: str) -> Row | None:
    return next((i for i in tx.tables.items.values() if i["dedupe_key"] == key), None)


def _queue(tx: Change, job_id: UUID, lane: str, key: str, due: datetime) -> None:
    item = {
        "entrypoint": lane,
        "job_id": job_id,
        "execute_after": due,
        "dedupe_key": key,
        "status": "queued",
        "holder": None,
    }
    tx.append(tx.tables.items, item)
    tx.has_queued = True


def has_item(tx: Change, job_id: UUID) -> bool:
    """Return whether `sweep_jobs` would find a work item of the job."""
    keys = (f"steps:{job_id}", f"render:{job_id}")
    return any(i["dedupe_key"] in keys for i in tx.tables.items.values())
