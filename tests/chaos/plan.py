"""What a round does, decided beforehand by a seed: wishes, faults, and mischief."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.chaos.menu import MENU
from tests.support.boundaries import BOUNDARIES

USER_JOBS = 25
"""Jobs of one user, about; each user has a few open at a time."""
STEP = 5
"""Jobs that end between two pieces of mischief."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One job: how it is asked for, and what goes wrong with it.

    Attributes:
        mark: in its prompt, and so in every submission made for it.
        provider: None leaves it to the order of preference.
        fault: a name of the menu, or None.
        sends: how often the same request is sent, at least once.
        at_once: the repetitions are sent together, not one after another.
        cancel_after_s: when its user changes their mind, counted from the answer; None for never.
    """

    mark: str
    user: int
    provider: str | None
    fault: str | None
    sends: int
    at_once: bool
    cancel_after_s: float | None


@dataclass(frozen=True, slots=True)
class Mischief:
    """Something done to a process, the database, the providers or the store.

    Attributes:
        after: happens once so many jobs of the round have ended.
        do: a name of `monkey.DEEDS`.
        worker: whose turn it is, where it is a worker's.
        boundary: where a worker dies or pauses.
        seconds: how long it lasts.
    """

    after: int
    do: str
    worker: int = 0
    boundary: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A round of chaos."""

    seed: int
    number: int
    quick: bool
    users: int
    wishes: tuple[Wish, ...]
    mischief: tuple[Mischief, ...]

    def write(self, file: Path) -> None:
        """Keep it for people."""
        file.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")


# How often each deed is done, in relation to the others.
_DEEDS = {
    "kill worker": 5,
    "kill worker at a boundary": 6,
    "pause worker": 3,
    "pause worker at a boundary": 2,
    "kill server": 2,
    "restart Postgres at once": 2,
    "kill Postgres": 1,
    "cut every connection": 1,
    "providers unreachable": 2,
    "store away": 1,
    "signing keys rotated": 1,
}


def make_plan(seed: int, number: int, jobs: int, *, workers: int, quick: bool) -> Plan:
    """Return the plan of a round: the same for the same arguments, whatever the machine does.

    Args:
        number: of the round, from 1.
        quick: leave faults out that take more than a few seconds to get over.
    """
    dice = random.Random(f"{seed}/{number}/{jobs}")
    users = max(2, round(jobs / USER_JOBS))
    wishes = tuple(_wish(dice, f"chaos-{seed}-{number}-{n:04d}", users, quick) for n in range(jobs))
    # The last jobs end in peace, so that every piece of mischief has its turn.
    turns = range(STEP, max(jobs - STEP, STEP + 1), STEP)
    return Plan(
        seed, number, quick, users, wishes, tuple(_mischief(dice, n, workers) for n in turns)
    )


def _wish(dice: random.Random, mark: str, users: int, quick: bool) -> Wish:
    fits = {name: item.weight for name, item in MENU.items() if item.is_short or not quick}
    provider = dice.choice(["fal-pika", "fal-pika", "kling", "kling", "runway", None])
    return Wish(
        mark=mark,
        user=dice.randrange(users),
        provider=provider,
        fault=_one_of(dice, fits) if dice.random() < 0.6 else None,
        sends=dice.choice([1, 1, 1, 2, 3]),
        at_once=dice.random() < 0.5,
        cancel_after_s=round(dice.uniform(0, 3), 2) if dice.random() < 0.08 else None,
    )


def _mischief(dice: random.Random, after: int, workers: int) -> Mischief:
    do = _one_of(dice, _DEEDS)
    values: dict[str, Any] = {"seconds": round(dice.uniform(0.5, 2.0), 2)}
    if "worker" in do:
        values["worker"] = dice.randrange(workers)
    if "boundary" in do:
        values["boundary"] = dice.choice(BOUNDARIES)
    return Mischief(after, do, **values)


def _one_of(dice: random.Random, weights: dict[str, int]) -> str:
    return dice.choices(list(weights), weights=list(weights.values()))[0]
