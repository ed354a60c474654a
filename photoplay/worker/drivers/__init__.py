"""How the worker carries an attempt out: one driver a configured provider model.

A driver does the foreign effect and returns an outcome value; it never writes a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

from photoplay.domain.capability import Capability
from photoplay.domain.job import Job
from photoplay.domain.outcomes import PollOutcome, ResolveOutcome, SubmitOutcome
from photoplay.operations.follow_task import Pace
from photoplay.providers.protocol import Task


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things take and live at a provider.

    Attributes:
        recovery_window: an unknown submission not found for so long is lost.
        result_lifetime: a finished clip can be fetched for so long.
        concurrency: attempts at once; None for no limit of its own.
        siblings: names of the provider's models that share this limit.
    """

    recovery_window: timedelta = timedelta(0)
    result_lifetime: timedelta = timedelta(days=1)
    concurrency: int | None = None
    siblings: tuple[str, ...] = ()


class NotPlacedError(Exception):
    """The picture could not be handed to the provider; nothing was submitted."""


class Driver(Protocol):
    """The foreign side of an attempt."""

    @property
    def lane(self) -> str:
        """Engine lane on which `follow` and `fetch` run."""
        ...

    @property
    def capability(self) -> Capability: ...

    @property
    def patience(self) -> Patience: ...

    @property
    def pace(self) -> Pace | None:
        """How often accepted tasks are polled; None where `follow` does the work itself."""
        ...

    def problem(self, job: Job) -> str | None:
        """Return what a person must change about the picture for this model, or None."""
        ...

    def estimate_usd(self, job: Job) -> float | None:
        """Return what the attempt will probably cost; None when that is not known."""
        ...

    async def place(self, job: Job, attempt_id: UUID) -> str:
        """Hand the picture to the provider and return how the submission refers to it.

        Raises:
            NotPlacedError: no way worked; nothing was submitted.
        """
        ...

    async def submit(self, job: Job, picture: str) -> SubmitOutcome:
        """Send the attempt's one submission; called at most once per attempt."""
        ...

    async def resolve(self, job: Job) -> ResolveOutcome:
        """Find out what became of a submission whose answer we never read."""
        ...

    async def follow(self, job: Job, on_progress: Callable[[float], None]) -> PollOutcome:
        """Look at the accepted task; may take long where the work is done here."""
        ...

    async def fetch(self, job: Job, location: str) -> Path:
        """Bring the result to a local file and return it; it stays until `discard`."""
        ...

    async def cancel(self, job: Job) -> bool:
        """Ask the provider to stop the task; false when it could not be reached.

        What became of it `follow` will tell.
        """
        ...

    async def erase(self, task: Task, now: datetime) -> bool:
        """Ask the provider to delete what it holds of an ended task; false: ask again later."""
        ...

    async def discard(self, job: Job) -> None:
        """Drop what is left here of a job that needs nothing any more."""
        ...
