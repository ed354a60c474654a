"""/api/admin/retention: erase what is past its retention now."""

from __future__ import annotations

import contextlib
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.json_route import AdminRoute
from photoplay.api.routes.admin.access import REFUSALS, Operator
from photoplay.api.service import service_of
from photoplay.api.views import success
from photoplay.db.pool import ADMIN
from photoplay.operations.erase_expired import erase_expired
from photoplay.storage.errors import StorageUnavailableError

router = APIRouter(prefix="/api/admin/retention", tags=["admin"], route_class=AdminRoute)
_MOST_BATCHES: Final = 10


class Retention(BaseModel):
    """What a run found and did."""

    expired: int = Field(description="Jobs past their retention before the run.")
    erased: int = Field(description="Jobs erased by it; run it again while it is less.")


@router.post("", response_model=wire.Success[Retention], responses=REFUSALS)
async def run(
    request: Request,
    operator: Operator,
    dry_run: Annotated[bool, Query(description="Only count.")] = False,
) -> Response:
    """Erase jobs whose `expires_at` is over, up to a thousand; with `dry_run` only count them."""
    service = service_of(request)
    expired = (await service.database.once(ADMIN, "count_expired", {}))[0]["expired"]
    paths: list[str] = []
    for _ in range(0 if dry_run else _MOST_BATCHES):
        batch = await erase_expired(service.database, actor=operator.actor)
        if not batch:
            break
        paths += batch
        # What cannot be removed now is removed by a worker's sweep.
        with contextlib.suppress(StorageUnavailableError):
            await service.store.delete(batch)
    return success({"expired": int(expired), "erased": len(paths) // 2})
