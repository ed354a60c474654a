"""A job's way through its phases, and the attempts on it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation

from photoplay.domain.states import OPEN
from tests.simulation.memory.rules import (
    OPEN_ATTEMPT,
    announce_attempt,
    require_open,
    update_attempt,
    update_job,
)
from tests.simulation.memory.tables import Change, Row, Values, statement, touched, usd

_ENDED = ("succeeded", "failed", "blocked", "cancelled", "expired", "lost")


@statement
def get_claimed_job(tx: Change, v: Values) -> list[Row]:
    job = tx.tables.jobs.get(v["job_id"])
    lease = tx.tables.leases.get(v["job_id"])
    if job is None or lease is None:
        return []
    attempts = sorted(tx.tables.attempts_of(job["id"]), key=lambda a: a["n"])
    image = tx.tables.images.get(job["image_id"])
    if image is not None and image["user_id"] != job["user_id"]:
        image = None
    row = dict(job)
    row["source_image_url"] = image["path"] if image else job["source_image_url"]
    row["failures"] = lease["failures"]
    row["now"] = tx.now()
    row |= _newest(attempts[-1] if attempts else None)
    for name in ("width", "height", "bytes"):
        row[f"image_{name}"] = image[name] if image else None
    row["ended_attempts"] = [
        {name: a[name] for name in ("provider", "refusal", "charged")}
        for a in attempts
        if a["status"] not in OPEN_ATTEMPT
    ]
    return [row]


_PLAIN = (
    "provider_task_id",
    "callback_token",
    "sent_at",
    "accepted_at",
    "hinted_task_id",
    "placed_picture",
    "cancel_asked_at",
)
_NAMED = (
    "id",
    "n",
    "provider",
    "model",
    "status",
    "fence",
    "outcome",
    "charged",
    "created_at",
    "finished_at",
)


def _newest(attempt: Row | None) -> Row:
    row: Row = {name: attempt[name] if attempt else None for name in _PLAIN}
    for name in _NAMED:
        row[f"attempt_{name}"] = attempt[name] if attempt else None
    return row


def _in_phase(tx: Change, job_id: UUID, phase: str) -> Row | None:
    job = tx.tables.jobs.get(job_id)
    return job if job is not None and job["phase"] == phase else None


def _moved(tx: Change, v: Values, begins_in: str, **values: Any) -> list[Row]:
    job = _in_phase(tx, v["job_id"], begins_in)
    if job is None:
        return []
    update_job(tx, job, **values)
    return touched()


@statement
def begin_preparing(tx: Change, v: Values) -> list[Row]:
    return _moved(tx, v, "accepted", phase="preparing")


@statement
def begin_submitting(tx: Change, v: Values) -> list[Row]:
    job = _in_phase(tx, v["job_id"], "preparing")
    started = job["started_at"] if job else None
    return _moved(
        tx,
        v,
        "preparing",
        phase="submitting",
        status="running",
        provider=v["provider"],
        effective_options=v["effective_options"].obj,
        started_at=started or tx.now(),
    )


@statement
def begin_waiting(tx: Change, v: Values) -> list[Row]:
    return _moved(tx, v, "submitting", phase="waiting", provider_job_id=v["provider_task_id"])


@statement
def begin_storing(tx: Change, v: Values) -> list[Row]:
    return _moved(tx, v, "waiting", phase="storing", result=v["result"].obj)


@statement
def begin_again(tx: Change, v: Values) -> list[Row]:
    job = tx.tables.jobs.get(v["job_id"])
    if job is None:
        return []
    update_job(tx, job, phase="preparing", progress=None)
    return touched()


@statement
def begin_attempt(tx: Change, v: Values) -> list[Row]:
    job = tx.tables.jobs.get(v["job_id"])
    if job is None:
        return []
    before = tx.tables.attempts_of(job["id"])
    if any(a["status"] in OPEN_ATTEMPT for a in before):
        raise UniqueViolation("attempts_one_open")
    attempt = {
        "id": v["attempt_id"],
        "job_id": job["id"],
        "user_id": job["user_id"],
        "n": 1 + max((a["n"] for a in before), default=0),
        "provider": v["provider"],
        "model": v["model"],
        "status": "submitting",
        "fence": v["fence"],
        "callback_token": v["callback_token"],
        "provider_task_id": None,
        "outcome": None,
        "error": None,
        "refusal": None,
        "charged": None if v["billed"] else False,
        "cost_usd": None,
        "reserved_usd": usd(v["estimate_usd"]),
        "created_at": tx.now(),
        "sent_at": None,
        "accepted_at": None,
        "finished_at": None,
        "hinted_task_id": None,
        "called_back_at": None,
        "cancel_asked_at": None,
        "placed_picture": None,
        "erased_there_at": None,
    }
    tx.insert(tx.tables.attempts, attempt["id"], attempt)
    announce_attempt(tx, attempt)
    return [{"id": attempt["id"], "n": attempt["n"]}]


def _attempt(tx: Change, v: Values) -> Row | None:
    attempt = tx.tables.attempts.get(v["attempt_id"])
    if attempt is None or attempt["job_id"] != v.get("job_id", attempt["job_id"]):
        return None
    return attempt


@statement
def mark_sent(tx: Change, v: Values) -> list[Row]:
    attempt = _attempt(tx, v)
    if attempt is None:
        return []
    require_open(tx, v["job_id"])
    sent_at = attempt["sent_at"] or tx.now()
    update_attempt(tx, attempt, sent_at=sent_at, placed_picture=v["placed_picture"])
    return touched()


@statement
def set_attempt(tx: Change, v: Values) -> list[Row]:
    attempt = _attempt(tx, v)
    if attempt is None:
        return []
    values: Row = {"status": str(v["status"])}
    for name in ("provider_task_id", "error", "refusal", "charged"):
        if v[name] is not None:
            value = v[name]
            values[name] = str(value) if isinstance(value, str) else value
    if v["outcome"] is not None:
        values["outcome"] = v["outcome"].obj
    if v["cost_usd"] is not None:
        values["cost_usd"] = usd(v["cost_usd"])
    if v["status"] == "accepted":
        values["accepted_at"] = tx.now()
    ended = attempt["finished_at"] or tx.now()
    values["finished_at"] = ended if v["status"] in _ENDED else None
    update_attempt(tx, attempt, **values)
    return touched()


@statement
def mark_cancel_asked(tx: Change, v: Values) -> list[Row]:
    attempt = _attempt(tx, v)
    if attempt is None:
        return []
    update_attempt(tx, attempt, cancel_asked_at=attempt["cancel_asked_at"] or tx.now())
    return touched()


@statement
def find_attempt_by_token(tx: Change, v: Values) -> list[Row]:
    names = ("id", "job_id", "provider", "provider_task_id")
    return [
        {name: a[name] for name in names}
        for a in tx.tables.attempts.values()
        if a["callback_token"] == v["token"]
    ]


@statement
def note_callback(tx: Change, v: Values) -> list[Row]:
    # Notes are for people; nothing is decided by them.
    attempt = _attempt(tx, v)
    if attempt is None:
        return []
    if v["is_forged"]:
        return [{"result": "forged"}]
    if attempt["finished_at"] is not None:
        return [{"result": "late"}]
    return [{"result": "accepted" if attempt["called_back_at"] is None else "repeated"}]


@statement
def record_callback(tx: Change, v: Values) -> list[Row]:
    attempt = _attempt(tx, v)
    if attempt is None:
        return []
    hinted, task_id = attempt["hinted_task_id"], v["task_id"]
    if attempt["called_back_at"] is not None and (hinted is not None or task_id is None):
        return []
    update_attempt(tx, attempt, called_back_at=tx.now(), hinted_task_id=hinted or task_id)
    return touched()


@statement
def find_unresolved_attempts(tx: Change, v: Values) -> list[Row]:
    return [
        {name: a[name] for name in ("id", "n", "provider", "status")}
        for a in tx.tables.attempts_of(v["job_id"])
        if a["status"] in {"unknown", "lost"} and a["charged"] is None and v["n"] in (None, a["n"])
    ]


@statement
def hint_task(tx: Change, v: Values) -> list[Row]:
    attempt = _attempt(tx, v)
    if attempt is None:
        return []
    update_attempt(tx, attempt, hinted_task_id=v["task_id"])
    return touched()


@statement
def set_progress(tx: Change, v: Values) -> list[Row]:
    job = tx.tables.jobs.get(v["job_id"])
    if job is None or job["status"] != "running" or (job["progress"] or -1) >= v["progress"]:
        return []
    update_job(tx, job, progress=v["progress"])
    return touched()


@statement
def set_job_image(tx: Change, v: Values) -> list[Row]:
    job = tx.tables.jobs.get(v["job_id"])
    if job is None or job["image_id"] is not None:
        return []
    update_job(tx, job, image_id=v["image_id"])
    return touched()


@statement
def succeed_job(tx: Change, v: Values) -> list[Row]:
    keep_for = v["keep_for"]
    return _moved(
        tx,
        v,
        "storing",
        status="succeeded",
        phase="done",
        progress=1,
        finished_at=tx.now(),
        output_video_url=v["path"],
        poster_path=v["poster_path"],
        video=json.loads(json.dumps(v["video"].obj)),
        expires_at=tx.now() + keep_for if keep_for else None,
    )


@statement
def fail_job(tx: Change, v: Values) -> list[Row]:
    job = tx.tables.jobs.get(v["job_id"])
    if job is None or job["status"] not in OPEN:
        return []
    failure = {name: v[name] for name in ("message", "retryable", "charged")}
    failure["code"] = str(v["code"])
    update_job(
        tx,
        job,
        status="failed",
        phase="done",
        progress=None,
        finished_at=tx.now(),
        failure=failure,
    )
    return touched()
