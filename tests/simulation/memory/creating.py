"""create_job and what else requests write."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import Any

from photoplay.db.pool import Scope
from photoplay.domain.errors import UserErasedError
from photoplay.domain.states import OPEN
from tests.simulation.memory.rules import (
    add_spend,
    add_to_ledger,
    announce,
    limits_of,
    wake,
)
from tests.simulation.memory.tables import Change, Row, Values, statement, touched, usd


@statement
def create_job(tx: Change, v: Values) -> list[Row]:
    user_id = tx.user_id
    assert user_id is not None
    allowed = limits_of(tx, user_id)
    facts: Row = {}
    known = _known(tx, v) or _picture_missing(tx, v) or _duplicate(tx, v, allowed)
    if known is not None:
        return [known]
    instant = tx.now()
    today = instant.date()
    resets_at = datetime.combine(today + timedelta(days=1), time(), UTC)
    facts = {
        "resets_at": f"{resets_at:%Y-%m-%dT%H:%M:%SZ}",
        "resets_in_s": ceil((resets_at - instant).total_seconds()),
        "day_s": 86400,
    }
    is_exempt = _is_exempt(tx.scope)
    quota = tx.tables.quota.get((user_id, today))
    used = quota["count"] if quota else 0
    if not is_exempt and used >= allowed["daily_limit"]:
        return [_refused("quota_exceeded", facts, daily_limit=allowed["daily_limit"], used=used)]
    opened = sum(j["user_id"] == user_id and j["status"] in OPEN for j in tx.tables.jobs.values())
    limit = allowed["max_open_jobs"]
    if opened >= limit:
        return [_refused("too_many_open_jobs", facts, max_open_jobs=limit, open_jobs=opened)]
    refusal = _hold_first(tx, v, allowed, today)
    if refusal is not None:
        return [_refused(refusal[0], facts, **refusal[1])]
    if not is_exempt:
        if quota is None:
            tx.insert(tx.tables.quota, (user_id, today), {"count": 1})
        else:
            tx.update(quota, count=used + 1)
        add_to_ledger(tx, user_id, today, v["id"], 1, "job")
        facts |= {"daily_limit": allowed["daily_limit"], "used": used + 1}
    _insert(tx, v, instant, None if is_exempt else today)
    facts |= {"max_open_jobs": limit, "open_jobs": opened + 1}
    return [_answer("created", tx.tables.jobs[v["id"]], facts)]


def _is_exempt(scope: Scope) -> bool:
    return scope.claims.get("role") == "service_role"


def _answer(outcome: str, job: Row | None, facts: Row) -> Row:
    names = ("status", "provider", "created_at")
    found = {name: job[name] if job else None for name in names}
    return {"outcome": outcome, "job_id": job["id"] if job else None, **found, "facts": facts}


def _refused(outcome: str, facts: Row, **more: Any) -> Row:
    return _answer(outcome, None, facts | more)


def _known(tx: Change, v: Values) -> Row | None:
    key = v["key"]
    if key is None:
        return None
    for job in tx.tables.jobs.values():
        is_own = job["user_id"] == tx.user_id and job["erased_at"] is None
        if is_own and job["client_request_id"] == key:
            is_same = job["fingerprint"] == v["fingerprint"]
            return _answer("replayed" if is_same else "key_reused", job, {})
    for stub in tx.tables.erased_jobs.values():
        if stub["user_id"] == tx.user_id and stub["client_request_id"] == key:
            return _refused("erased", {})
    return None


def _picture_missing(tx: Change, v: Values) -> Row | None:
    image = tx.tables.images.get(v["image_id"])
    if v["image_id"] is None or (
        image is not None
        and image["user_id"] == tx.user_id
        and v["source"] in {None, image["path"]}
    ):
        return None
    return _refused("image_not_found", {})


def _duplicate(tx: Change, v: Values, allowed: Row) -> Row | None:
    if v["key"] is not None or not allowed["dedupe_open_jobs"]:
        return None
    for job in tx.tables.jobs.values():
        if (job["user_id"], job["fingerprint"]) == (tx.user_id, v["fingerprint"]) and (
            job["status"] in OPEN
        ):
            return _answer("duplicate", job, {})
    return None


def _hold_first(tx: Change, v: Values, allowed: Row, today: date) -> tuple[str, Row] | None:
    """Hold the estimate under the caps; outcome and facts of a refusal."""
    estimate = usd(v["estimate_usd"])
    caps = allowed["daily_spend_usd"], allowed["total_daily_spend_usd"]
    is_capped = caps != (None, None)
    if estimate is None:
        return ("price_unknown", {}) if is_capped else None
    if estimate > 0:
        refused_by = add_spend(tx, tx.user_id, today, estimate, is_spent=False)
        if refused_by is not None:
            return "spend_cap_reached", {"refused_by": refused_by}
        row = {"user_id": tx.user_id, "day": today, "usd": estimate}
        tx.insert(tx.tables.job_spend, v["id"], row)
    return None


def _insert(tx: Change, v: Values, instant: datetime, day: date | None) -> None:
    erased = tx.tables.erased_users.get(tx.user_id)
    if erased is not None and erased["blocked"]:
        raise UserErasedError
    image = tx.tables.images.get(v["image_id"])
    job = {
        "id": v["id"],
        "created_at": instant,
        "user_id": tx.user_id,
        "status": "queued",
        "phase": "accepted",
        "version": 1,
        "source_image_url": image["path"] if image else v["source"],
        "image_id": v["image_id"],
        "provider": v["provider"],
        "provider_job_id": None,
        "options": v["options"].obj,
        "effective_options": None,
        "prompt": v["prompt"],
        "client_request_id": v["key"],
        "fingerprint": v["fingerprint"],
        "progress": None,
        "overdue_at": instant + v["overdue_after"],
        "quota_day": day,
        "quota_returned_at": None,
        "started_at": None,
        "finished_at": None,
        "failure": None,
        "result": None,
        "output_video_url": None,
        "poster_path": None,
        "video": None,
        "cost_usd": None,
        "expires_at": None,
        "adopted_at": None,
        "erased_at": None,
    }
    tx.insert(tx.tables.jobs, v["id"], job)
    announce(tx, job, "job.queued", {})
    tx.changed_jobs.append(v["id"])
    wake(tx, v["id"])


@statement
def find_replay(tx: Change, v: Values) -> list[Row]:
    names = ("id", "status", "provider", "created_at", "fingerprint")
    found = [
        {name: job[name] for name in names}
        for job in tx.tables.jobs.values()
        if (job["user_id"], job["client_request_id"]) == (tx.user_id, v["key"])
        and job["erased_at"] is None
    ]
    return found + [
        dict.fromkeys(names) | {"status": stub["status"], "created_at": stub["created_at"]}
        for stub in tx.tables.erased_jobs.values()
        if (stub["user_id"], stub["client_request_id"]) == (tx.user_id, v["key"])
    ]


@statement
def set_limits(tx: Change, v: Values) -> list[Row]:
    tables = tx.tables
    before = tables.limits[None]
    is_capped = v["total_daily_spend_usd"] is not None
    if is_capped is (before["total_daily_spend_usd"] is None):
        for key in [key for key in tables.spend if key[0] is None]:
            tx.delete(tables.spend, key)
        oldest = tx.now().date() - timedelta(days=3)
        days: dict[date, Any] = {}
        for (_, day), row in tables.spend.items():
            if day >= oldest:
                days[day] = days.get(day, 0) + row["usd"]
        for day, total in days.items() if is_capped else ():
            tx.insert(tables.spend, (None, day), {"usd": total})
    caps = ("daily_spend_usd", "total_daily_spend_usd")
    tx.update(before, **{name: usd(v[name]) if name in caps else v[name] for name in before})
    return touched()


@statement
def write_audit(tx: Change, v: Values) -> list[Row]:
    tx.append(tx.tables.audit, {name: v[name] for name in ("actor", "action", "target")})
    return touched()
