"""Which accepted tasks are due to be looked at."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from math import floor

from tests.simulation.memory.rules import WITH_PROVIDER
from tests.simulation.memory.tables import Change, Row, Values, statement, touched


def _pause(tx: Change, age: timedelta, v: Values) -> timedelta:
    spread = 0.9 + 0.2 * tx.dice.random()
    return min(max(age / 10, v["shortest"]), v["longest"]) * spread


@statement
def follow_task(tx: Change, v: Values) -> list[Row]:
    attempt = tx.tables.attempts.get(v["attempt_id"])
    if (
        attempt is None
        or attempt["job_id"] != v["job_id"]
        or attempt["status"] not in WITH_PROVIDER
        or attempt["id"] in tx.tables.polls
    ):
        return []
    row = {name: attempt[name] for name in ("job_id", "user_id")}
    row["attempt_id"] = attempt["id"]
    row["account"] = v["account"]
    row["next_at"] = tx.now() + _pause(tx, tx.now() - attempt["accepted_at"], v)
    tx.insert(tx.tables.polls, attempt["id"], row)
    return touched()


@statement
def take_polls(tx: Change, v: Values) -> list[Row]:
    tables, instant = tx.tables, tx.now()
    due = [
        p for p in tables.polls.values() if p["account"] == v["account"] and p["next_at"] <= instant
    ]
    if not due:
        return []
    account = tables.accounts.get(v["account"])
    if account is None:
        account = tx.insert(tables.accounts, v["account"], _new_account())
    held_until = account["held_until"]
    if held_until is not None and held_until > instant:
        return []
    since = account["counted_at"]
    elapsed_s = 60 if since is None else max((instant - since).total_seconds(), 0)
    per_s = v["per_s"]
    slowed = per_s if account["per_s"] is None else account["per_s"]
    rate = min(per_s, slowed * (1 + elapsed_s / 60))
    allowed = min(max(rate, 1), account["polls_left"] + elapsed_s * rate)
    picked = _in_turn(due, account["last_user"])[: min(floor(allowed), v["most"])]
    tx.update(
        account,
        polls_left=allowed - len(picked),
        counted_at=instant,
        per_s=None if rate == per_s else rate,
        last_user=picked[-1]["user_id"] if picked else account["last_user"],
    )
    return [_taken(tx, poll, v) for poll in picked]


def _new_account() -> Row:
    return {
        "polls_left": 0.0,
        "counted_at": None,
        "per_s": None,
        "held_until": None,
        "last_user": None,
    }


def _in_turn(due: list[Row], last_user: object) -> list[Row]:
    """Return them as users take turns, each with the task that waits longest."""
    turns: Counter[object] = Counter()
    places = []
    for poll in sorted(due, key=lambda p: p["next_at"]):
        user_id = poll["user_id"]
        turns[user_id] += 1
        comes_late = last_user is not None and user_id <= last_user
        places.append(((turns[user_id], comes_late, user_id), poll))
    return [poll for _, poll in sorted(places, key=lambda place: place[0])]


def _taken(tx: Change, poll: Row, v: Values) -> Row:
    attempt, instant = tx.tables.attempts[poll["attempt_id"]], tx.now()
    due_at = poll["next_at"]
    tx.update(poll, next_at=instant + _pause(tx, instant - attempt["accepted_at"], v))
    return {
        "job_id": poll["job_id"],
        "provider": attempt["provider"],
        "model": attempt["model"],
        "task_id": attempt["provider_task_id"],
        "accepted_at": attempt["accepted_at"],
        "due_at": due_at,
        "taken_at": instant,
        "progress": tx.tables.jobs[poll["job_id"]]["progress"],
    }


@statement
def next_poll(tx: Change, v: Values) -> list[Row]:
    due = [p["next_at"] for p in tx.tables.polls.values() if p["account"] == v["account"]]
    return [{"wait_s": (min(due) - tx.now()).total_seconds() if due else None}]


@statement
def slow_polls(tx: Change, v: Values) -> list[Row]:
    account = tx.tables.accounts.get(v["account"])
    if account is None:
        return []
    instant, per_s, held = tx.now(), v["per_s"], account["held_until"]
    if held is None or held <= instant:
        slowed = per_s if account["per_s"] is None else account["per_s"]
        tx.update(account, per_s=max(slowed / 2, per_s / 16))
    until = instant + v["pause"]
    tx.update(account, held_until=until if held is None else max(held, until))
    return touched()
