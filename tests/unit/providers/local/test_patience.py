"""Cancelling and progress (design 7.10)."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import pytest

from photoplay.providers.local import RenderCancelledError, RenderSpec, render
from photoplay.providers.local.patience import Patience
from tests.unit.providers.local.conftest import sample

SPEC = RenderSpec(duration_s=1.0, resolution="480p", fps=24)


@pytest.mark.parametrize("at", [0.0, 0.03, 0.09, 0.12, 0.15, 0.5, 0.95])
def test_cancel_takes_effect_wherever_the_render_is(tmp_path: Path, at: float) -> None:
    reached: list[float] = []

    def cancelled() -> bool:
        return bool(reached) and reached[-1] >= at

    video = tmp_path / "clip.mp4"
    with pytest.raises(RenderCancelledError):
        render(sample("coffee"), video, SPEC, on_progress=reached.append, is_cancelled=cancelled)
    assert list(tmp_path.iterdir()) == []
    assert max(reached) < 1.0
    # Not more than one step beyond the one at which it was asked.
    assert sum(1 for value in reached if value >= at) == 1


def test_cancel_does_not_wait_for_a_long_step() -> None:
    release = threading.Event()
    asked = threading.Event()
    patience = Patience(lambda _: None, asked.is_set)

    def slow() -> None:
        asked.set()
        release.wait(30)

    with pytest.raises(RenderCancelledError):
        patience.run(slow)
    assert not release.is_set()
    release.set()


def test_failure_of_a_step_comes_back_to_the_caller() -> None:
    def fail() -> None:
        raise KeyError("inner")

    with pytest.raises(KeyError, match="inner"):
        Patience(lambda _: None, lambda: False).run(fail)


def test_progress_rises_from_zero_to_one(tmp_path: Path) -> None:
    reached: list[float] = []
    render(
        sample("coffee"),
        tmp_path / "clip.mp4",
        SPEC,
        on_progress=reached.append,
        is_cancelled=lambda: False,
    )
    assert reached[0] == 0.0
    assert reached[-1] == 1.0
    assert all(later > earlier for earlier, later in pairwise(reached))
    assert len(reached) > 24


def test_progress_never_falls() -> None:
    reached: list[float] = []
    patience = Patience(reached.append, lambda: False)
    for value in (0.1, 0.5, 0.3, 0.5, 0.9, 2.0):
        patience.reach(value)
    assert reached == [0.1, 0.5, 0.9, 1.0]
