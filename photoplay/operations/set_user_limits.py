"""Give one user limits of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from photoplay.db.pool import ADMIN, Database
from photoplay.operations.write_audit import AuditEntry


@dataclass(frozen=True, slots=True)
class UserLimits:
    """Limits of one user; what is None is as for everybody.

    Attributes:
        daily_limit: videos in a day; 0 for none at all.
        max_open_jobs: videos in progress at once.
        requests_per_minute: requests for a video, 1 to 6000.
        daily_spend_usd: what its videos of a day may cost.
    """

    daily_limit: int | None = None
    max_open_jobs: int | None = None
    dedupe_open_jobs: bool | None = None
    requests_per_minute: int | None = None
    daily_spend_usd: Decimal | None = None


async def set_user_limits(
    database: Database, user_id: UUID, limits: UserLimits, *, actor: str
) -> dict[str, Any]:
    """Replace a user's own limits and return how it stands now, as `get_limits` says it.

    What was accepted under the limits before stays.

    Transaction: one, with its audit row. Idempotent: yes, but for another audit row.
    """
    values = asdict(limits)
    entry = AuditEntry(
        actor, "quota.set", str(user_id), {**values, "daily_spend_usd": _text(limits)}
    )
    *_, (row,) = await database.batch(
        ADMIN,
        [
            ("set_user_limits", {"user_id": user_id, **values}),
            entry.statement,
            ("get_limits", {"user_id": user_id}),
        ],
    )
    return row


def _text(limits: UserLimits) -> str | None:
    return None if limits.daily_spend_usd is None else str(limits.daily_spend_usd)
