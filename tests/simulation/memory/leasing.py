"""What begins, keeps and ends a worker's right to write, wakes jobs and sweeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from photoplay.domain.states import OPEN
from tests.simulation.memory.rules import (
    OPEN_ATTEMPT,
    has_item,
    hold_attempt,
    wake,
)
from tests.simulation.memory.rules import (
    hold_lease as hold,
)
from tests.simulation.memory.rules import (
    return_unit as give_back,
)
from tests.simulation.memory.tables import STATEMENTS, Change, Row, Values, statement, touched, usd

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""Stands for '-infinity'."""


@statement
def claim_job(tx: Change, v: Values) -> list[Row]:
    job_id = v["job_id"]
    item = tx.tables.items.get(v["item_id"])
    if item is not None:
        tx.update(item, dedupe_key=None)
    if job_id not in tx.tables.jobs:
        return [{"fence": None, "until": None, "job_exists": False}]
    lease = tx.tables.leases.get(job_id)
    if lease is None:
        row = {"fence": 0, "failures": 0, "worker_id": None, "expires_at": LONG_AGO}
        lease = tx.insert(tx.tables.leases, job_id, row)
    if lease["expires_at"] > tx.now():
        return [{"fence": None, "until": lease["expires_at"], "job_exists": True}]
    expires_at = tx.now() + v["lease"]
    tx.update(lease, fence=lease["fence"] + 1, worker_id=v["worker_id"], expires_at=expires_at)
    return [{"fence": lease["fence"], "until": expires_at, "job_exists": True}]


@statement
def hold_lease(tx: Change, v: Values) -> list[Row]:
    hold(tx, v["job_id"], v["fence"])
    return touched()


@statement
def renew_lease(tx: Change, v: Values) -> list[Row]:
    lease = tx.tables.leases.get(v["job_id"])
    if lease is None or lease["fence"] != v["fence"]:
        return []
    tx.update(lease, expires_at=tx.now() + v["lease"])
    return [{"expires_at": lease["expires_at"]}]


@statement
def release_lease(tx: Change, v: Values) -> list[Row]:
    lease = tx.tables.leases.get(v["job_id"])
    if lease is None or lease["fence"] != v["fence"]:
        return []
    failures = lease["failures"] + 1 if v["failed"] else 0
    tx.update(lease, expires_at=LONG_AGO, failures=failures)
    return touched()


@statement
def revoke_lease(tx: Change, v: Values) -> list[Row]:
    lease = tx.tables.leases.get(v["job_id"])
    if lease is None:
        return []
    tx.update(lease, fence=lease["fence"] + 1, expires_at=LONG_AGO)
    return touched()


@statement
def wake_job(tx: Change, v: Values) -> list[Row]:
    wake(tx, v["job_id"], tx.began + (v["delay"] or timedelta(0)), v["lane"])
    return touched()


@statement
def sweep_jobs(tx: Change, v: Values) -> list[Row]:
    revived = []
    before = tx.now() - v["grace"]
    under_way = {a["job_id"] for a in tx.tables.attempts.values() if a["status"] in OPEN_ATTEMPT}
    for job in tx.tables.jobs.values():
        is_erased = job["erased_at"] is not None
        if job["status"] not in OPEN and job["id"] not in under_way and not is_erased:
            continue
        lease = tx.tables.leases.get(job["id"])
        held_until = lease["expires_at"] if lease else job["created_at"]
        if held_until < before and not has_item(tx, job["id"]):
            wake(tx, job["id"])
            revived.append({"id": job["id"]})
    return revived


@statement
def return_unit(tx: Change, v: Values) -> list[Row]:
    return [{"returned": give_back(tx, v["job_id"])}]


@statement
def return_unit_unless_charged(tx: Change, v: Values) -> list[Row]:
    if any(a["charged"] is not False for a in tx.tables.attempts_of(v["job_id"])):
        return []
    return [{"returned": give_back(tx, v["job_id"])}]


@statement
def may_begin(tx: Change, v: Values) -> list[Row]:
    return [{"entry": _entry(tx, v)}]


def _entry(tx: Change, v: Values) -> str:
    health = tx.tables.providers.get(v["provider"])
    if health is not None and health["paused_at"] is not None:
        return "paused"
    open_until = health["open_until"] if health else None
    if open_until is not None and open_until > tx.now():
        return "open"
    under_way = sum(
        a["provider"] in v["siblings"] and a["status"] in OPEN_ATTEMPT
        for a in tx.tables.attempts.values()
    )
    if v["concurrency"] is not None and under_way >= v["concurrency"]:
        return "full"
    if not hold_attempt(tx, v["job_id"], usd(v["estimate_usd"])):
        return "capped"
    if health is not None and open_until is not None:
        tx.update(health, open_until=tx.now() + timedelta(seconds=30))
    return "yes"


@statement
def count_verdict(tx: Change, v: Values) -> list[Row]:
    name, failed, instant = v["provider"], v["failed"], tx.now()
    tables = tx.tables
    tx.append(tables.verdicts, {"provider": name, "at": instant, "failed": failed})
    old = instant - timedelta(seconds=60)
    mine = [r for r in tables.verdicts.values() if r["provider"] == name]
    for row in mine:
        if row["at"] < old:
            tx.delete(tables.verdicts, row["id"])
    recent = [r["failed"] for r in mine if r["at"] >= old]
    opens = failed and len(recent) >= 20 and 2 * sum(recent) >= len(recent)
    until = instant + timedelta(seconds=30)
    provider = tables.providers.get(name)
    if provider is None:
        provider = tx.insert(tables.providers, name, new_provider())
    shut = until if opens or (failed and provider["open_until"] is not None) else None
    attention = (v["attention"] or provider["attention"]) if failed else None
    tx.update(provider, open_until=shut, attention=attention)
    return touched()


def new_provider() -> Row:
    return {"paused_at": None, "paused_by": None, "open_until": None, "attention": None}


@statement
def pause_provider(tx: Change, v: Values) -> list[Row]:
    provider = tx.tables.providers.get(v["name"])
    if provider is None:
        provider = tx.insert(tx.tables.providers, v["name"], new_provider())
    if provider["paused_at"] is None:
        tx.update(provider, paused_at=tx.now(), paused_by=v["actor"])
    return touched()


@statement
def resume_provider(tx: Change, v: Values) -> list[Row]:
    provider = tx.tables.providers.get(v["name"])
    if provider is None:
        return []
    tx.update(provider, paused_at=None, paused_by=None, open_until=None)
    return touched()


def _nothing(tx: Change, v: Values) -> list[Row]:
    """Statements about tables that no life depends on."""
    return []


STATEMENTS |= dict.fromkeys(
    (
        "seen_worker",
        "forget_worker",
        "prune_engine_log",
        "prune_request_rates",
        "prune_log_lines",
    ),
    _nothing,
)
