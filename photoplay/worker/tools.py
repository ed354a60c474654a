"""What the phases of a job work with, and what they say happens next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from photoplay.config import Settings
from photoplay.db.pool import Database
from photoplay.domain.job import Attempt, Job
from photoplay.storage.decoders import DecoderPool
from photoplay.storage.objects import ObjectStore
from photoplay.worker.drivers import Driver


@dataclass(frozen=True, slots=True)
class Tools:
    """The opened parts of a worker."""

    database: Database
    store: ObjectStore
    settings: Settings
    order: Sequence[str]
    """Providers in the order they are tried when a job names none."""
    drivers: Mapping[str, Driver]
    """By the name that jobs and attempts carry as their provider."""
    decoders: DecoderPool
    fetch_picture: Callable[[Job], Awaitable[UUID]]
    """Takes the picture of a job's address in and returns its id."""
    reach: Callable[[str], Awaitable[None]]
    """Called at every phase boundary with its name; tests and benchmarks kill the process there."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """The row has moved: read it and run its phase."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Nothing to do before `delay` is over or something wakes the job."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Done:
    """The job is terminal, and nothing of it is left to be looked after."""


Verdict = GoOn | Sleep | Done


def attempt_of(job: Job) -> Attempt:
    """Return the job's newest attempt, in a phase that has one."""
    if job.attempt is None:
        raise AssertionError(f"phase {job.phase} without an attempt")
    return job.attempt
