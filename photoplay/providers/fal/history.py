"""fal's list of past requests: how an unknown submission is found, and a result that aged out.

Source: https://docs.fal.ai/platform-apis/v1/models/requests/by-endpoint (checked 2026-11).
Unconfirmed: whether requests that still wait or run are listed, and which key scope it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from typing import Final
from urllib.parse import urlencode

from photoplay.domain.http import HttpRequest
from photoplay.domain.outcomes import Found
from photoplay.providers.answers import address, identifier, items, mapping, text
from photoplay.providers.protocol import Lost, Task

# Their clock and ours may differ.
_SKEW: Final = timedelta(minutes=15)
_MAX_DEPTH: Final = 6


def search(
    platform_url: str, auth: Mapping[str, str], lost: Lost, cursor: str | None = None
) -> HttpRequest:
    """Return the request for the model's requests since the submission was written."""
    start = (lost.sent_at - _SKEW).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = {"endpoint_id": lost.model, "start": start, "expand": "payloads", "limit": "100"}
    if cursor is not None:
        query["cursor"] = cursor
    return _get(platform_url, auth, query)


def look_up(platform_url: str, auth: Mapping[str, str], task: Task) -> HttpRequest:
    """Return the request for one past request; the history goes 90 days back for those."""
    query = {"endpoint_id": task.model, "request_id": task.task_id, "expand": "payloads"}
    return _get(platform_url, auth, query)


def find(lost: Lost, page: Mapping[str, object]) -> Found | None:
    """Return the submission whose input names the handle or the picture of ours."""
    for row in map(mapping, items(page.get("items"))):
        task_id = identifier(row.get("request_id"))
        if task_id is None:
            continue
        for string in _strings(row.get("json_input")):
            if address(string) and (lost.handle in string or string == lost.picture):
                return Found(task_id)
    return None


def next_cursor(page: Mapping[str, object]) -> str | None:
    """Return where the list goes on."""
    cursor = text(page.get("next_cursor"))
    return cursor if page.get("has_more") is True and cursor and len(cursor) <= 2000 else None


def row_of(task: Task, page: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return the history's row of a task."""
    for row in map(mapping, items(page.get("items"))):
        if row.get("request_id") == task.task_id:
            return row
    return None


def _get(platform_url: str, auth: Mapping[str, str], query: Mapping[str, str]) -> HttpRequest:
    return HttpRequest(
        "GET", f"{platform_url}/models/requests/by-endpoint?{urlencode(query)}", auth
    )


def _strings(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < _MAX_DEPTH:
        for inner in (*items(value), *mapping(value).values()):
            yield from _strings(inner, depth + 1)
