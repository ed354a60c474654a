"""/api/admin/keys: make, list and revoke API keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.json_route import AdminRoute
from photoplay.api.routes.admin.access import REFUSALS, Operator
from photoplay.api.service import service_of
from photoplay.api.views import make_cursor, read_cursor, success
from photoplay.db.pool import ADMIN
from photoplay.domain.api_key import KeyScope
from photoplay.operations.create_key import NewKey, create_key
from photoplay.operations.revoke_key import revoke_key

router = APIRouter(prefix="/api/admin/keys", tags=["admin"], route_class=AdminRoute)


class KeyRequest(BaseModel):
    """What a key should be."""

    model_config = ConfigDict(extra="forbid")

    name: wire.Text = Field(min_length=1, max_length=100, description="For people.")
    scope: KeyScope = KeyScope.JOBS
    userId: UUID | None = Field(None, description="Whom a key of scope `jobs` acts for.")  # noqa: N815
    expiresAt: wire.Instant | None = None  # noqa: N815


class ApiKey(BaseModel):
    """An API key without its secret."""

    id: UUID
    prefix: str
    name: str
    scope: KeyScope
    userId: UUID | None  # noqa: N815
    createdAt: datetime  # noqa: N815
    createdBy: str  # noqa: N815
    expiresAt: datetime | None  # noqa: N815
    revokedAt: datetime | None  # noqa: N815
    lastUsedAt: datetime | None = Field(description="To the minute.")  # noqa: N815


class NewApiKey(ApiKey):
    """A key with its text, which is shown this once."""

    key: str


@router.get("", response_model=wire.Success[wire.Page[ApiKey]], responses=REFUSALS)
async def list_keys(
    request: Request,
    user: Annotated[UUID | None, Query(description="Only this user's keys.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """List API keys, newest first; revoked ones stay in the list."""
    before_at, before_id = read_cursor(cursor)
    values = {"user_id": user, "limit": limit + 1, "before_at": before_at, "before_id": before_id}
    rows = await service_of(request).database.once(ADMIN, "list_keys", values)
    page = rows[:limit]
    return success(
        {
            "items": [_view(row) for row in page],
            "next_cursor": make_cursor(page[-1]) if len(rows) > limit else None,
        }
    )


@router.post(
    "",
    status_code=201,
    response_model=wire.Success[NewApiKey],
    responses={413: {"model": wire.Problem}, 422: {"model": wire.Problem}, **REFUSALS},
)
async def make_key(request: Request, body: KeyRequest, operator: Operator) -> Response:
    """Make an API key. The answer is the only place where it can be read."""
    new = NewKey(body.name, body.scope, body.userId, body.expiresAt)
    key, row = await create_key(service_of(request).database, new, actor=operator.actor)
    return success({**_view(row), "key": str(key)}, status=201)


@router.post(
    "/{key_id}/revoke",
    response_model=wire.Success[ApiKey],
    responses={404: {"model": wire.Problem}, **REFUSALS},
)
async def revoke(request: Request, key_id: UUID, operator: Operator) -> Response:
    """Refuse a key from now on; harmless when repeated. Other servers follow within a second."""
    service = service_of(request)
    row = await revoke_key(service.database, key_id, actor=operator.actor)
    service.authenticator.keys.forget()
    return success(_view(row))


def _view(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "prefix": row["prefix"],
        "name": row["name"],
        "scope": row["scope"],
        "userId": row["user_id"],
        "createdAt": row["created_at"],
        "createdBy": row["created_by"],
        "expiresAt": row["expires_at"],
        "revokedAt": row["revoked_at"],
        "lastUsedAt": row["last_used_at"],
    }
