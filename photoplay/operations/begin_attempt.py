"""Write down what is about to be sent, before it is sent."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from uuid import UUID

from psycopg.types.json import Jsonb

from photoplay.db.pool import WORKER, Database, uninterrupted
from photoplay.domain.capability import Capability
from photoplay.domain.errors import IllegalTransitionError
from photoplay.domain.job import Job
from photoplay.domain.options import EffectiveOptions
from photoplay.domain.routing import Entry


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """An attempt that is about to begin.

    Attributes:
        concurrency: attempts that the provider takes at once; None for no limit.
        siblings: names of the provider's models that share this limit.
        estimate_usd: its list price; None when that is not known, which is not zero.
        callback_token: names the attempt in its callback address; unguessable.
    """

    id: UUID
    capability: Capability
    options: EffectiveOptions
    concurrency: int | None = None
    siblings: tuple[str, ...] = ()
    estimate_usd: float | None = None
    callback_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


async def begin_preparing(database: Database, job: Job) -> None:
    """Accepted → preparing.

    Transaction: one. Idempotent: a job that is further stays there.

    Raises:
        LeaseLostError: another worker holds the job.
    """
    await database.batch(
        WORKER,
        [
            ("hold_lease", {"job_id": job.id, "fence": job.fence}),
            ("begin_preparing", {"job_id": job.id}),
        ],
    )


@uninterrupted
async def begin_attempt(database: Database, job: Job, new: NewAttempt) -> Entry:
    """Preparing → submitting, when the provider may take an attempt now: `Entry.YES`.

    The attempt's row exists before anything goes on the wire. Only the lease that wrote it may submit
    it. With any other answer nothing was written.

    Transaction: one; the provider's limits and the caps on costs are decided in it. Idempotent: no;
    one call, one attempt, and the database allows one open attempt a job.

    Raises:
        LeaseLostError: another worker holds the job.
        IllegalTransitionError: the job was ended meanwhile.
    """
    capability = new.capability
    # What can never be billed costs nothing, whatever its list price is.
    estimate_usd = new.estimate_usd if capability.billed else 0.0
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        row = await tx.one(
            "may_begin",
            provider=capability.provider,
            concurrency=new.concurrency,
            siblings=list(new.siblings) or [capability.provider],
            job_id=job.id,
            estimate_usd=estimate_usd,
        )
        entry = Entry(row["entry"]) if row else Entry.YES
        if entry is not Entry.YES:
            return entry
        begun = await tx.run(
            "begin_submitting",
            job_id=job.id,
            provider=capability.provider,
            effective_options=Jsonb(new.options.as_wire()),
        )
        if not begun:
            raise IllegalTransitionError
        await tx.run(
            "begin_attempt",
            attempt_id=new.id,
            job_id=job.id,
            provider=capability.provider,
            model=capability.model,
            fence=job.fence,
            callback_token=new.callback_token,
            billed=capability.billed,
            estimate_usd=estimate_usd,
        )
    return Entry.YES
