"""What following is measured against: a loop over a heap in memory that sends the same requests.

It keeps nothing, shares nothing, knows no users and no rate, and reads of an answer only its status.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import random
import sys
import time
from typing import Any

import aiohttp


async def poll(order: dict[str, Any]) -> dict[str, Any]:
    """Poll every task once an interval for some seconds; how late, and with how much CPU."""
    interval_s: float = order["interval_s"]
    cpu_s = time.process_time()
    began = time.time()
    due = [(began + random.random() * interval_s, task) for task in order["tasks"]]
    heapq.heapify(due)
    late: list[float] = []
    under_way: set[asyncio.Task[None]] = set()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=128)) as session:

        async def look(task: str) -> None:
            async with session.get(f"{order['url']}/requests/{task}/status") as answer:
                if (await answer.json())["status"] != "IN_PROGRESS":
                    raise AssertionError("this provider's tasks do not end")

        while (now := time.time()) < began + order["seconds"]:
            while due and due[0][0] <= now:
                at, task = heapq.heappop(due)
                late.append(now - at)
                job = asyncio.create_task(look(task))
                under_way.add(job)
                job.add_done_callback(under_way.discard)
                heapq.heappush(due, (now + interval_s * random.uniform(0.9, 1.1), task))
            await asyncio.sleep(0.01)
        await asyncio.gather(*under_way)
    return {"late_s": late, "cpu_s": time.process_time() - cpu_s}


def answer() -> None:
    """Read the order from stdin, write the result to stdout."""
    order = json.loads(sys.stdin.readline())
    print(json.dumps(asyncio.run(poll(order))))


if __name__ == "__main__":
    answer()
