"""POST /api/video/offers: what each provider would make of a wish, and for how much, before asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.identity import current_identity
from photoplay.api.json_route import JsonRoute
from photoplay.api.service import Identity, Service, service_of
from photoplay.api.views import success
from photoplay.db.pool import reader
from photoplay.domain.capability import Capability, fit
from photoplay.domain.errors import InvalidRequestError
from photoplay.domain.options import EffectiveOptions, MotionOptions

router = APIRouter(prefix="/api/video", tags=["jobs"], route_class=JsonRoute)


@router.post(
    "/offers",
    response_model=wire.Success[list[wire.Offer]],
    responses={
        400: {"model": wire.Problem},
        401: {"model": wire.Problem},
        422: {"model": wire.Problem},
        503: {"model": wire.Problem},
    },
)
async def offers(
    request: Request,
    body: wire.OffersRequest,
    identity: Annotated[Identity, Depends(current_identity)],
) -> Response:
    """Read what each provider would make of these options: price, typical time, and what differs.

    In the order in which they are tried; nothing is created or charged.
    """
    service = service_of(request)
    facts = await service.database.once(reader(identity.user_id), "get_offer_facts", {})
    asked = body.options.to_domain()
    capabilities = service.registry.capabilities
    order = [*service.registry.order, *(n for n in capabilities if n not in service.registry.order)]
    return success([_offer(service, capabilities[name], asked, facts) for name in order])


def _offer(
    service: Service,
    capability: Capability,
    asked: MotionOptions,
    facts: Sequence[Mapping[str, Any]],
) -> dict[str, object]:
    name = capability.provider
    own = [fact for fact in facts if fact["provider"] == name]
    offer: dict[str, object] = {
        "provider": name,
        "model": capability.model,
        "is_default": name in service.registry.order,
        "is_available": all(fact["is_available"] for fact in own),
        "generative": capability.generative,
        "billed": capability.billed,
        "moves": list(capability.moves),
        "effective_options": None,
        "reason": None,
        "cost_usd": None,
        "typical_s": None,
    }
    try:
        options = fit(asked, capability, service.settings.option_defaults)
    except InvalidRequestError as error:
        return {**offer, "reason": error.message}
    return {
        **offer,
        "effective_options": options.as_wire(),
        "cost_usd": service.registry.estimate_usd(name, options),
        "typical_s": _typical_s(options, own),
    }


def _typical_s(options: EffectiveOptions, facts: Sequence[Mapping[str, Any]]) -> float | None:
    """Return how long such a clip took lately; another resolution's pace where its own is not known."""
    paces = {f["resolution"]: f["seconds_per_second"] for f in facts if f["seconds_per_second"]}
    if not paces:
        return None
    pace = paces.get(options.resolution) or sorted(paces.values())[len(paces) // 2]
    return round(pace * options.duration_s, 1)
