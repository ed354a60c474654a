"""Make the configured limits hold in the database, where they are decided."""

from __future__ import annotations

from photoplay.db.pool import ADMIN, Database


async def set_limits(
    database: Database, *, daily_limit: int, max_open_jobs: int, dedupe_open_jobs: bool
) -> None:
    """Set the limits that hold for every user without limits of its own.

    Transaction: one. Idempotent: yes. Servers of one installation must agree: the last start wins.
    """
    await database.once(
        ADMIN,
        "set_limits",
        {
            "daily_limit": daily_limit,
            "max_open_jobs": max_open_jobs,
            "dedupe_open_jobs": dedupe_open_jobs,
        },
    )
