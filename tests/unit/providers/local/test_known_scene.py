"""In a scene of known disparity every move goes the way its name says (design 7.6)."""

from __future__ import annotations

import numpy as np
import pytest

from photoplay.providers.local.moves import MOVES, path_named
from tests.unit.providers.local.scenes import KnownScene, known_scene, tracks

Tracks = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def scene() -> KnownScene:
    return known_scene()


def film(scene: KnownScene, name: str) -> tuple[Tracks, Tracks]:
    """Tracks on the square and on the far wall, from the first frame to the last."""
    plan = scene.plan(path_named(name))
    far_end = plan.move.middle
    source, target = tracks(scene.frame(plan, 0.0), scene.frame(plan, far_end), 1600)
    # Where the square is at the start: project its corners.
    from photoplay.providers.local.camera import to_frame

    stage = scene.stage
    left, top, right, bottom = scene.square
    corners = np.array(((left, top), (right, bottom)), dtype=np.float32)
    u = corners[:, 0] / stage.width - 0.5
    v = (corners[:, 1] - stage.height / 2) / stage.width
    near = np.full(2, 0.9, dtype=np.float32)
    x, y = to_frame(u, v, near, plan.pose(0.0), plan.setting.lens)
    x0, x1 = (x + 0.5) * stage.width
    y0, y1 = y * stage.width + stage.height / 2
    px, py = source.T
    square = (px > x0 + 12) & (px < x1 - 12) & (py > y0 + 12) & (py < y1 - 12)
    outside = (px < x0 - 12) | (px > x1 + 12) | (py < y0 - 12)
    wall = outside & (py < stage.height * 0.45)
    assert square.sum() > 20
    assert wall.sum() > 20
    return (source[square], target[square]), (source[wall], target[wall])


def shift(seen: Tracks) -> np.ndarray:
    return np.median(seen[1] - seen[0], axis=0)


def growth(seen: Tracks) -> float:
    """How much wider the group of tracks has become."""
    source, target = (np.abs(part[:, 0] - np.median(part[:, 0])) for part in seen)
    return float(np.sum(target) / np.sum(source))


@pytest.mark.parametrize("name", ["pan_left", "pan_right", "tilt_up", "tilt_down"])
def test_near_things_move_twice_as_far_as_the_wall(scene: KnownScene, name: str) -> None:
    near, wall = (np.hypot(*shift(part)) for part in film(scene, name))
    assert near >= 2.0 * wall


def test_pans_and_tilts_go_where_they_say_and_mirror_each_other(scene: KnownScene) -> None:
    left, right = (shift(film(scene, name)[0]) for name in ("pan_left", "pan_right"))
    assert left[0] > 5 > -5 > right[0]
    assert left[0] == pytest.approx(-right[0], rel=0.05)
    up, down = (shift(film(scene, name)[0]) for name in ("tilt_up", "tilt_down"))
    assert up[1] > 4 > -4 > down[1]
    assert up[1] == pytest.approx(-down[1], rel=0.1)


def test_rise_looks_down_on_the_near_thing_and_descend_up(scene: KnownScene) -> None:
    def between(name: str) -> float:
        near, wall = film(scene, name)
        return float(shift(near)[1] - shift(wall)[1])

    assert between("rise") > 3 > -3 > between("descend")


def test_dollies_change_the_near_thing_most(scene: KnownScene) -> None:
    near, wall = (growth(part) for part in film(scene, "dolly_in"))
    assert near > 1.10
    assert near - 1.0 > 2.0 * (wall - 1.0)
    assert growth(film(scene, "dolly_out")[0]) < 0.92


def test_zooms_grow_and_shrink_everything(scene: KnownScene) -> None:
    near, wall = (growth(part) for part in film(scene, "zoom_in"))
    assert near > 1.03
    assert wall > 1.02
    assert growth(film(scene, "zoom_out")[1]) < 0.99


def test_vertigo_holds_the_subject_while_the_background_shrinks(scene: KnownScene) -> None:
    near, wall = (growth(part) for part in film(scene, "vertigo"))
    assert near == pytest.approx(1.0, abs=0.02)
    assert wall <= 0.94


def test_orbits_hold_the_subject_while_the_wall_passes(scene: KnownScene) -> None:
    for name in ("orbit", "orbit_loop"):
        near, wall = (np.hypot(*shift(part)) for part in film(scene, name))
        assert wall > 1.5 * near
        assert wall > 5


def test_static_stands_still(scene: KnownScene) -> None:
    plan = scene.plan(path_named("static"))
    assert np.array_equal(scene.frame(plan, 0.0), scene.frame(plan, 1.0))


def test_every_move_has_a_path_of_its_own() -> None:
    paths = {name: tuple(move.path(s) for s in (0.0, 0.3, 1.0)) for name, move in MOVES.items()}
    assert len(set(paths.values())) == len(paths)
