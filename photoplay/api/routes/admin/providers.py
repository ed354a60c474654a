"""/api/admin/providers: their health, and stopping one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.json_route import AdminRoute
from photoplay.api.routes.admin.access import REFUSALS, Operator
from photoplay.api.service import Service, service_of
from photoplay.api.views import success
from photoplay.db.pool import ADMIN
from photoplay.domain.errors import NotFoundError
from photoplay.operations.pause_provider import pause_provider, resume_provider

router = APIRouter(prefix="/api/admin/providers", tags=["admin"], route_class=AdminRoute)
_NAMED: dict[int | str, dict[str, Any]] = {404: {"model": wire.Problem}, **REFUSALS}


class Provider(BaseModel):
    """A provider as all workers see it."""

    name: str
    place: int | None = Field(description="Its place in the order of trying; null when not tried.")
    pausedAt: datetime | None  # noqa: N815
    pausedBy: str | None  # noqa: N815
    openUntil: datetime | None = Field(description="Circuit breaker: nothing is sent until then.")  # noqa: N815
    attention: str | None = Field(description="Why its operator must act.")
    attentionAt: datetime | None  # noqa: N815
    underWay: int = Field(description="Attempts that it may be working on.")  # noqa: N815
    unknown: int = Field(description="Attempts whose submission is being resolved.")


@router.get("", response_model=wire.Success[list[Provider]], responses=REFUSALS)
async def list_providers(request: Request) -> Response:
    """List the configured providers, first choice first, then others that were used or paused."""
    return success(await _providers(service_of(request)))


@router.post("/{name}/pause", response_model=wire.Success[Provider], responses=_NAMED)
async def pause(request: Request, name: str, operator: Operator) -> Response:
    """Begin nothing at a provider any more; what is under way is followed to its end."""
    service = service_of(request)
    _check(service, name)
    await pause_provider(service.database, name, actor=operator.actor)
    return success(await _provider(service, name))


@router.post("/{name}/resume", response_model=wire.Success[Provider], responses=_NAMED)
async def resume(request: Request, name: str, operator: Operator) -> Response:
    """Let a paused provider, or one whose circuit breaker is open, be tried again."""
    service = service_of(request)
    _check(service, name)
    await resume_provider(service.database, name, actor=operator.actor)
    return success(await _provider(service, name))


def _check(service: Service, name: str) -> None:
    known = service.registry.capabilities
    if name not in known:
        raise NotFoundError(
            f"There is no such provider here; there are {', '.join(known)}.",
            code="provider_not_found",
        )


async def _provider(service: Service, name: str) -> dict[str, Any]:
    return next(each for each in await _providers(service) if each["name"] == name)


async def _providers(service: Service) -> list[dict[str, Any]]:
    rows = await service.database.once(ADMIN, "list_providers", {})
    health = {row["name"]: row for row in rows}
    order = list(service.registry.order)
    others = sorted({*service.registry.capabilities, *health} - set(order))
    return [
        _view(name, order.index(name) + 1 if name in order else None, health.get(name, {}))
        for name in [*order, *others]
    ]


def _view(name: str, place: int | None, health: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "place": place,
        "pausedAt": health.get("paused_at"),
        "pausedBy": health.get("paused_by"),
        "openUntil": health.get("open_until"),
        "attention": health.get("attention"),
        "attentionAt": health.get("attention_at"),
        "underWay": health.get("under_way", 0),
        "unknown": health.get("unknown", 0),
    }
