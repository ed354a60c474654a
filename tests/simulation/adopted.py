"""A job that was taken over from the older system while its provider was at work."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import UUID

from photoplay.db.pool import WORKER
from tests.simulation.book import Made
from tests.simulation.crew import Site
from tests.simulation.memory.rules import add_to_ledger, announce, announce_attempt, wake
from tests.simulation.memory.tables import Change, Row


def adopt_job(site: Site, user: UUID, dice: random.Random) -> None:
    """Leave what `0040_pre_adopted_jobs.sql` leaves: a waiting job with an accepted attempt."""
    names = [name for name in site.order if name in site.providers]
    if not names:
        return
    world, provider = site.world, site.providers[dice.choice(names)]
    age_s = dice.choice([30, 3600, 3 * 86400]) * dice.uniform(0.5, 1)
    created_at = world.now() - timedelta(seconds=age_s)
    job_id, attempt_id = (UUID(int=dice.getrandbits(128), version=4) for _ in range(2))
    made = Made(
        id=f"{provider.name}-old",
        provider=provider.name,
        handle=attempt_id.hex,
        job_id=job_id,
        made_at=-age_s,
        ends_at=dice.choice([-age_s / 2, dice.uniform(1, 100)]),
        ending=dice.choice(["video", "video", "failed fault no", "failed fault maybe"]),
        is_costly=dice.random() < 0.5,
    )
    site.book.tasks[made.id] = site.book.of_handle[made.handle] = made
    tx = world.server.make(WORKER)
    day = created_at.date() if dice.random() < 0.7 else None
    job: Row = {
        "id": job_id,
        "created_at": created_at,
        "user_id": user,
        "status": "running",
        "phase": "waiting",
        "version": 4,
        "source_image_url": f"{user}/source-images/{job_id}.jpg",
        "provider": provider.name,
        "provider_job_id": made.id,
        "options": {},
        "quota_day": day,
        "started_at": created_at,
        "adopted_at": world.now(),
    }
    for name in _EMPTY:
        job.setdefault(name, None)
    tx.insert(tx.tables.jobs, job_id, job)
    if day is not None:
        tx.insert(tx.tables.quota, (user, day), {"count": 1})
        add_to_ledger(tx, user, day, job_id, 1, "job")
    announce(tx, job, "phase.waiting", {})
    _begin_attempt(tx, job, attempt_id, provider.model.capability.model)
    wake(tx, job_id)


def _begin_attempt(tx: Change, job: Row, attempt_id: UUID, model: str) -> None:
    attempt: Row = {
        "id": attempt_id,
        "job_id": job["id"],
        "user_id": job["user_id"],
        "n": 1,
        "provider": job["provider"],
        "model": model,
        "status": "accepted",
        "fence": 0,
        "callback_token": f"old {job['id']}",
        "provider_task_id": job["provider_job_id"],
        "created_at": job["created_at"],
        "sent_at": job["created_at"],
        "accepted_at": job["created_at"],
    }
    for name in _EMPTY_ATTEMPT:
        attempt.setdefault(name, None)
    tx.insert(tx.tables.attempts, attempt_id, attempt)
    announce_attempt(tx, attempt)


_EMPTY = (
    "image_id",
    "effective_options",
    "prompt",
    "client_request_id",
    "fingerprint",
    "progress",
    "overdue_at",
    "quota_returned_at",
    "finished_at",
    "failure",
    "result",
    "output_video_url",
    "poster_path",
    "video",
    "cost_usd",
    "expires_at",
    "erased_at",
)
_EMPTY_ATTEMPT = (
    "outcome",
    "error",
    "refusal",
    "charged",
    "cost_usd",
    "reserved_usd",
    "finished_at",
    "hinted_task_id",
    "called_back_at",
    "cancel_asked_at",
    "placed_picture",
    "erased_there_at",
)
