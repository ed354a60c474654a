"""Write down what is about to be sent, before it is sent."""

from __future__ import annotations

import secrets
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from photoplay.db.pool import WORKER, Database
from photoplay.domain.capability import Capability
from photoplay.domain.job import Job
from photoplay.domain.options import EffectiveOptions


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


async def begin_attempt(
    database: Database, job: Job, capability: Capability, options: EffectiveOptions
) -> UUID:
    """Preparing → submitting: the attempt's row exists before anything goes on the wire; its id.

    Only the lease that wrote the row may submit it. Found again under another lease, the attempt is
    `unknown`, because nobody can say whether the submission left.

    Transaction: one. Idempotent: no; one call, one attempt, and the database allows one open attempt
    a job.

    Raises:
        LeaseLostError: another worker holds the job.
        IllegalTransitionError: the job was ended meanwhile.
    """
    attempt_id = uuid4()
    async with database.transaction(WORKER) as tx:
        await tx.run("hold_lease", job_id=job.id, fence=job.fence)
        await tx.run(
            "begin_submitting",
            job_id=job.id,
            provider=capability.provider,
            effective_options=Jsonb(options.as_wire()),
        )
        await tx.run(
            "begin_attempt",
            attempt_id=attempt_id,
            job_id=job.id,
            provider=capability.provider,
            model=capability.model,
            fence=job.fence,
            callback_token=secrets.token_urlsafe(32),
            billed=capability.billed,
        )
    return attempt_id
