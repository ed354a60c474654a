"""All tables of Postgres and of the memory, in one form to be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from tests.simulation.memory.leasing import LONG_AGO
from tests.simulation.memory.tables import Row, Tables

Snapshot = dict[str, list[Row]]
_POSTGRES: Final = {
    "jobs": "select * from public.video_jobs order by id",
    "attempts": "select * from photoplay.attempts order by id",
    "leases": (
        "select job_id as id, fence, failures, worker_id,"
        " nullif(expires_at, '-infinity') as expires_at from photoplay.leases order by job_id"
    ),
    "events": (
        "select job_id, user_id, version, kind, status, phase, data from photoplay.events order by id"
    ),
    "ledger": "select user_id, day, job_id, delta, reason from photoplay.quota_ledger order by id",
    "quota": "select user_id, date as day, count from public.video_quota order by 1, 2",
    "spend": "select user_id, day, usd from photoplay.spend order by 1 nulls first, 2",
    "job_spend": "select job_id as id, user_id, day, usd from photoplay.job_spend order by 1",
    "polls": (
        "select attempt_id as id, job_id, user_id, account, next_at from photoplay.polls order by 1"
    ),
    "accounts": (
        "select name as id, round(polls_left::numeric, 6)::float as polls_left, counted_at,"
        " round(per_s::numeric, 6)::float as per_s, held_until, last_user"
        " from photoplay.accounts order by 1"
    ),
    "providers": (
        "select name as id, paused_at, paused_by, open_until, attention from photoplay.providers"
        " order by 1"
    ),
    "verdicts": "select provider, at, failed from photoplay.provider_verdicts order by at, failed",
    "items": (
        "select entrypoint, convert_from(payload, 'utf8') as job_id, dedupe_key, status::text"
        " from photoplay.pgqueuer"
    ),
    "erased_jobs": "select * from photoplay.erased_jobs order by id",
    "erased_objects": (
        "select path as id, job_id, removed_at from photoplay.erased_objects order by 1"
    ),
    "erased_users": (
        "select user_id as id, erased_by, blocked, emptied_at from photoplay.erased_users order by 1"
    ),
    "audit": "select actor, action, target from photoplay.audit order by id",
}
_KEYED: Final = {"quota": ("user_id", "day"), "spend": ("user_id", "day")}


def of_postgres(owner: psycopg.Connection) -> Snapshot:
    """Return every table, with the columns that the memory has too."""
    with owner.cursor(row_factory=dict_row) as cursor:
        found = {name: cursor.execute(query).fetchall() for name, query in _POSTGRES.items()}
    return found | {"items": sorted(found["items"], key=_by_key)}


def of_memory(tables: Tables) -> Snapshot:
    """Return every table as Postgres would."""
    return {name: _rows(name, getattr(tables, name)) for name in _POSTGRES}


def _rows(name: str, table: Mapping[Any, Row]) -> list[Row]:
    rows = []
    for key, row in table.items():
        names = _KEYED.get(name)
        keys = dict(zip(names, key, strict=True)) if names else {"id": key}
        rows.append({**keys, **row})
    if name in {"events", "ledger", "audit"}:
        return rows
    if name == "items":
        return sorted(rows, key=_by_key)
    if name == "verdicts":
        return sorted(rows, key=lambda r: (r["at"], r["failed"]))
    order = _KEYED.get(name, ("id",))
    return sorted(rows, key=lambda r: [str(r[k] or "") for k in order])


def _by_key(item: Row) -> tuple[str, str]:
    return item["dedupe_key"] or "", str(item["job_id"])


def differences(real: Snapshot, memory: Snapshot) -> list[str]:
    """Return where the two are not the same."""
    found: list[str] = []
    for name in _POSTGRES:
        if len(real[name]) != len(memory[name]):
            found.append(f"{name}: {len(real[name])} rows in Postgres, {len(memory[name])}")
            continue
        for ours, theirs in zip(real[name], memory[name], strict=True):
            found += [
                f"{name}.{column}: {ours[column]!r} in Postgres, {theirs[column]!r} in memory"
                for column in ours.keys() & theirs.keys()
                if _plain(ours[column]) != _plain(theirs[column])
            ]
    return found


def _plain(value: Any) -> Any:
    if value == LONG_AGO:
        return None
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, (str, int, bool, type(None), dict, list)):
        return value
    return value if not hasattr(value, "hex") or isinstance(value, bytes) else str(value)
