"""The phases of a job, each a function of its row: at most one foreign effect, then one commit.

    accepted → preparing → submitting → waiting → storing → done

Every phase may be run again from its row by another worker. What a phase returns says what happens
next: `GoOn` reads the row again and runs the next phase, `Sleep` asks to be woken, `Done` ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from photoplay.domain.job import Job
from photoplay.domain.states import Phase
from photoplay.worker.phases.ending import done, expire
from photoplay.worker.phases.preparing import accepted, preparing
from photoplay.worker.phases.storing import storing
from photoplay.worker.phases.submitting import submitting
from photoplay.worker.phases.waiting import waiting
from photoplay.worker.tools import Tools, Verdict

__all__ = ["expire", "lane_of", "run_phase"]

_PHASES: Final[dict[Phase, Callable[[Tools, Job], Awaitable[Verdict]]]] = {
    Phase.ACCEPTED: accepted,
    Phase.PREPARING: preparing,
    Phase.SUBMITTING: submitting,
    Phase.WAITING: waiting,
    Phase.STORING: storing,
    Phase.DONE: done,
}


async def run_phase(tools: Tools, job: Job) -> Verdict:
    """Run the phase that the job's row says."""
    return await _PHASES[job.phase](tools, job)


def lane_of(tools: Tools, job: Job) -> str | None:
    """Return the engine lane that the job's phase must run on; None when any will do."""
    if job.phase in {Phase.WAITING, Phase.STORING} and job.attempt is not None:
        driver = tools.drivers.get(job.attempt.provider)
        return driver.lane if driver else None
    return None
