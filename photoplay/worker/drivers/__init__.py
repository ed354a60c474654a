"""How the worker carries an attempt out: one driver for the built-in renderer, one for HTTP providers.

A driver does the foreign effect and returns an outcome value; it never writes a row.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from photoplay.domain.job import Job
from photoplay.domain.outcomes import PollOutcome, ResolveOutcome, SubmitOutcome


class Driver(Protocol):
    """The foreign side of an attempt."""

    lane: str
    """Engine lane on which `follow` and `fetch` run."""

    async def submit(self, job: Job) -> SubmitOutcome:
        """Send the attempt's one submission; called at most once per attempt."""
        ...

    async def resolve(self, job: Job) -> ResolveOutcome:
        """Find out what became of a submission whose answer we never read."""
        ...

    async def follow(self, job: Job, on_progress: Callable[[float], None]) -> PollOutcome:
        """Look at the accepted task; may take long where the work is done here."""
        ...

    async def fetch(self, job: Job, location: str) -> Path:
        """Bring the result to a local file and return it; the caller removes it after storing."""
        ...

    async def discard(self, job: Job) -> None:
        """Drop what is left of a job that needs nothing any more."""
        ...
