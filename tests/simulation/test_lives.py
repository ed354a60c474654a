"""Lives of jobs in virtual time, decided by seeds: none breaks a rule, whatever happens in it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from importlib import import_module
from itertools import count, islice
from unittest import mock

import pytest

from tests.simulation import provider
from tests.simulation.life import Life, Result, simulated
from tests.simulation.memory.leasing import LONG_AGO
from tests.simulation.memory.tables import STATEMENTS, Change, Row, Values, touched
from tests.simulation.run import replay, run_lives

# Of a process' own time; two run. Longer runs are `make sim`'s.
_BUDGET_S = 30.0


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(1, marks=pytest.mark.xdist_group("simulation 1")),
        pytest.param(2, marks=pytest.mark.xdist_group("simulation 2")),
    ],
)
def test_no_life_breaks_a_rule(first):
    report = run_lives(count(first, 2), seconds=_BUDGET_S)
    print(report)
    assert not report.broken, report.broken_lines()
    assert report.is_sound


def test_without_faults_every_job_succeeds():
    report = run_lives(range(1, 61), calm=True)
    assert report.lives == 60
    assert not report.broken, report.broken_lines()
    assert set(report.ends) == {"succeeded"}
    assert report.ends["succeeded"] >= 60


def test_a_seed_decides_every_step():
    seeds = range(1, 16)
    assert [_digest(seed) for seed in seeds] == [_digest(seed) for seed in seeds]


def test_a_seed_decides_every_step_in_another_process_too():
    code = "from tests.simulation.test_lives import _digest; print(*map(_digest, range(1, 16)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == [_digest(seed) for seed in range(1, 16)]


def _digest(seed: int) -> str:
    digest = hashlib.sha256()
    replay(seed, lambda line: digest.update(line.encode()))
    return digest.hexdigest()


# Each takes a guard away; then some life must break its rule, or the simulator sees nothing.


def _without(name: str) -> AbstractContextManager[object]:
    return mock.patch.dict(STATEMENTS, {name: _ineffective})


def _ineffective(*_: object) -> list[dict[str, object]]:
    return touched(0)


def _unfenced() -> AbstractContextManager[object]:
    claim = STATEMENTS["claim_job"]

    def claim_from_anybody(tx: Change, values: Values) -> list[Row]:
        lease = tx.tables.leases.get(values["job_id"])
        if lease is not None:
            tx.update(lease, expires_at=LONG_AGO)
        return claim(tx, values)

    return mock.patch.dict(
        STATEMENTS, {"hold_lease": _ineffective, "claim_job": claim_from_anybody}
    )


def _sent_again() -> AbstractContextManager[object]:
    submitting = import_module("photoplay.worker.phases.submitting")
    phases = import_module("photoplay.worker.phases")
    return mock.patch.dict(phases._PHASES, {"submitting": submitting.send})


def _given_up_early() -> AbstractContextManager[object]:
    return mock.patch.object(provider, "SETTLED", timedelta(0))


@pytest.mark.parametrize(
    ("guard", "rule"),
    [
        pytest.param(_sent_again, "I2", id="an unknown submission is sent again"),
        pytest.param(_unfenced, "I2", id="two workers write for one job"),
        pytest.param(
            _given_up_early, ("I2", "charged"), id="an unknown submission is given up too early"
        ),
        pytest.param(lambda: _without("sweep_jobs"), "I4", id="lost work items stay lost"),
        pytest.param(lambda: _without("wake_job"), "I4", id="nobody is woken"),
        pytest.param(
            lambda: _without("return_unit_unless_charged"), "I6", id="units are not given back"
        ),
        pytest.param(
            lambda: _without("sweep_expired"), "retention", id="what is past its time is kept"
        ),
    ],
)
def test_a_broken_promise_is_found(guard, rule):
    with simulated(), guard():
        found = next(islice(_broken(rule), 1), None)
    assert found is not None, "no life found it"
    seed, step = found
    assert seed > 0
    assert step > 0


def _broken(rule: str | tuple[str, ...]) -> Iterator[tuple[int, int]]:
    for seed in range(1, 3000):
        life: Result = Life(seed).run()
        yield from ((seed, step) for step, text in life.broken if text.startswith(rule))
