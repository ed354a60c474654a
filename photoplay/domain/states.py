"""The states of a job and of an attempt, and every allowed edge between them.

The database enforces the same edges with triggers (`db/migrations/0003_pre_jobs.sql`);
`tests/db/test_state_machine.py` holds the two against each other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """What the user sees of a job; the terminal ones never change."""

    QUEUED = "queued"
    """Accepted and paid for in quota; nothing has been sent to a provider yet."""
    RUNNING = "running"
    """An attempt has been begun; the worker follows it to its end."""
    SUCCEEDED = "succeeded"
    """Exactly one stored MP4 exists, with the recorded length and SHA-256. Terminal."""
    FAILED = "failed"
    """No video will come of this job; `failure` says why and whether it was charged. Terminal."""
    CANCELLED = "cancelled"
    """The user or an operator stopped it. Terminal; a late success is recorded, not shown."""


class Phase(StrEnum):
    """Where the worker is; one commit ends each phase, at most one foreign effect lies between two."""

    ACCEPTED = "accepted"
    """Row, quota unit, event and work item exist."""
    PREPARING = "preparing"
    """The picture is being made ready and a provider chosen."""
    SUBMITTING = "submitting"
    """An attempt row says `submitting`; its single submission may be on the wire."""
    WAITING = "waiting"
    """The provider accepted; callbacks and polls follow its task."""
    STORING = "storing"
    """The provider has a result; it is being copied into our store."""
    DONE = "done"
    """The job is terminal."""


class AttemptStatus(StrEnum):
    """One try at one provider model; at most one submission goes on the wire per attempt."""

    SUBMITTING = "submitting"
    """Written before the submission leaves. Found so after a crash it becomes `unknown`."""
    UNKNOWN = "unknown"
    """The submission may or may not have been accepted: it is resolved, never sent again."""
    ACCEPTED = "accepted"
    """The provider gave us its task id."""
    RUNNING = "running"
    """The provider said that it works on it."""
    SUCCEEDED = "succeeded"
    """The provider delivered a result."""
    FAILED = "failed"
    """The provider gave a definite verdict against it."""
    BLOCKED = "blocked"
    """The provider refused the content."""
    CANCELLED = "cancelled"
    """Stopped on request."""
    EXPIRED = "expired"
    """Its lifetime ended without a verdict."""
    LOST = "lost"
    """An unknown submission that could not be resolved within its window."""


TERMINAL: Final = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
OPEN_ATTEMPT: Final = frozenset(
    {
        AttemptStatus.SUBMITTING,
        AttemptStatus.UNKNOWN,
        AttemptStatus.ACCEPTED,
        AttemptStatus.RUNNING,
    }
)
"""The provider may still be working, and billing."""
OPEN: Final = frozenset(set(Status) - TERMINAL)

STATUS_TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.FAILED, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}

# A definite verdict against an attempt leads back to `preparing`: same job, next attempt.
PHASE_TRANSITIONS: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.ACCEPTED: frozenset({Phase.PREPARING, Phase.DONE}),
    Phase.PREPARING: frozenset({Phase.SUBMITTING, Phase.DONE}),
    Phase.SUBMITTING: frozenset({Phase.PREPARING, Phase.WAITING, Phase.DONE}),
    Phase.WAITING: frozenset({Phase.PREPARING, Phase.STORING, Phase.DONE}),
    Phase.STORING: frozenset({Phase.PREPARING, Phase.DONE}),
    Phase.DONE: frozenset(),
}

_ENDINGS: Final = frozenset(
    {
        AttemptStatus.SUCCEEDED,
        AttemptStatus.FAILED,
        AttemptStatus.BLOCKED,
        AttemptStatus.CANCELLED,
        AttemptStatus.EXPIRED,
    }
)
ATTEMPT_TRANSITIONS: Final[dict[AttemptStatus, frozenset[AttemptStatus]]] = {
    AttemptStatus.SUBMITTING: frozenset(
        {
            AttemptStatus.ACCEPTED,
            AttemptStatus.UNKNOWN,
            AttemptStatus.FAILED,
            AttemptStatus.BLOCKED,
            AttemptStatus.CANCELLED,
        }
    ),
    AttemptStatus.UNKNOWN: frozenset({AttemptStatus.ACCEPTED, AttemptStatus.LOST}),
    AttemptStatus.ACCEPTED: _ENDINGS | {AttemptStatus.RUNNING},
    AttemptStatus.RUNNING: _ENDINGS,
    AttemptStatus.LOST: frozenset({AttemptStatus.ACCEPTED}),
    **{ending: frozenset[AttemptStatus]() for ending in _ENDINGS},
}
