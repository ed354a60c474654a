"""/admin/users: one user's day, limits, spend and jobs; limits of its own, its quota back, and erasing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from photoplay.api.authentication.caller import Caller
from photoplay.api.routes.admin.quotas import OwnLimits
from photoplay.api.routes.admin.users import erase_with_objects
from photoplay.api.routes.control_room.access import operators_only
from photoplay.api.routes.control_room.charts import Chart, Column
from photoplay.api.routes.control_room.pages import page
from photoplay.api.service import Service, service_of
from photoplay.db.pool import ADMIN
from photoplay.domain.errors import NotFoundError
from photoplay.operations.reset_quota import reset_quota
from photoplay.operations.set_user_limits import UserLimits, set_user_limits

_NEWEST: Final = 10
# The fields of the form: name, label, and which limit it is.
_FIELDS: Final = (
    ("dailyLimit", "Videos in a day", "daily_limit"),
    ("maxOpenJobs", "Videos in progress at once", "max_open_jobs"),
    ("requestsPerMinute", "Requests in a minute", "requests_per_minute"),
    ("dailySpendUsd", "US dollars in a day", "daily_spend_usd"),
)
_RULES: Final = {
    "dailyLimit": "a whole number; 0 for none at all",
    "maxOpenJobs": "a whole number; 0 for none at all",
    "requestsPerMinute": "a whole number from 1 to 6000",
    "dailySpendUsd": "an amount below a million, like 2.50",
}
_DEDUPE: Final = "dedupeOpenJobs"


@operators_only
async def show(request: Request, operator: Caller) -> Response:
    """Show how a user stands."""
    return await _page(request, operator)


@operators_only
async def set_limits(request: Request, operator: Caller) -> Response:
    """Give a user the limits of the form; what is left empty is as for everybody."""
    user_id = _user_id(request)
    form = await request.form(max_files=0, max_fields=8, max_part_size=1024)
    names = [*(name for name, _, _ in _FIELDS), _DEDUPE]
    typed = {name: str(form.get(name, "")).strip() for name in names}
    try:
        own = OwnLimits.model_validate_strings({k: v for k, v in typed.items() if v})
    except ValidationError as error:
        wrong = {str(found["loc"][0]) for found in error.errors()}
        return await _page(request, operator, typed=typed, wrong=wrong)
    database = service_of(request).database
    await set_user_limits(database, user_id, own.limits(), actor=operator.actor)
    return _back(user_id)


@operators_only
async def take_limits_away(request: Request, operator: Caller) -> Response:
    """Let the limits of everybody hold for a user."""
    user_id = _user_id(request)
    database = service_of(request).database
    await set_user_limits(database, user_id, UserLimits(), actor=operator.actor)
    return _back(user_id)


@operators_only
async def give_quota_back(request: Request, operator: Caller) -> Response:
    """Set the used units of today to zero."""
    user_id = _user_id(request)
    await reset_quota(service_of(request).database, user_id, actor=operator.actor)
    return _back(user_id)


@operators_only
async def erase(request: Request, operator: Caller) -> Response:
    """Erase everything of a user."""
    user_id = _user_id(request)
    await erase_with_objects(service_of(request), user_id, actor=operator.actor)
    return _back(user_id)


async def _page(
    request: Request,
    operator: Caller,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Set[str] = frozenset(),
) -> Response:
    service, user_id = service_of(request), _user_id(request)
    limits, user, days, rows = await _read(service, user_id)
    own = {name: limits[f"own_{field}"] for name, _, field in _FIELDS}
    own[_DEDUPE] = limits["own_dedupe_open_jobs"]
    return page(
        request,
        "user",
        status=422 if wrong else 200,
        operator=operator,
        user_id=user_id,
        limits=limits,
        user=user,
        rows=rows,
        has_own=any(value is not None for value in own.values()),
        fields=[
            (name, label, _written(limits["everybody"][field]) or "not limited")
            for name, label, field in _FIELDS
        ],
        dedupe_of_everybody=limits["everybody"]["dedupe_open_jobs"],
        typed=typed or {name: _written(value) for name, value in own.items()},
        wrong=wrong,
        rules=_RULES,
        may_come_back=service.settings.is_local_mode,
        units=_daily("Videos taken from the quota, by day", days, "units", "videos"),
        spend=_daily("Spend in US dollars, by day", days, "usd", "spend", "$"),
    )


async def _read(
    service: Service, user_id: UUID
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    of_user = {"user_id": user_id}
    jobs = {
        "user_id": user_id, "status": None, "provider": None, "show": None,
        "before_at": None, "before_id": None, "limit": _NEWEST,
    }  # fmt: skip
    limits, everybody, users, days, rows = await service.database.batch(
        ADMIN,
        [
            ("get_limits", of_user),
            ("get_limits", {"user_id": None}),
            ("room_user", of_user),
            ("room_user_days", of_user),
            ("room_jobs", jobs),
        ],
    )
    return {**limits[0], "everybody": everybody[0]}, users[0], days, rows


def _daily(
    title: str, rows: Sequence[Mapping[str, Any]], field: str, name: str, unit: str = ""
) -> Chart:
    columns = [Column(row["day"].strftime("%d %b"), {name: float(row[field])}) for row in rows]
    return Chart(title, "Day", columns, (name,), unit)


def _written(value: bool | int | Decimal | None) -> str:
    """A limit as the form holds it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            # 1.500000 as it was typed, 100 not as 1E+2.
            return f"{value.normalize():f}"
        case int():
            return str(value)


def _back(user_id: UUID) -> Response:
    # The browser keeps the fragment of the form's address.
    return RedirectResponse(f"/admin/users/{user_id}", 303)


def _user_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["user_id"])
    except ValueError:
        raise NotFoundError("A user is named by a UUID.") from None


routes = [
    Route("/admin/users/{user_id}", show),
    Route("/admin/users/{user_id}/limits", set_limits, methods=["POST"]),
    Route("/admin/users/{user_id}/no-limits", take_limits_away, methods=["POST"]),
    Route("/admin/users/{user_id}/reset-quota", give_quota_back, methods=["POST"]),
    Route("/admin/users/{user_id}/erase", erase, methods=["POST"]),
]
