"""One round: an installation of its own, users and a monkey at once, then the judge."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.chaos.judge import Evidence, ending, gather_evidence, judge
from tests.chaos.monkey import Monkey
from tests.chaos.plan import Plan
from tests.chaos.producer import Users
from tests.chaos.site import Site, opened
from tests.support.books import is_billed

PATIENCE_S: Final = 240.0
"""When nothing has ended for so long, nothing will."""
_STATE: Final = """
select
    (select count(*) from public.video_jobs where finished_at is not null) as ended,
    (select count(*) from public.video_jobs where finished_at is null)
    + (select count(*) from photoplay.attempts
        where status in ('submitting', 'unknown', 'accepted', 'running')) as left
"""


@dataclass
class Result:
    """What a round brought; as JSON it is what a resumed run remembers of it.

    Attributes:
        endings: jobs by status or failure code.
        counts: figures that add up over rounds, by name.
        mischief, faults: what was really done, by name.
        answers: what users were told, by status and code.
        broken: what breaks each rule.
    """

    number: int
    jobs: int
    seconds: float
    endings: dict[str, int] = field(default_factory=dict[str, int])
    counts: dict[str, float] = field(default_factory=dict[str, float])
    mischief: dict[str, int] = field(default_factory=dict[str, int])
    faults: dict[str, int] = field(default_factory=dict[str, int])
    answers: dict[str, int] = field(default_factory=dict[str, int])
    broken: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def run_round(
    folder: Path, plan: Plan, *, workers: int, say: Callable[[str], None]
) -> Result:
    """Carry a plan out and judge what it left behind.

    Args:
        folder: does not exist yet; stays afterwards, for looking at.
        say: told now and then how far it is.
    """
    began = time.monotonic()
    async with opened(folder, seed=plan.seed, workers=workers) as site:
        plan.write(folder / "plan.json")
        users, ended = Users(site, plan), 0
        monkey = Monkey(site, plan, lambda: ended)
        play = asyncio.create_task(monkey.play())
        background = [
            asyncio.create_task(monkey.let_time_pass()),
            asyncio.create_task(monkey.end_pauses()),
        ]
        asking = asyncio.create_task(users.live())
        try:
            newest, changed = (-1, -1), time.monotonic()
            while time.monotonic() - changed < PATIENCE_S:
                for task in (asking, play, *background):
                    if task.done():
                        task.result()
                (state,) = await site.rows(_STATE)
                ended = state["ended"]
                if (ended, state["left"]) != newest:
                    newest, changed = (ended, state["left"]), time.monotonic()
                say(f"round {plan.number}: {ended} of {len(plan.wishes)} ended")
                if asking.done() and play.done() and not state["left"]:
                    break
                await asyncio.sleep(0.2)
        finally:
            for task in (asking, play, *background):
                task.cancel()
            await asyncio.gather(asking, play, *background, return_exceptions=True)
        monkey.count_faults(spent=False)
        evidence = await gather_evidence(site, plan, users.ledger)
        for each in site.staff:
            await each.close()
        result = _result(plan, site, monkey, evidence, time.monotonic() - began)
        result.broken = await judge(site, evidence)
        return result


def _result(plan: Plan, site: Site, monkey: Monkey, evidence: Evidence, seconds: float) -> Result:
    return Result(
        plan.number,
        len(plan.wishes),
        round(seconds, 1),
        endings=dict(Counter(map(ending, evidence.jobs))),
        counts={
            "attempts": len(evidence.attempts),
            "submissions that arrived": sum(evidence.arrived.values()),
            "tasks that providers made": len(evidence.tasks),
            "tasks that were billed": sum(map(is_billed, evidence.tasks)),
            "attempts lost for good": sum(a["status"] == "lost" for a in evidence.attempts),
            "stored videos": len(evidence.videos),
            "starts of workers": sum(worker.started for worker in site.workers),
            "starts of the server": site.server.started,
            "leases lost": sum(_count(worker.log, b"lease.lost") for worker in site.workers),
            "tracebacks in workers' logs": sum(
                _count(worker.log, b"Traceback (most recent") for worker in site.workers
            ),
        },
        mischief=dict(monkey.done),
        faults={name: count for name, count in monkey.faults.items() if count},
        answers=dict(evidence.ledger.answers),
    )


def _count(log: Path, text: bytes) -> int:
    with contextlib.suppress(FileNotFoundError):
        return log.read_bytes().count(text)
    return 0
