from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from photoplay.providers.local import RenderResult, RenderSpec, render
from photoplay.providers.local.film import Shot, prepare
from photoplay.providers.local.patience import Patience

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
NAMES = ("astronaut", "coffee", "dandelion", "dogs", "mountains", "rocket", "stream")


def sample(name: str) -> Path:
    return SAMPLES / f"{name}.jpg"


def quiet() -> Patience:
    return Patience(lambda _: None, lambda: False)


def shoot(picture: Path, spec: RenderSpec) -> Shot:
    return prepare(picture, spec, quiet())


@pytest.fixture(scope="session")
def shot_of() -> Callable[[str], Shot]:
    """Each sample as the default move films it at 720p, prepared once."""

    @cache
    def prepared(name: str) -> Shot:
        return shoot(sample(name), RenderSpec(duration_s=5.0, resolution="720p"))

    return prepared


@pytest.fixture(scope="session")
def clip_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, RenderResult]]:
    """Small rendered clips, made once each."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[tuple[str, RenderSpec], tuple[Path, RenderResult]] = {}

    def clip(name: str, spec: RenderSpec) -> tuple[Path, RenderResult]:
        key = (name, spec)
        if key not in made:
            video = folder / f"{len(made)}.mp4"
            result = render(
                sample(name), video, spec, on_progress=lambda _: None, is_cancelled=lambda: False
            )
            made[key] = (video, result)
        return made[key]

    return clip
