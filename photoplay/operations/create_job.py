"""Accept a job: key, duplicate, quota, open jobs, row, event and work item, together or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from photoplay.db.pool import Database, Scope
from photoplay.domain.errors import (
    GoneError,
    InvalidRequestError,
    PhotoplayError,
    RateLimitedError,
    UnprocessableRequestError,
)
from photoplay.domain.fingerprint import Picture, fingerprint
from photoplay.domain.limits import Standing, standings
from photoplay.domain.options import MotionOptions

_OPEN_JOBS_PAUSE_S: Final = 10


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a user asks for.

    Attributes:
        key: the caller's idempotency key; None leaves recognising duplicates to the content.
        provider: the provider it will be tried with first.
        estimate_usd: what it will probably cost, at list price; None when that is not known, which is
            not zero.
    """

    picture: Picture
    options: MotionOptions
    provider: str
    prompt: str | None = None
    key: str | None = None
    estimate_usd: float | None = None


@dataclass(frozen=True, slots=True)
class CreatedJob:
    """The job that serves the request: a new one, or the one that already did.

    Attributes:
        replayed: the same key was used before.
        duplicate: the job existed before, whether found by key or by content.
        standings: how the user stands now under each limit that was counted.
    """

    id: UUID
    status: str
    provider: str
    created_at: datetime
    replayed: bool
    duplicate: bool
    standings: tuple[Standing, ...]


async def create_job(
    database: Database,
    scope: Scope,
    new: NewJob,
    *,
    image_id: UUID | None = None,
    overdue_after: timedelta = timedelta(minutes=10),
) -> CreatedJob:
    """Return the one job that serves this request.

    Transaction: one, in a single round trip; a refusal leaves nothing behind.
    Idempotent: by (user, key); without a key by picture, prompt and options while a job is open.

    Args:
        scope: `writer(user)` for a request, `operator(user)` for the command line.
        image_id: the picture's id, where it is not the one that the request names: the request was
            refused before for want of it, and is not counted again.
        overdue_after: when the user is told that it takes longer than expected.

    Raises:
        UnprocessableRequestError: `idempotency_key_reused`; send a new key for a new request.
        GoneError: the key belongs to an erased job.
        InvalidRequestError: `image_not_found`, or `price_unknown` where there is a cap on costs.
        RateLimitedError: `rate_limited`, `quota_exceeded`, `too_many_open_jobs` or
            `spend_cap_reached`; come back after `retry_after`.
        UnavailableError: the database does not answer; nothing was created.
    """
    rows = await database.once(
        scope,
        "create_job",
        {
            "id": uuid4(),
            "key": new.key,
            "fingerprint": fingerprint(new.picture, new.prompt, new.options),
            "image_id": image_id or new.picture.image_id,
            "source": None if image_id else new.picture.path or new.picture.url,
            "prompt": new.prompt,
            "options": Jsonb(new.options.as_wire()),
            "provider": new.provider,
            "overdue_after": overdue_after,
            "estimate_usd": new.estimate_usd,
            "was_counted": image_id is not None,
        },
    )
    row = rows[0]
    outcome: str = row["outcome"]
    if outcome not in {"created", "replayed", "duplicate"}:
        raise _refusal(outcome, row["facts"])
    return CreatedJob(
        id=row["job_id"],
        status=row["status"],
        provider=row["provider"],
        created_at=row["created_at"],
        replayed=outcome == "replayed",
        duplicate=outcome != "created",
        standings=standings(row["facts"]) if outcome == "created" else (),
    )


async def replay_job(database: Database, scope: Scope, new: NewJob) -> CreatedJob | None:
    """Return the job that already serves this request under its key, or None; creates nothing.

    Transaction: one, reading only.

    Raises:
        UnprocessableRequestError: `idempotency_key_reused`; the key is another request's.
        GoneError: the key belongs to an erased job.
    """
    if new.key is None:
        return None
    rows = await database.once(scope, "find_replay", {"key": new.key})
    if not rows:
        return None
    row = rows[0]
    if row["id"] is None:
        raise _refusal("erased", {})
    known = row["fingerprint"]
    # A job of an older system has none, and is what its key stands for.
    if known is not None and known != fingerprint(new.picture, new.prompt, new.options):
        raise _refusal("key_reused", {})
    return CreatedJob(row["id"], row["status"], row["provider"], row["created_at"], True, True, ())


def _refusal(outcome: str, facts: dict[str, Any]) -> PhotoplayError:
    match outcome:
        case "key_reused":
            return UnprocessableRequestError(
                "This key was already used for a different request; use a new key for a new request.",
                code="idempotency_key_reused",
            )
        case "erased":
            return GoneError("The job of this key was erased.", code="erased")
        case "image_not_found":
            return InvalidRequestError("There is no such picture.", code="image_not_found")
        case "price_unknown":
            return InvalidRequestError(
                "What this video would cost is not known, and costs are capped here; ask for another"
                " length, resolution or provider.",
                code="price_unknown",
            )
        case _:
            return _limit_reached(outcome, facts)


def _limit_reached(outcome: str, facts: dict[str, Any]) -> RateLimitedError:
    reached = {standing.policy: standing for standing in standings(facts)}
    match outcome:
        case "rate_limited":
            limit = facts["requests_per_minute"]
            standing = reached["requests"]
            message = f"At most {limit} videos can be asked for in a minute; wait a moment."
            details = {"limit": limit}
        case "quota_exceeded":
            standing = reached["daily"]
            message = "Daily quota exceeded"
            details = {"limit": standing.limit, "remaining": 0, "resetsAt": facts["resets_at"]}
        case "too_many_open_jobs":
            limit = facts["max_open_jobs"]
            standing = reached["open-jobs"]
            message = f"At most {limit} videos can be in progress at once; wait for one to end."
            details = {"maxOpenJobs": limit}
        case "spend_cap_reached":
            standing = Standing("spend", 0, reset_s=facts["resets_in_s"])
            message = (
                "The day's budget for videos is used up; nothing was charged. Try again tomorrow."
            )
            details = {"cap": facts["refused_by"], "resetsAt": facts["resets_at"]}
        case _:
            raise AssertionError(outcome)
    return RateLimitedError(
        message,
        code=outcome,
        retry_after=timedelta(seconds=standing.reset_s or _OPEN_JOBS_PAUSE_S),
        details=details,
        standings=(standing,),
    )
