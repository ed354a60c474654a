"""/api/admin/users: erase one."""

from __future__ import annotations

import contextlib
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.json_route import AdminRoute
from photoplay.api.routes.admin.access import REFUSALS, Operator
from photoplay.api.service import Service, service_of
from photoplay.api.views import success
from photoplay.operations.erase_user import ErasedUser, erase_user
from photoplay.storage.errors import StorageUnavailableError

router = APIRouter(prefix="/api/admin/users", tags=["admin"], route_class=AdminRoute)


class Erased(BaseModel):
    """How much was erased."""

    jobs: int
    images: int


@router.delete("/{user_id}", response_model=wire.Success[Erased], responses=REFUSALS)
async def erase(request: Request, user_id: UUID, operator: Operator) -> Response:
    """Erase everything of a user; open jobs are cancelled first, and nothing new is taken afterwards.

    What stays has no content: stubs of the jobs, the ledger, costs, the audit. In local mode its one user
    may go on.
    """
    erased = await erase_with_objects(service_of(request), user_id, actor=operator.actor)
    return success({"jobs": erased.jobs, "images": erased.images})


async def erase_with_objects(service: Service, user_id: UUID, *, actor: str) -> ErasedUser:
    """Erase a user, and from the store what can be removed at once."""
    blocked = not service.settings.is_local_mode
    erased = await erase_user(service.database, user_id, actor=actor, blocked=blocked)
    service.authenticator.keys.forget()
    # The rows are gone; objects that cannot be removed now are removed by a worker's sweep.
    with contextlib.suppress(StorageUnavailableError):
        await service.store.delete(erased.paths)
        # Uploads that never became a picture.
        left = [info.key async for info in service.store.list_objects(str(user_id))]
        await service.store.delete(left)
    return erased
