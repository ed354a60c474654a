"""Ask a provider about accepted tasks: who is asked about, when, and how often an account is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from photoplay.db.pool import WORKER, Database
from photoplay.domain.job import Job


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the tasks of one provider account are looked at.

    Attributes:
        account: whose tasks share the rate; all models of a provider.
        per_s: polls a second at most, of all workers together.
        shortest: least pause between two polls of a task.
        longest: greatest pause between two polls of a task.
    """

    account: str
    per_s: float
    shortest: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class DueTask:
    """A task that it is this worker's turn to look at, now.

    Attributes:
        progress: the job's, as users see it; None where there is none.
        due_at: when it should have been looked at.
        taken_at: the database's clock.
    """

    job_id: UUID
    provider: str
    model: str
    task_id: str
    accepted_at: datetime
    due_at: datetime
    taken_at: datetime
    progress: float | None


async def follow_task(database: Database, job: Job, attempt_id: UUID, pace: Pace) -> None:
    """Have the task polled from now on, until its attempt ends.

    Transaction: one. Idempotent: yes; the next poll stays when it is.

    Raises:
        LeaseLostError: another worker holds the job.
    """
    values: dict[str, object] = {
        "job_id": job.id,
        "attempt_id": attempt_id,
        "account": pace.account,
        "shortest": pace.shortest,
        "longest": pace.longest,
    }
    await database.batch(
        WORKER,
        [
            ("hold_lease", {"job_id": job.id, "fence": job.fence}),
            ("follow_task", values),
        ],
    )


async def take_polls(
    database: Database, pace: Pace, *, most: int
) -> tuple[list[DueTask], timedelta | None]:
    """Return tasks that are due, and the time until the next one is; None when none is followed.

    Each task's next poll is set here already: what this worker does not get to is polled a pause
    later, by any worker.

    Transaction: one, and a crash of the server may forget it. Idempotent: no; nothing is taken twice.
    """
    values: dict[str, object] = {
        "account": pace.account,
        "per_s": pace.per_s,
        "most": most,
        "shortest": pace.shortest,
        "longest": pace.longest,
    }
    taken, (upcoming,) = await database.batch(
        WORKER, [("take_polls", values), ("next_poll", {"account": pace.account})]
    )
    wait_s = upcoming["wait_s"]
    return [DueTask(**row) for row in taken], None if wait_s is None else timedelta(seconds=wait_s)


async def slow_polls(database: Database, pace: Pace, pause: timedelta) -> None:
    """Ask the account about nothing for `pause`, and then half as often; the rate recovers by itself.

    Transaction: one. Idempotent: during a pause the rate is halved once.
    """
    await database.once(
        WORKER, "slow_polls", {"account": pace.account, "per_s": pace.per_s, "pause": pause}
    )
