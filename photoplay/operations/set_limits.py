"""Make the configured limits hold in the database, where they are decided."""

from __future__ import annotations

from decimal import Decimal

from photoplay.db.pool import ADMIN, Database


async def set_limits(
    database: Database,
    *,
    daily_limit: int,
    max_open_jobs: int,
    dedupe_open_jobs: bool,
    requests_per_minute: int | None = None,
    daily_spend_usd: Decimal | None = None,
    total_daily_spend_usd: Decimal | None = None,
    time_zone: str = "UTC",
) -> None:
    """Set the limits that hold for every user without limits of its own.

    Transaction: one. Idempotent: yes. Servers of one installation must agree: the last start wins.

    Args:
        requests_per_minute: requests for a video, by user; None for no limit.
        daily_spend_usd: what one user's videos of a day may cost; None for no cap.
        total_daily_spend_usd: what everybody's videos of a day may cost together; None for no cap.
        time_zone: in whose midnight a day begins; a name of the IANA database.
    """
    await database.once(
        ADMIN,
        "set_limits",
        {
            "daily_limit": daily_limit,
            "max_open_jobs": max_open_jobs,
            "dedupe_open_jobs": dedupe_open_jobs,
            "requests_per_minute": requests_per_minute,
            "daily_spend_usd": daily_spend_usd,
            "total_daily_spend_usd": total_daily_spend_usd,
            "time_zone": time_zone,
        },
    )
