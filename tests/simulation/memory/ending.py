"""Cancelling and erasing: of jobs, of users, of objects."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from photoplay.domain.states import OPEN
from tests.simulation.memory.rules import (
    OPEN_ATTEMPT,
    add_to_ledger,
    known_cost,
    update_attempt,
    update_job,
    wake,
)
from tests.simulation.memory.tables import Change, Row, Values, statement, touched


def _visible(tx: Change, job_id: UUID) -> Row | None:
    """Return a job as the row-level security shows it."""
    job = tx.tables.jobs.get(job_id)
    if job is None or tx.scope.role == "photoplay_worker":
        return job
    is_foreign = tx.scope.role == "photoplay_api" and job["user_id"] != tx.user_id
    return None if is_foreign or job["erased_at"] is not None else job


@statement
def lock_job(tx: Change, v: Values) -> list[Row]:
    job = _visible(tx, v["job_id"])
    return [dict(job)] if job is not None and job["erased_at"] is None else []


@statement
def get_job_version(tx: Change, v: Values) -> list[Row]:
    job = _visible(tx, v["job_id"])
    if job is None:
        return []
    is_sending = any(
        a["status"] == "submitting" and a["sent_at"] is not None
        for a in tx.tables.attempts_of(job["id"])
    )
    return [{**{n: job[n] for n in ("version", "status", "erased_at")}, "is_sending": is_sending}]


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


_EMPTIED = {
    "prompt": None,
    "options": {},
    "source_image_url": "",
    "image_id": None,
    "fingerprint": None,
    "result": None,
    "provider_job_id": None,
    "expires_at": None,
}


@statement
def erase_job(tx: Change, v: Values) -> list[Row]:
    job = _visible(tx, v["job_id"])
    if job is None or job["erased_at"] is not None or job["phase"] != "done":
        return touched()
    stub = {name: job[name] for name in _KEPT}
    known = known_cost(tx, job["id"])
    stub["cost_usd"] = job["cost_usd"] if known is None else known
    tx.insert(tx.tables.erased_jobs, job["id"], stub)
    if not (_has_open_attempt(tx, job["id"]) or _held(tx, job["id"])):
        _remove(tx, job["id"])
        return touched()
    update_job(tx, job, erased_at=tx.now(), **_EMPTIED)
    wake(tx, job["id"])
    return touched()


@statement
def forget_erased_job(tx: Change, v: Values) -> list[Row]:
    job = tx.tables.jobs.get(v["job_id"])
    if job is None or job["erased_at"] is None or _has_open_attempt(tx, job["id"]):
        return [{"forgotten": False}]
    if _held(tx, job["id"]) and job["erased_at"] > tx.now() - timedelta(days=1):
        return [{"forgotten": False}]
    stub, known = tx.tables.erased_jobs[job["id"]], known_cost(tx, job["id"])
    cost = stub["cost_usd"] if known is None else known
    tx.update(stub, cost_usd=cost, quota_returned_at=job["quota_returned_at"])
    _remove(tx, job["id"])
    return [{"forgotten": True}]


@statement
def list_held_tasks(tx: Change, v: Values) -> list[Row]:
    names = ("id", "provider", "model", "provider_task_id", "accepted_at")
    return [{name: a[name] for name in names} for a in _held(tx, v["job_id"])]


@statement
def mark_erased_there(tx: Change, v: Values) -> list[Row]:
    update_attempt(tx, tx.tables.attempts[v["attempt_id"]], erased_there_at=tx.now())
    return touched()


def _remove(tx: Change, job_id: UUID) -> None:
    tx.delete(tx.tables.jobs, job_id)
    for attempt in tx.tables.attempts_of(job_id):
        tx.delete(tx.tables.polls, attempt["id"])
        tx.delete(tx.tables.attempts, attempt["id"])
    tx.delete(tx.tables.leases, job_id)


def _has_open_attempt(tx: Change, job_id: UUID) -> bool:
    return any(a["status"] in OPEN_ATTEMPT for a in tx.tables.attempts_of(job_id))


def _held(tx: Change, job_id: UUID) -> list[Row]:
    """Return the attempts of which a provider may still hold something."""
    return sorted(
        (
            a
            for a in tx.tables.attempts_of(job_id)
            if a["provider"] != "local"
            and a["provider_task_id"] is not None
            and a["erased_there_at"] is None
        ),
        key=lambda a: a["n"],
    )


@statement
def erase_fetched_picture(tx: Change, v: Values) -> list[Row]:
    job = _visible(tx, v["job_id"])
    image = tx.tables.images.get(job["image_id"]) if job is not None else None
    if job is None or image is None or image["user_id"] != job["user_id"]:
        return []
    is_others = any(
        other["image_id"] == image["id"] and other["id"] != job["id"]
        for other in tx.tables.jobs.values()
        if other["user_id"] == job["user_id"]
    )
    if is_others or image["created_at"] <= job["created_at"]:
        return []
    tx.delete(tx.tables.images, image["id"])
    return [{"path": image["path"]}]


@statement
def forget_request_keys(tx: Change, v: Values) -> list[Row]:
    keyed = [
        stub
        for stub in tx.tables.erased_jobs.values()
        if stub["user_id"] == v["user_id"] and stub["client_request_id"] is not None
    ]
    for stub in keyed:
        tx.update(stub, client_request_id=None)
    return touched(len(keyed))


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
            tx.update(row, removed_at=tx.now())
    return touched(len(v["paths"]))


@statement
def sweep_erased(tx: Change, v: Values) -> list[Row]:
    again, a_day = v["again"], timedelta(days=1)
    due = [
        (removed_at is not None, removed_at or row["erased_at"], path)
        for path, row in tx.tables.erased_objects.items()
        if (removed_at := row["removed_at"]) is None
        or (again and removed_at <= row["erased_at"] + a_day)
    ]
    return [{"path": path} for *_, path in sorted(due)]


@statement
def sweep_erased_users(tx: Change, v: Values) -> list[Row]:
    a_day = timedelta(days=1)
    due = [
        (emptied_at is not None, emptied_at or row["erased_at"], user_id)
        for user_id, row in tx.tables.erased_users.items()
        if row["blocked"]
        and ((emptied_at := row["emptied_at"]) is None or emptied_at <= row["erased_at"] + a_day)
    ]
    return [{"user_id": user_id} for *_, user_id in sorted(due)]


@statement
def mark_folder_emptied(tx: Change, v: Values) -> list[Row]:
    row = tx.tables.erased_users.get(v["user_id"])
    if row is not None:
        tx.update(row, emptied_at=tx.now())
    return touched()


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
    row = {
        "erased_at": tx.now(),
        "erased_by": v["actor"],
        "blocked": v["blocked"],
        "emptied_at": None,
    }
    known = tx.tables.erased_users.get(v["user_id"])
    if known is None:
        tx.insert(tx.tables.erased_users, v["user_id"], row)
    else:
        tx.update(known, **row)
    return touched()


@statement
def lock_jobs_of_user(tx: Change, v: Values) -> list[Row]:
    mine = [
        job
        for job in tx.tables.jobs.values()
        if job["user_id"] == v["user_id"] and job["erased_at"] is None
    ]
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
        tx.insert(tx.tables.images, v["id"], {**v, "created_at": tx.now()})
        known = [dict(v)]
    return [{name: known[0][name] for name in ("id", "path", "width", "height", "bytes")}]
