"""What a sandbox knows of our submissions, held against the attempts that we wrote down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from photoplay.sandbox.tasks import Task

Row = dict[str, Any]


class Books:
    """The providers' tasks, and the attempt that each was submitted for.

    Args:
        attempts, jobs: rows as the database holds them.
    """

    def __init__(self, tasks: Iterable[Task], attempts: Sequence[Row], jobs: Iterable[Row]) -> None:
        self.tasks = list(tasks)
        self._by_name = {
            name: attempt
            for attempt in attempts
            for name in (attempt["callback_token"], attempt["id"].hex, attempt["provider_task_id"])
            if name is not None
        }
        # Runway is given nothing of ours but the prompt: what lost its answer there is known by that.
        # Of a job's attempts those come first that say themselves that they may have arrived.
        nameless = [
            a
            for a in attempts
            if a["provider"] == "runway" and a["sent_at"] and not a["provider_task_id"]
        ]
        self._nameless = sorted(nameless, key=lambda a: a["charged"] is False)
        self._prompts = {job["id"]: job["prompt"] for job in jobs}
        self.attempt_of: dict[str, Row] = {
            task.id: found for task in self.tasks if (found := self._find(task)) is not None
        }
        """By task id; a task that no attempt sent is missing."""

    def _find(self, task: Task) -> Row | None:
        token = (task.callback_url or "").rpartition("/")[2]
        for name in (token, task.external_id, task.id):
            if name in self._by_name:
                return self._by_name[name]
        body = json.dumps(task.body)
        for attempt in self._nameless:
            prompt = self._prompts.get(attempt["job_id"])
            if prompt is not None and prompt in body:
                self._nameless.remove(attempt)
                return attempt
        return None

    def strays(self) -> list[Task]:
        """Return tasks that no attempt sent."""
        return [task for task in self.tasks if task.id not in self.attempt_of]

    def doubled(self) -> list[UUID]:
        """Return attempts that were accepted more than once."""
        accepted = Counter(attempt["id"] for attempt in self.attempt_of.values())
        return [attempt_id for attempt_id, count in accepted.items() if count > 1]

    def paid_twice(self) -> list[UUID]:
        """Return jobs for which more than one task was billed."""
        bills = Counter(
            self.attempt_of[task.id]["job_id"]
            for task in self.tasks
            if is_billed(task) and task.id in self.attempt_of
        )
        return [job_id for job_id, count in bills.items() if count > 1]

    def accepted(self) -> set[UUID]:
        """Return the attempts that a provider took."""
        return {attempt["id"] for attempt in self.attempt_of.values()}

    def billed(self) -> set[UUID]:
        """Return the attempts that a provider took money for."""
        return {
            self.attempt_of[task.id]["id"]
            for task in self.tasks
            if is_billed(task) and task.id in self.attempt_of
        }


def is_billed(task: Task) -> bool:
    """Say whether the provider took money for a task."""
    return task.state == "ended" and task.ending.billed
