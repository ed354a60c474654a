"""Does what the plan says to processes, database, providers and store, and lets waits go by faster."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from tests.chaos.plan import Mischief, Plan
from tests.chaos.site import LEASE_S, Site
from tests.support.books import Books, Row

_UNKNOWN_S: Final = 8.0
"""So long an unknown submission is looked for before its window is made to have passed."""
_UNKNOWN: Final = """
select * from photoplay.attempts
where status = 'unknown'
    and sent_at between now() - interval '1 hour' and now() - make_interval(secs => %s)
"""
_LET_TIME_PASS: Final = """
with aged as (
    update photoplay.attempts set sent_at = sent_at - interval '2 hours'
    where id = any(%s) and status = 'unknown'
    returning job_id
) select photoplay.wake(job_id) from aged
"""
_CUT_ALL: Final = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""


class Monkey:
    """One round's mischief.

    Args:
        ended: returns how many jobs of the round have ended.
    """

    def __init__(self, site: Site, plan: Plan, ended: Callable[[], int]) -> None:
        self._site = site
        self._plan = plan
        self._ended = ended
        self.done: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        """How often the sandbox's faults struck."""

    async def play(self) -> None:
        """Do everything in its turn; returns when all is done."""
        for piece in self._plan.mischief:
            while self._ended() < piece.after:
                await asyncio.sleep(0.05)
            await self._deeds[piece.do](piece)
            self.done[piece.do] += 1

    async def let_time_pass(self) -> None:
        """Have submissions that nobody finds be given up in seconds instead of an hour; never returns."""
        while True:
            await asyncio.sleep(1)
            if unknown := await self._site.rows(_UNKNOWN, _UNKNOWN_S):
                # What did arrive, and can be found, has to be found: a slow machine is given its time.
                arrived = Books(self._site.sandbox.tasks(), unknown, []).accepted()
                lost = [a["id"] for a in unknown if a["id"] not in arrived or not _has_a_trace(a)]
                await self._site.rows(_LET_TIME_PASS, lost)
            self.count_faults(spent=True)

    async def end_pauses(self) -> None:
        """Let workers that paused at a boundary go on after two leases; never returns."""
        while True:
            for worker in self._site.workers:
                if worker.is_stopped:
                    await asyncio.sleep(2 * LEASE_S)
                    worker.send(signal.SIGCONT)
            await asyncio.sleep(0.2)

    def count_faults(self, *, spent: bool) -> None:
        """Take faults out of the book and count what they did.

        Args:
            spent: only those that strike no more; every request looks at every fault in the book.
        """
        for armed in self._site.sandbox.faults:
            if not spent or armed.hits >= max(armed.fault.times, 1):
                self.faults[f"{armed.fault.do} at {armed.fault.route}"] += armed.hits
                self._site.sandbox.remove(armed.number)

    @property
    def _deeds(self) -> dict[str, Callable[[Mischief], Awaitable[None]]]:
        return {
            "kill worker": self._kill_worker,
            "kill worker at a boundary": self._doom_worker,
            "pause worker": self._pause_worker,
            "pause worker at a boundary": self._doom_worker,
            "kill server": self._kill_server,
            "restart Postgres at once": self._restart_postgres,
            "kill Postgres": self._restart_postgres,
            "cut every connection": self._cut_connections,
            "providers unreachable": self._hide_providers,
            "store away": self._hide_store,
            "signing keys rotated": self._rotate_keys,
        }

    async def _kill_worker(self, piece: Mischief) -> None:
        self._site.workers[piece.worker].send(signal.SIGKILL)

    async def _doom_worker(self, piece: Mischief) -> None:
        """Put a worker in another's place that will die, or pause, at a boundary."""
        worker = self._site.workers[piece.worker]
        pause = "stop@" if piece.do.startswith("pause") else ""
        worker.boundaries.append(pause + piece.boundary)
        worker.send(signal.SIGKILL)

    async def _pause_worker(self, piece: Mischief) -> None:
        worker = self._site.workers[piece.worker]
        worker.send(signal.SIGSTOP)
        await asyncio.sleep(LEASE_S + piece.seconds)
        worker.send(signal.SIGCONT)

    async def _kill_server(self, piece: Mischief) -> None:
        self._site.server.send(signal.SIGKILL)

    async def _restart_postgres(self, piece: Mischief) -> None:
        """End Postgres as `pg_ctl stop -m immediate` or a kill does; its supervisor starts it again."""
        victim = self._site.postgres.pid
        if victim is not None:
            os.kill(victim, signal.SIGKILL if piece.do == "kill Postgres" else signal.SIGQUIT)

    async def _cut_connections(self, piece: Mischief) -> None:
        await self._site.rows(_CUT_ALL)

    async def _hide_providers(self, piece: Mischief) -> None:
        async with self._site.sandbox.unreachable():
            await asyncio.sleep(piece.seconds)

    async def _hide_store(self, piece: Mischief) -> None:
        """Have a file where the store's folder was: nothing can be read or written."""
        away = self._site.objects.with_name("objects-away")
        self._site.objects.rename(away)
        self._site.objects.touch()
        await asyncio.sleep(piece.seconds)
        self._site.objects.unlink()
        away.rename(self._site.objects)

    async def _rotate_keys(self, piece: Mischief) -> None:
        self._site.sandbox.rotate_keys()


def _has_a_trace(attempt: Row) -> bool:
    """Return whether the provider's history names the attempt.

    fal's does by the address of the picture: not where no upload succeeded and the submission carried
    the bytes themselves.
    """
    return attempt["provider"] != "fal-pika" or attempt["placed_picture"] is not None
