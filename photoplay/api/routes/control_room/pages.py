"""Templates of the control room and how they write figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, cast

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from photoplay.domain.errors import PhotoplayError, RequestError

# Nothing runs here: a page that shows what strangers wrote has no script at all.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' https:; media-src 'self' https:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page made from a template."""
    text = _templates().get_template(f"{template}.html").render(path=request.url.path, **values)
    headers = {
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "private, no-store",
        # With `no-referrer` browsers send the forms of these pages with `Origin: null`.
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(text, status, headers=headers)


def problem_page(request: Request, error: PhotoplayError) -> Response:
    """Return the page of an error, with its status and what to do."""
    status = error.status if isinstance(error, RequestError) else 503
    return page(request, "problem", status=status, error=error, number=status)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("photoplay.pages", "control_room"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = cast("dict[str, Any]", environment.filters)
    filters.update(ago=_ago, clock=_clock, dollars=_dollars, span=_span, short=_short, share=_share)
    return environment


def _clock(instant: datetime | None) -> str:
    """An instant to the second, in UTC."""
    return "–" if instant is None else instant.astimezone(UTC).strftime("%d %b %H:%M:%S")


def _ago(instant: datetime | None) -> str:
    if instant is None:
        return "–"
    age = datetime.now(UTC) - instant
    if abs(age) < timedelta(seconds=1):
        return "just now"
    return f"in {_span(-age)}" if age < timedelta(0) else f"{_span(age)} ago"


def _span(length: timedelta | float | None) -> str:
    """A length of time with its two largest units at most."""
    if length is None:
        return "–"
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 120:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"


def _dollars(amount: object) -> str:
    """Money; unknown is not zero."""
    return "not known" if amount is None else f"${float(str(amount)):,.2f}"


def _share(part: int, whole: int) -> str:
    return "–" if not whole else f"{100 * part / whole:.0f} %"


def _short(value: object) -> str:
    return str(value)[:8]
