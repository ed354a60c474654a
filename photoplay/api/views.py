"""Rows as clients see them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from starlette.responses import Response

from photoplay.api.service import Service
from photoplay.domain.errors import InvalidRequestError

_SHOWN = (
    "id", "user_id", "status", "phase", "progress", "version", "provider", "provider_job_id", "error",
    "failure", "created_at", "updated_at", "started_at", "finished_at", "expires_at",
    "source_image_url", "output_video_url", "options", "effective_options", "attempts", "result",
    "video", "client_request_id", "cost_usd",
)  # fmt: skip


def timestamp(instant: datetime) -> str:
    """Return an instant as RFC 3339 in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, date | UUID):
        return str(value)
    return float(value)  # pyright: ignore[reportArgumentType] -- only numeric columns are left


def success(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `{"success": true, "data": …}`."""
    body = json.dumps({"success": True, "data": data}, default=_plain, ensure_ascii=False)
    return Response(body, status, headers=dict(headers or {}), media_type="application/json")


async def job_view(
    service: Service, row: Mapping[str, Any], *, signed: bool = True
) -> dict[str, Any]:
    """Return a job as its user sees it.

    Args:
        row: of `get_job` or `list_jobs`.
        signed: with addresses that play without a header; they differ on every call.
    """
    view: dict[str, Any] = {name: row[name] for name in _SHOWN}
    view["overdue"] = is_overdue(row)
    if not signed or row["output_video_url"] is None:
        return view
    video = await service.signed_url(row["output_video_url"])
    view["signedVideoUrl"] = video.url
    view["signedUrlExpiresAt"] = video.expires_at
    if row["poster_path"] is not None:
        view["signedPosterUrl"] = (await service.signed_url(row["poster_path"])).url
    return view


def etag_of(row: Mapping[str, Any]) -> str:
    """Return the entity tag of a job's state; signed addresses are not part of it."""
    late = "-overdue" if is_overdue(row) else ""
    return f'"{row["id"]}.{row["version"]}{late}"'


def is_overdue(row: Mapping[str, Any]) -> bool:
    """Return whether an open job takes longer than its user was told; no write says so, the clock does."""
    overdue_at = row["overdue_at"]
    return row["finished_at"] is None and overdue_at is not None and overdue_at < datetime.now(UTC)


def is_held(row: Mapping[str, Any], held: str) -> bool:
    """Return whether a value of `If-None-Match` names the job's state, by RFC 9110 §13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in held.split(",")}
    return "*" in tags or etag_of(row) in tags


def make_cursor(row: Mapping[str, Any]) -> str:
    """Return where the next page begins, opaque to clients."""
    text = f"{row['created_at'].isoformat()}|{row['id']}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_cursor(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    """Return the instant and id of a cursor, or two Nones.

    Raises:
        InvalidRequestError: `cursor_invalid`; start again without one.
    """
    if cursor is None:
        return None, None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        instant, _, job_id = text.partition("|")
        before_at = datetime.fromisoformat(instant)
        if before_at.tzinfo is None:
            raise ValueError
        return before_at, UUID(job_id)
    except (ValueError, binascii.Error):
        raise InvalidRequestError(
            "cursor: not one of ours; start again without it", code="cursor_invalid"
        ) from None
