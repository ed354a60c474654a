"""Each effect does to the frames what its name says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from photoplay.providers.local import RenderSpec
from photoplay.providers.local.arrays import as_field
from photoplay.providers.local.camera import Lens, Pose
from photoplay.providers.local.choose import fitting_effects, settle_wish
from photoplay.providers.local.effects.clouds import CloudDrift
from photoplay.providers.local.effects.focus import focus_at
from photoplay.providers.local.effects.fog import Fog
from photoplay.providers.local.effects.lens import SHAKE, Grain, Tremor, Vignette
from photoplay.providers.local.effects.particles import KINDS, Particles
from photoplay.providers.local.effects.show import EFFECTS, Clip, Show
from photoplay.providers.local.film import Shot, draw
from photoplay.providers.local.layers import Planes
from tests.unit.providers.local.conftest import sample, shoot

SIZE = (320, 180)
LENS = Lens(convergence=0.5)
Plane = npt.NDArray[np.uint8]


def plain(tone: int = 90) -> Planes:
    half = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, dtype=np.uint8)
    return Planes(np.full((SIZE[1], SIZE[0]), tone, dtype=np.uint8), half, half.copy())


def particles(kind: str, loop: bool = False, seed: int = 3) -> Particles:
    return Particles(kind, SIZE, 4.0, loop, seed)


def laid(kind: str, t: float, tone: int = 90, loop: bool = False) -> Planes:
    flakes = particles(kind, loop)
    return flakes.before(flakes.behind(plain(tone), Pose(), LENS, t), Pose(), LENS, t)


@pytest.mark.parametrize("kind", KINDS)
def test_particles_are_many_small_lights_that_move(kind: str) -> None:
    first, later = laid(kind, 0.1).luma, laid(kind, 0.15).luma
    lit = first.astype(int) - 90
    assert 0.002 < float((lit > 8).mean()) < 0.35
    assert int(lit.min()) >= -1
    assert float(np.abs(first.astype(int) - later).mean()) > 0.05


def test_snow_falls_and_embers_rise() -> None:
    assert KINDS["snow"].fall > 0 > KINDS["embers"].fall
    for kind, way in (("snow", 1), ("embers", -1)):
        flakes = particles(kind)
        before, after = flakes._places(0.100)[1], flakes._places(0.101)[1]
        assert float(np.median(np.sign(after - before))) == way


def test_embers_glow_orange() -> None:
    frame = laid("embers", 0.2)
    lit = frame.luma[::2, ::2] > 120
    assert float(frame.red[lit].mean()) > 132
    assert float(frame.blue[lit].mean()) < 124


def test_dust_spares_bright_places() -> None:
    dark = laid("dust", 0.2, 60).luma.astype(int) - 60
    bright = laid("dust", 0.2, 240).luma.astype(int) - 240
    assert int(dark.max()) > 15
    assert int(np.abs(bright).max()) <= 4


def test_rain_falls_in_streaks() -> None:
    lit = (laid("rain", 0.3).luma > 100).astype(int)
    down = int((lit[1:] & lit[:-1]).sum())
    across = int((lit[:, 1:] & lit[:, :-1]).sum())
    assert down > 1.3 * across


@pytest.mark.parametrize("kind", KINDS)
def test_particles_of_a_loop_come_back(kind: str) -> None:
    start, end = laid(kind, 0.0, loop=True), laid(kind, 1.0, loop=True)
    assert np.array_equal(start.luma, end.luma)


def test_particles_keep_their_depth_apart() -> None:
    flakes = particles("snow")
    behind = flakes.behind(plain(), Pose(), LENS, 0.2).luma
    before = flakes.before(plain(), Pose(), LENS, 0.2).luma
    assert int((behind > 95).sum()) > 0
    assert int((before > 95).sum()) > 0
    assert not np.array_equal(behind, before)


def test_seed_picks_the_places() -> None:
    one, other = particles("snow", seed=1), particles("snow", seed=2)
    assert not np.allclose(one._places(0.0)[0], other._places(0.0)[0])


def test_vignette_darkens_corners_by_at_most_a_third() -> None:
    frame = Vignette(SIZE).apply(plain(150)).luma.astype(int)
    assert frame[90, 160] == 150
    for corner in (frame[0, 0], frame[0, -1], frame[-1, 0], frame[-1, -1]):
        assert 0.68 <= (corner - 16) / (150 - 16) <= 0.75


def test_grain_is_new_in_every_frame_and_keeps_the_brightness() -> None:
    grain = Grain(SIZE, 5)
    frames = [grain.apply(plain(120), number).luma.astype(float) for number in range(3)]
    for frame in frames:
        assert abs(float(frame.mean()) - 120) < 0.5
        assert 2.5 < float(frame.std()) < 6.0
    assert abs(float(np.corrcoef(frames[0].ravel(), frames[1].ravel())[0, 1])) < 0.05


def test_fog_is_thicker_in_the_distance_and_drifts() -> None:
    fog = Fog(SIZE, 6.0, False, 2)
    nearness = as_field(np.repeat(np.linspace(0, 1, 45)[:, None], 80, axis=1))
    first, later = (fog.behind(plain(60), nearness, t).luma.astype(int) for t in (0.0, 0.5))
    assert float(first[:40].mean()) > float(first[-40:].mean()) + 15
    assert float(np.abs(first - later).mean()) > 0.5
    assert float(fog.before(plain(60), 0.0).luma.mean()) > 62


def test_fog_of_a_loop_comes_back() -> None:
    fog = Fog(SIZE, 6.0, True, 2)
    start, end = (fog.before(plain(60), t).luma.astype(int) for t in (0.0, 1.0))
    assert int(np.abs(start - end).max()) <= 1


def test_unsteady_hand_stays_within_its_margin() -> None:
    tremor = Tremor(6.0, 4)
    poses = [tremor.apply(Pose(), t / 200) for t in range(200)]
    away = np.array([(p.shake_x, p.shake_y) for p in poses])
    assert float(np.abs(away).max()) <= SHAKE
    assert float(away.std(axis=0).min()) > SHAKE * 0.15
    start, end = tremor.apply(Pose(), 0.0), tremor.apply(Pose(), 1.0)
    assert start.shake_x == pytest.approx(end.shake_x, abs=1e-9)


def test_clouds_drift_in_the_middle_of_the_sky_and_not_at_its_border() -> None:
    sky = np.zeros((90, 160), dtype=bool)
    sky[:45] = True
    drift = CloudDrift(sky, 160.0, 6.0, False)
    assert float(drift.share[10, 80]) > 0.95
    assert float(drift.share[44:, :].max()) < 0.3
    assert float(drift.share[60:].max()) == 0.0
    assert float(drift.share[:, 0].max()) < 0.2
    assert drift.at(0.0) == 0.0
    assert drift.at(1.0) > 0.02
    assert CloudDrift(sky, 160.0, 6.0, True).at(1.0) == pytest.approx(0.0)


def test_rack_focus_goes_from_the_distance_to_the_subject() -> None:
    assert focus_at(0.0, False) == (0.0, 1.0)
    assert focus_at(1.0, False) == (1.0, 0.0)
    assert focus_at(0.0, True) == focus_at(1.0, True)


def sharpness(luma: Plane, where: npt.NDArray[np.bool_]) -> float:
    values = luma.astype(float)
    return float(np.abs(np.diff(values, axis=1))[where[:, 1:]].mean())


def test_rack_focus_in_the_film_sharpens_the_subject_and_softens_the_rest() -> None:
    shot = shoot(sample("coffee"), RenderSpec(resolution="480p", move="static", prompt="bokeh"))
    first, last = draw(shot, 0, 60).luma, draw(shot, 59, 60).luma
    inside = np.zeros(first.shape, dtype=bool)
    inside[120:300, 240:400] = True
    top = np.zeros(first.shape, dtype=bool)
    top[:120, :150] = True
    assert sharpness(last, inside) > 1.3 * sharpness(first, inside)
    assert sharpness(last, top) < 0.7 * sharpness(first, top)


@pytest.fixture(scope="module")
def ready() -> Shot:
    """Mountains with layers that are ready for clouds and for rack focus."""
    words = "clouds, rack focus"
    return shoot(sample("mountains"), RenderSpec(resolution="480p", move="dolly_in", prompt=words))


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_reaches_the_film(ready: Shot, name: str) -> None:
    stage = ready.plan.setting.stage
    share = ready.show.cloud_share
    assert share is not None
    clip = Clip((stage.width, stage.height), 4.0, False, 0)
    cells = share.shape[1] / (stage.right - stage.left)
    bare = replace(ready, show=Show((), clip, share > 0, cells))
    shot = replace(ready, show=Show((name,), clip, share > 0, cells))
    without, frame = draw(bare, 40, 60).luma.astype(int), draw(shot, 40, 60).luma.astype(int)
    assert float(np.abs(without - frame).mean()) > 0.12


def test_clouds_without_a_sky_are_left_out_and_a_still_camera_gets_life(ready: Shot) -> None:
    spec = RenderSpec(resolution="480p", move="static", prompt="clouds")
    wish = settle_wish(RenderSpec(move="static", prompt="clouds"))
    assert fitting_effects(wish, shoot(sample("coffee"), spec).found) == ("dust",)
    assert fitting_effects(wish, ready.found) == ("clouds",)
