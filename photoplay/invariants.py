"""What must be true of the data at every moment, looked up in a live installation.

I1–I9 and I12 of docs/architecture.md. Each check is one statement in `db/queries/check_i*.sql` that returns
what breaks the rule; none means that it holds. I5 also looks at the objects.
"""

from __future__ import annotations

from typing import Final

from photoplay.db.pool import ADMIN, Database
from photoplay.storage.errors import ObjectNotFoundError
from photoplay.storage.objects import ObjectStore

INVARIANTS: Final[dict[str, str]] = {
    "I1 one key, one job": "check_i1_keys",
    "I2 one open attempt a job": "check_i2_attempts",
    "I3 terminal is final": "check_i3_terminal",
    "I4 every job ends in time": "check_i4_lifetime",
    "I5 succeeded has its video": "check_i5_videos",
    "I6 quota is what jobs hold": "check_i6_quota",
    "I7 open jobs within the limit": "check_i7_open_jobs",
    "I8 a job's things are its user's": "check_i8_ownership",
    "I9 every state change has one event": "check_i9_events",
    "I12 spend within the cap": "check_i12_spend",
}


async def check_invariants(database: Database, store: ObjectStore | None) -> dict[str, list[str]]:
    """Return what breaks each invariant, by its name; empty lists everywhere when all is well.

    Args:
        store: looked at for I5; None looks at the rows alone.
    """
    broken: dict[str, list[str]] = {}
    for name, query in INVARIANTS.items():
        rows = await database.once(ADMIN, query, {})
        broken[name] = [str(row["broken"]) for row in rows]
    if store is not None:
        broken["I5 succeeded has its video"] += await _missing_objects(database, store)
    return broken


async def _missing_objects(database: Database, store: ObjectStore) -> list[str]:
    missing: list[str] = []
    for row in await database.once(ADMIN, "list_videos", {}):
        try:
            info = await store.head(row["output_video_url"])
        except ObjectNotFoundError:
            missing.append(str(row["id"]))
        else:
            if info.bytes != row["bytes"]:
                missing.append(str(row["id"]))
    return missing
