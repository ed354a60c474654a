"""What an engine is measured against: a loop that takes due rows with `for update skip locked`.

It takes the engine's own table with the engine's own batch, and does nothing else: no heartbeat, no
lease, no deduplication, no take-over.
"""

from __future__ import annotations

import json
import select
import signal
import sys
import time
from typing import Any

import psycopg

_TAKE = """
delete from photoplay.pgqueuer where id in (
    select id from photoplay.pgqueuer
    where entrypoint = 'steps' and status = 'queued' and execute_after <= now()
    order by priority desc, id limit %s for update skip locked
) returning convert_from(payload, 'utf8')
"""
_LOOK_AGAIN_S = 0.02


def work(order: dict[str, Any]) -> dict[str, int]:
    """Take rows until SIGTERM and return when each was seen (clock of the machine, ns)."""
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    seen: dict[str, int] = {}
    with psycopg.connect(order["dsn"], autocommit=True) as connection:
        connection.execute("select set_config('role', 'photoplay_worker', false)")
        connection.execute("listen ch_pgqueuer")
        print("ready", flush=True)
        while not stopping:
            rows = connection.execute(_TAKE, (order["batch"],), prepare=True).fetchall()
            now = time.time_ns()
            for (job_id,) in rows:
                seen[job_id] = now
            if not rows:
                # A row that becomes due says nothing; a new one does.
                select.select([connection.fileno()], [], [], _LOOK_AGAIN_S)
    return seen


def answer() -> None:
    """Read the order from stdin, write the result to stdout."""
    order = json.loads(sys.stdin.readline())
    print(json.dumps(work(order)))


if __name__ == "__main__":
    answer()
