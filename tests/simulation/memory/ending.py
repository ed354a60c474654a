"""Cancelling and erasing: of jobs, of users, of objects."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from photoplay.domain.states import OPEN
from tests.simulation.memory.rules import add_to_ledger, update_attempt, update_job
from tests.simulation.memory.tables import Change, Row, Values, statement, touched


def _visible(tx: Change, job_id: UUID) -> Row | None:
    """Return a job as the row-level security shows it."""
    job = tx.tables.jobs.get(job_id)
    if job is not None and tx.scope.role == "photoplay_api" and job["user_id"] != tx.user_id:
        return None
    return job


@statement
def lock_job(tx: Change, v: Values) -> list[Row]:
    job = _visible(tx, v["job_id"])
    return [dict(job)] if job is not None else []


@statement
def get_job_version(tx: Change, v: Values) -> list[Row]:
    job = _visible(tx, v["job_id"])
    return [{"version": job["version"], "status": job["status"]}] if job is not None else []


@statement
def cancel_job(tx: Change, v: Values) -> list[Row]:
    job = tx.tables.jobs[v["job_id"]]
    if job["status"] not in OPEN:
        return []
    update_job(tx, job, status="cancelled", phase="done", finished_at=tx.now(), progress=None)
    return touched()


@statement
def cancel_free_attempts(tx: Change, v: Values) -> list[Row]:
    free = [
        a
        for a in tx.tables.attempts_of(v["job_id"])
        if a["charged"] is False and a["status"] in {"submitting", "accepted", "running"}
    ]
    for attempt in free:
        update_attempt(tx, attempt, status="cancelled", finished_at=tx.now())
    return touched(len(free))


_KEPT = (
    "id",
    "user_id",
    "client_request_id",
    "status",
    "created_at",
    "finished_at",
    "cost_usd",
    "quota_day",
    "quota_returned_at",
)


@statement
def erase_job(tx: Change, v: Values) -> list[Row]:
    tables, job_id = tx.tables, v["job_id"]
    job = tx.delete(tables.jobs, job_id)
    if job is None:
        return []
    for attempt in tables.attempts_of(job_id):
        tx.delete(tables.polls, attempt["id"])
        tx.delete(tables.attempts, attempt["id"])
    tx.delete(tables.leases, job_id)
    stub = {name: job[name] for name in _KEPT}
    tx.insert(tables.erased_jobs, job_id, stub)
    return touched()


@statement
def mark_objects_erased(tx: Change, v: Values) -> list[Row]:
    for path in v["paths"]:
        if path not in tx.tables.erased_objects:
            row = {"job_id": v["job_id"], "erased_at": tx.now(), "removed_at": None}
            tx.insert(tx.tables.erased_objects, path, row)
    return touched(len(v["paths"]))


@statement
def mark_objects_removed(tx: Change, v: Values) -> list[Row]:
    for path in v["paths"]:
        row = tx.tables.erased_objects.get(path)
        if row is not None:
            tx.update(row, removed_at=row["removed_at"] or tx.now())
    return touched(len(v["paths"]))


@statement
def sweep_erased(tx: Change, v: Values) -> list[Row]:
    since = tx.now() - timedelta(days=1)
    return [
        {"path": path}
        for path, row in tx.tables.erased_objects.items()
        if row["removed_at"] is None or (v["again"] and row["removed_at"] > since)
    ]


@statement
def sweep_erased_users(tx: Change, v: Values) -> list[Row]:
    since = tx.now() - timedelta(days=1)
    return [
        {"user_id": user_id}
        for user_id, row in tx.tables.erased_users.items()
        if row["blocked"] and row["erased_at"] > since
    ]


@statement
def sweep_expired(tx: Change, v: Values) -> list[Row]:
    due = [
        job
        for job in tx.tables.jobs.values()
        if job["expires_at"] is not None and job["expires_at"] < tx.now()
    ]
    return [{"id": job["id"]} for job in sorted(due, key=lambda job: job["expires_at"])]


@statement
def mark_user_erased(tx: Change, v: Values) -> list[Row]:
    row = {"erased_at": tx.now(), "erased_by": v["actor"], "blocked": v["blocked"]}
    known = tx.tables.erased_users.get(v["user_id"])
    if known is None:
        tx.insert(tx.tables.erased_users, v["user_id"], row)
    else:
        tx.update(known, **row)
    return touched()


@statement
def lock_jobs_of_user(tx: Change, v: Values) -> list[Row]:
    mine = [job for job in tx.tables.jobs.values() if job["user_id"] == v["user_id"]]
    return [dict(job) for job in sorted(mine, key=lambda job: job["id"])]


@statement
def erase_images(tx: Change, v: Values) -> list[Row]:
    mine = [i for i in tx.tables.images.values() if i["user_id"] == v["user_id"]]
    for image in mine:
        tx.delete(tx.tables.images, image["id"])
    return [{"path": image["path"]} for image in mine]


@statement
def erase_keys(tx: Change, v: Values) -> list[Row]:
    return []


@statement
def erase_limits(tx: Change, v: Values) -> list[Row]:
    return touched(tx.delete(tx.tables.limits, v["user_id"]) is not None)


@statement
def reset_quota(tx: Change, v: Values) -> list[Row]:
    day = tx.now().date()
    quota = tx.tables.quota.get((v["user_id"], day))
    if quota is None or quota["count"] == 0:
        return []
    held = quota["count"]
    add_to_ledger(tx, v["user_id"], day, None, -held, "reset")
    tx.update(quota, count=0)
    return [{"given_back": held}]


@statement
def find_image(tx: Change, v: Values) -> list[Row]:
    return [
        dict(image)
        for image in tx.tables.images.values()
        if (image["user_id"], image["sha256"]) == (v["user_id"], v["sha256"])
    ]


@statement
def add_image(tx: Change, v: Values) -> list[Row]:
    from photoplay.domain.errors import UserErasedError

    erased = tx.tables.erased_users.get(v["user_id"])
    if erased is not None and erased["blocked"]:
        raise UserErasedError
    known = find_image(tx, v)
    if not known:
        tx.insert(tx.tables.images, v["id"], dict(v))
        known = [dict(v)]
    return [{name: known[0][name] for name in ("id", "path", "width", "height", "bytes")}]
