from __future__ import annotations

import numpy as np
import pytest

from photoplay.providers.local import RenderSpec, film
from photoplay.providers.local.analysis import understand
from photoplay.providers.local.memory import Memory
from tests.unit.providers.local.conftest import quiet, sample


class Looks:
    """Counts how often a picture was looked at."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *given):
        self.count += 1
        return understand(*given)


@pytest.fixture
def looks(monkeypatch):
    looks = Looks()
    monkeypatch.setattr(film, "understand", looks)
    monkeypatch.setattr(film, "MEMORY", Memory())
    return looks


def prepared(name: str, **wish: object) -> film.Shot:
    return film.prepare(
        sample(name), RenderSpec(duration_s=1.0, resolution="480p", **wish), quiet()
    )


def test_a_picture_that_is_filmed_again_is_not_looked_at_again(looks):
    first = prepared("coffee")
    drawn = film.draw(first, 5, 30).luma.copy()
    other = prepared("coffee", move="orbit", aspect="1:1")
    film.draw(other, 5, 30)
    assert looks.count == 1
    # Nor did the other film change what is known of it.
    np.testing.assert_array_equal(film.draw(prepared("coffee"), 5, 30).luma, drawn)


def test_what_another_network_reads_is_another_understanding():
    memory, picture = Memory(), np.zeros((8, 8, 3), np.uint8)
    seen = [memory.recall(picture, reader, object) for reader in ("a", "b", "a")]
    assert seen[0] is seen[2]
    assert seen[0] is not seen[1]


def test_pictures_of_the_same_bytes_and_another_shape_are_told_apart():
    memory = Memory()
    wide, high = np.zeros((4, 8, 3), np.uint8), np.zeros((8, 4, 3), np.uint8)
    assert memory.recall(wide, "", object) is not memory.recall(high, "", object)


def test_only_the_last_few_pictures_are_remembered():
    memory = Memory()
    pictures = [np.full((4, 4, 3), n, np.uint8) for n in range(5)]
    seen = [memory.recall(picture, "", object) for picture in pictures]
    assert memory.recall(pictures[1], "", object) is seen[1]
    assert memory.recall(pictures[0], "", object) is not seen[0]
