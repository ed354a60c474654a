"""/api/admin/quotas: read a user's limits, give it limits of its own, give today's units back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.json_route import AdminRoute
from photoplay.api.routes.admin.access import REFUSALS, Operator
from photoplay.api.service import service_of
from photoplay.api.views import success
from photoplay.db.pool import ADMIN
from photoplay.operations.reset_quota import reset_quota
from photoplay.operations.set_user_limits import UserLimits, set_user_limits

router = APIRouter(prefix="/api/admin/quotas", tags=["admin"], route_class=AdminRoute)
_COUNT = 2**31 - 1
# Exact when it is read; as a number, like every other amount, when it is shown.
Usd = Annotated[
    Decimal,
    Field(ge=0, max_digits=12, decimal_places=6, strict=False),
    PlainSerializer(float, return_type=float),
]


class OwnLimits(BaseModel):
    """A user's own limits; what is null or left out is as for everybody."""

    model_config = ConfigDict(extra="forbid", strict=True)

    dailyLimit: int | None = Field(None, ge=0, le=_COUNT)  # noqa: N815
    maxOpenJobs: int | None = Field(None, ge=0, le=_COUNT)  # noqa: N815
    dedupeOpenJobs: bool | None = None  # noqa: N815
    requestsPerMinute: int | None = Field(None, ge=1, le=6000)  # noqa: N815
    dailySpendUsd: Usd | None = None  # noqa: N815

    def limits(self) -> UserLimits:
        """What is written down of them."""
        return UserLimits(
            daily_limit=self.dailyLimit,
            max_open_jobs=self.maxOpenJobs,
            dedupe_open_jobs=self.dedupeOpenJobs,
            requests_per_minute=self.requestsPerMinute,
            daily_spend_usd=self.dailySpendUsd,
        )


class HeldLimits(BaseModel):
    """The limits that hold for a user; null where there is none."""

    dailyLimit: int  # noqa: N815
    maxOpenJobs: int  # noqa: N815
    dedupeOpenJobs: bool  # noqa: N815
    requestsPerMinute: int | None  # noqa: N815
    dailySpendUsd: float | None  # noqa: N815
    totalDailySpendUsd: float | None = Field(description="For everybody together.")  # noqa: N815
    timeZone: str  # noqa: N815


class UserQuota(BaseModel):
    """How a user stands today."""

    userId: UUID  # noqa: N815
    own: OwnLimits
    limits: HeldLimits
    day: date
    resetsAt: datetime  # noqa: N815
    used: int
    remaining: int
    openJobs: int  # noqa: N815
    spentUsd: float = Field(description="What its videos of today cost or may still cost.")  # noqa: N815
    totalSpentUsd: float | None = Field(  # noqa: N815
        description="Everybody's; null while that is not capped."
    )


class QuotaReset(BaseModel):
    """What a reset gave back."""

    givenBack: int  # noqa: N815


@router.get("/{user_id}", response_model=wire.Success[UserQuota], responses=REFUSALS)
async def get_quota(request: Request, user_id: UUID) -> Response:
    """Read a user's limits and how it stands today; a user without jobs stands at zero."""
    rows = await service_of(request).database.once(ADMIN, "get_limits", {"user_id": user_id})
    return success(_view(rows[0]))


@router.put(
    "/{user_id}",
    response_model=wire.Success[UserQuota],
    responses={413: {"model": wire.Problem}, 422: {"model": wire.Problem}, **REFUSALS},
)
async def set_quota(
    request: Request, user_id: UUID, body: OwnLimits, operator: Operator
) -> Response:
    """Replace a user's own limits; what was accepted before stays."""
    row = await set_user_limits(
        service_of(request).database, user_id, body.limits(), actor=operator.actor
    )
    return success(_view(row))


@router.post("/{user_id}/reset", response_model=wire.Success[QuotaReset], responses=REFUSALS)
async def reset(request: Request, user_id: UUID, operator: Operator) -> Response:
    """Give a user today's units back; harmless when repeated."""
    given_back = await reset_quota(service_of(request).database, user_id, actor=operator.actor)
    return success({"givenBack": given_back})


def _view(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "userId": row["user_id"],
        "own": {
            "dailyLimit": row["own_daily_limit"],
            "maxOpenJobs": row["own_max_open_jobs"],
            "dedupeOpenJobs": row["own_dedupe_open_jobs"],
            "requestsPerMinute": row["own_requests_per_minute"],
            "dailySpendUsd": row["own_daily_spend_usd"],
        },
        "limits": {
            "dailyLimit": row["daily_limit"],
            "maxOpenJobs": row["max_open_jobs"],
            "dedupeOpenJobs": row["dedupe_open_jobs"],
            "requestsPerMinute": row["requests_per_minute"],
            "dailySpendUsd": row["daily_spend_usd"],
            "totalDailySpendUsd": row["total_daily_spend_usd"],
            "timeZone": row["time_zone"],
        },
        "day": row["day"].isoformat(),
        "resetsAt": row["resets_at"],
        "used": row["used"],
        "remaining": row["remaining"],
        "openJobs": row["open_jobs"],
        "spentUsd": row["spent_usd"],
        "totalSpentUsd": row["total_spent_usd"],
    }
