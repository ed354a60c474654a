"""`make sim`, or `python -m tests.simulation`: lives of jobs in virtual time, each decided by its seed.

    python -m tests.simulation --lives 1000000            a million, on all cores, from seed 1
    python -m tests.simulation --lives 5000 --seed 70001  these seeds only: a run goes on where one ended
    python -m tests.simulation --seconds 60               as many as fit
    python -m tests.simulation --replay 69                one life, step by step

Prints lives, steps, how jobs ended, and for each broken rule seed and step. Ends with 1 when a rule is
broken, or when nothing succeeds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor

from tests.simulation.run import Report, replay, run_lives

_BATCH = 250


def main() -> int:
    """Run what was asked for and print the report."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--lives", type=int, default=1_000_000, help="how many at most (a million)")
    parser.add_argument("--seed", type=int, default=1, help="of the first life (1)")
    parser.add_argument("--seconds", type=float, help="begin no more after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (cores)")
    parser.add_argument("--replay", type=int, metavar="SEED", help="print every step of one life")
    asked = parser.parse_args()
    if asked.lives < 1 or asked.jobs < 1:
        parser.error("--lives and --jobs are at least 1")
    if asked.replay is not None:
        report = replay(asked.replay, print)
        print(report)
        return 0 if not report.broken else 1
    report, began = Report(), time.monotonic()
    for number, part in enumerate(_parts(asked, began), 1):
        report.add(part)
        if part.broken:
            print(part.broken_lines(), flush=True)
        if number % 40 == 0:
            _say(report, time.monotonic() - began, asked.seed)
    print(report)
    _say(report, time.monotonic() - began, asked.seed)
    return 0 if report.is_sound else 1


def _parts(asked: argparse.Namespace, began: float) -> Iterator[Report]:
    """Run batches of seeds on all processes, and return what they brought in the order of seeds."""
    end = asked.seed + asked.lives
    batches = iter(range(asked.seed, end, _BATCH))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.jobs, mp_context=spawn) as pool:
        under_way: deque[Future[Report]] = deque()
        while True:
            is_over = asked.seconds is not None and time.monotonic() - began > asked.seconds
            while not is_over and len(under_way) < 2 * asked.jobs:
                first = next(batches, None)
                if first is None:
                    break
                under_way.append(pool.submit(run_lives, range(first, min(first + _BATCH, end))))
            if not under_way:
                return
            yield under_way.popleft().result()


def _say(report: Report, seconds: float, seed: int) -> None:
    rate = report.lives / max(seconds, 0.001)
    print(
        f"{report.lives} lives in {seconds:.0f} s ({rate:.0f}/s), go on with --seed {seed + report.lives}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
