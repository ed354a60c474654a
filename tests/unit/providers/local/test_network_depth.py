"""A depth network of the operator's own takes the place of the guessed relief."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photoplay.providers.local import RenderSpec
from photoplay.providers.local.network_depth import (
    DEPTH_PRESETS,
    load_depth_network,
    preset_for,
)
from tests.unit.providers.local.conftest import sample, shoot
from tests.unit.providers.local.onnx_bytes import brightness_network

GREY = (0.3, 0.6, 0.1)


def network(folder: Path, name: str, side: int = 256) -> str:
    path = folder / name
    path.write_bytes(brightness_network(side, GREY))
    return str(path)


@pytest.mark.parametrize(
    ("name", "side"), [("midas_small.onnx", 256), ("depth_anything_v2_vits.onnx", 518)]
)
def test_bright_is_near_to_a_network_that_says_so(tmp_path: Path, name: str, side: int) -> None:
    depth = load_depth_network(network(tmp_path, name, side))
    assert depth is not None
    rgb = np.zeros((200, 300, 3), dtype=np.uint8)
    rgb[:, 150:] = 220
    near = depth(rgb)
    assert near.shape == (200, 300)
    assert float(near[:, :130].max()) < 0.05
    assert float(near[:, 170:].min()) > 0.95


def test_the_film_uses_it_and_says_so(tmp_path: Path) -> None:
    spec = RenderSpec(resolution="480p", depth_model=network(tmp_path, "midas.onnx"))
    shot = shoot(sample("stream"), spec)
    guessed = shoot(sample("stream"), RenderSpec(resolution="480p"))
    assert shot.found.relief.source == "model"
    assert guessed.found.relief.source == "heuristic"
    assert not np.allclose(shot.found.relief.back, guessed.found.relief.back, atol=0.1)
    assert shot.plan.parallax >= 0.019


def test_presets_name_their_licences_and_are_told_by_the_file() -> None:
    assert {name: preset.licence for name, preset in DEPTH_PRESETS.items()} == {
        "midas-small": "MIT",
        "depth-anything-v2-small": "Apache-2.0",
    }
    assert preset_for(Path("model-small.onnx"), "auto") is DEPTH_PRESETS["midas-small"]
    anything = DEPTH_PRESETS["depth-anything-v2-small"]
    assert preset_for(Path("Depth-Anything-V2-Small.onnx"), "auto") is anything
    assert preset_for(Path("x.onnx"), "depth-anything-v2-small") is anything


def test_off_unless_asked() -> None:
    assert load_depth_network(None) is None


def test_faults_of_the_operator_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        load_depth_network(str(tmp_path / "none.onnx"))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x08broken")
    with pytest.raises(ValueError, match="cannot be read"):
        load_depth_network(str(broken))
    with pytest.raises(ValueError, match="not known"):
        load_depth_network(network(tmp_path, "a.onnx"), "other")
