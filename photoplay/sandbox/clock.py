"""The sandbox's own time: it follows the machine's clock, can be moved ahead, and can stand still."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that tests may move.

    Args:
        start: aware instant at which it begins; None means now.
        frozen: True when only `advance` moves it.
    """

    def __init__(self, start: datetime | None = None, *, frozen: bool = False) -> None:
        self._base = start or datetime.now(UTC)
        self._since: float | None = None if frozen else time.monotonic()
        self._moved = asyncio.Event()
        self.closed = False
        """True when the sandbox ends: nothing waits for its time any more."""

    @property
    def frozen(self) -> bool:
        return self._since is None

    def now(self) -> datetime:
        if self._since is None:
            return self._base
        return self._base + timedelta(seconds=time.monotonic() - self._since)

    def advance(self, seconds: float) -> None:
        """Move ahead (or back, when negative) and wake everything that waits for a time."""
        self._base += timedelta(seconds=seconds)
        self.poke()

    def freeze(self, frozen: bool) -> None:
        """Stop the clock where it is, or let it run on from there."""
        self._base = self.now()
        self._since = None if frozen else time.monotonic()
        self.poke()

    def poke(self) -> None:
        """Wake everything that waits, so that it looks at the world again."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def close(self) -> None:
        """Let every sleeper go, for good."""
        self.closed = True
        self.poke()

    async def wait(self, until: datetime | None) -> None:
        """Return at an instant, or earlier when the clock is moved or poked."""
        moved = self._moved
        left = None
        if until is not None:
            left = (until - self.now()).total_seconds()
            if left <= 0:
                return
        try:
            async with asyncio.timeout(None if self.frozen else left):
                await moved.wait()
        except TimeoutError:
            return

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` of this clock have passed."""
        until = self.now() + timedelta(seconds=seconds)
        while self.now() < until and not self.closed:
            await self.wait(until)
