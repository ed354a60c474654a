"""`RateLimit` and `RateLimit-Policy`: how a user stands, in structured fields (RFC 9651).

As draft-ietf-httpapi-ratelimit-headers has them: `q` and `r` are the quota and what is left of it,
`w` the seconds of its window, `t` the seconds until there is more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from photoplay.domain.limits import Standing


def rate_limit_headers(standings: Sequence[Standing]) -> dict[str, str]:
    """Return the headers for these limits; none for none."""
    policies = [
        _item(s.policy, q=s.limit, qu=s.unit, w=s.window_s)
        for s in standings
        if s.limit is not None
    ]
    limits = [_item(s.policy, r=s.remaining, t=s.reset_s) for s in standings]
    return {**_field("RateLimit-Policy", policies), **_field("RateLimit", limits)}


def _item(name: str, **parameters: int | str | None) -> str:
    shown = [
        f'{key}="{value}"' if isinstance(value, str) else f"{key}={value}"
        for key, value in parameters.items()
        if value is not None
    ]
    return ";".join([f'"{name}"', *shown])


def _field(name: str, items: Iterable[str]) -> dict[str, str]:
    value = ", ".join(items)
    return {name: value} if value else {}
