"""Long steps that cannot be interrupted, made to give way to a cancel within milliseconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from photoplay.providers.local.spec import RenderCancelledError

T = TypeVar("T")

_LOOK_S = 0.03


class Patience:
    """Runs the steps of one render and keeps the caller informed.

    Args:
        on_progress: gets a value in 0..1 that never falls.
        is_cancelled: asked between and during steps.
    """

    def __init__(
        self, on_progress: Callable[[float], None], is_cancelled: Callable[[], bool]
    ) -> None:
        self._on_progress = on_progress
        self._is_cancelled = is_cancelled
        self._reached = -1.0

    def check(self) -> None:
        """Raises RenderCancelledError once the caller wants to stop."""
        if self._is_cancelled():
            raise RenderCancelledError("The render was cancelled.")

    def reach(self, fraction: float) -> None:
        """Reports progress; a value below an earlier one is not passed on."""
        self.check()
        fraction = min(1.0, max(0.0, fraction))
        if fraction > self._reached:
            self._reached = fraction
            self._on_progress(fraction)

    def run(self, step: Callable[[], T]) -> T:
        """Runs a long step in a thread of its own and leaves it behind on a cancel.

        The step must only hold data of its own: after a cancel it runs to its end unseen.
        """
        self.check()
        outcome: list[T] = []
        failure: list[BaseException] = []
        done = threading.Event()

        def work() -> None:
            try:
                outcome.append(step())
            except BaseException as error:  # noqa: BLE001 - handed to the caller below
                failure.append(error)
            finally:
                done.set()

        threading.Thread(target=work, name="render-step", daemon=True).start()
        while not done.wait(_LOOK_S):
            self.check()
        if failure:
            raise failure[0]
        return outcome[0]
