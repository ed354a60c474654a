"""GET /api/video/quota."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.identity import current_identity
from photoplay.api.rate_limit import rate_limit_headers
from photoplay.api.service import Identity, service_of
from photoplay.api.views import success
from photoplay.db.pool import reader
from photoplay.domain.limits import standings

router = APIRouter(prefix="/api/video", tags=["quota"])


@router.get(
    "/quota", response_model=wire.Success[wire.Quota], responses={401: {"model": wire.Problem}}
)
async def quota(
    request: Request, identity: Annotated[Identity, Depends(current_identity)]
) -> Response:
    """Read today's quota and how many jobs are in progress; `RateLimit` has all limits."""
    rows = await service_of(request).database.once(
        reader(identity.user_id), "get_quota", {"user_id": identity.user_id}
    )
    row = rows[0]
    return success(
        {
            "limit": row["daily_limit"],
            "used": row["used"],
            "remaining": row["remaining"],
            "resetsAt": row["resets_at"],
            "openJobs": row["open_jobs"],
            "maxOpenJobs": row["max_open_jobs"],
        },
        headers=rate_limit_headers(standings(row)),
    )
