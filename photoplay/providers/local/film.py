"""One photograph in, one moving clip out: the rooms of this folder in their order."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from photoplay.providers.local.analysis import Understanding, understand
from photoplay.providers.local.backdrop import Backdrop
from photoplay.providers.local.camera import ease
from photoplay.providers.local.choose import (
    Wish,
    auto_move,
    check_spec,
    fitting_effects,
    settle_wish,
)
from photoplay.providers.local.effects.lens import SHAKE, SHAKE_ROLL
from photoplay.providers.local.effects.show import Clip, Show
from photoplay.providers.local.encode import ClipWriter
from photoplay.providers.local.framing import Framing, frame_picture, pixels_needed
from photoplay.providers.local.layers import Planes
from photoplay.providers.local.load import load_picture
from photoplay.providers.local.memory import MEMORY
from photoplay.providers.local.moves import path_named
from photoplay.providers.local.network_depth import load_depth_network
from photoplay.providers.local.patience import Patience
from photoplay.providers.local.plan import Plan, Setting, plan_motion
from photoplay.providers.local.spec import RenderResult, RenderSpec
from photoplay.providers.local.staging import Staging, build_sheets
from photoplay.providers.local.warp import Projector

_COMMENT = "Camera motion made from a photograph by Photoplay. Nothing is generated."
_ANALYSED = 0.15
_ANALYSIS_THREADS = 2


@dataclass(frozen=True, slots=True)
class Shot:
    """Everything needed to draw any frame of a clip.

    Attributes:
        framing: frame size and crop.
        found: what the picture shows.
        wish: what was asked.
        name: the move's name.
        effects: the effects' names.
        plan: the camera's way.
        projector: draws the layers.
        show: draws the effects.
        backdrop: surrounds a pane that does not fill the frame.
    """

    framing: Framing
    found: Understanding
    wish: Wish
    name: str
    effects: tuple[str, ...]
    plan: Plan
    projector: Projector
    show: Show
    backdrop: Backdrop | None


def film(
    picture: Path,
    video: Path,
    spec: RenderSpec,
    *,
    on_progress: Callable[[float], None],
    is_cancelled: Callable[[], bool],
) -> RenderResult:
    """Films a photograph; see `photoplay.providers.local.render`."""
    check_spec(spec)
    patience = Patience(on_progress, is_cancelled)
    patience.reach(0.0)
    with _threads(_ANALYSIS_THREADS):
        shot = prepare(picture, spec, patience)
    frames = max(2, round(spec.duration_s * spec.fps))
    framing = shot.framing
    with (
        _threads(1),
        ClipWriter(
            video, (framing.width, framing.height), spec.fps, _COMMENT, spec.encoder
        ) as writer,
    ):
        for number in range(frames):
            writer.add(draw(shot, number, frames))
            patience.reach(_ANALYSED + (0.99 - _ANALYSED) * (number + 1) / frames)
    patience.reach(1.0)
    return RenderResult(
        framing.width, framing.height, spec.fps, frames, frames / spec.fps, _provenance(shot)
    )


def prepare(picture: Path, spec: RenderSpec, patience: Patience) -> Shot:
    """Reads the picture, understands it, plans the camera's way and paints the layers."""
    wish = settle_wish(spec)
    network = patience.run(lambda: load_depth_network(spec.depth_model, spec.depth_preset))
    rgb = patience.run(
        lambda: load_picture(
            picture, lambda size: pixels_needed(size, spec.aspect, spec.resolution)
        )
    )
    patience.reach(0.03)
    reader = f"{spec.depth_model} {spec.depth_preset}"
    found = MEMORY.recall(rgb, reader, lambda: understand(rgb, patience, network))
    size = (rgb.shape[1], rgb.shape[0])
    framing = frame_picture(
        size, spec.aspect, spec.resolution, found.subject.box, found.subject.centre
    )
    name = auto_move(found) if wish.move == "auto" else wish.move
    effects = fitting_effects(wish, found)
    staging = Staging.of(framing, size)
    stage = staging.stage
    margin = 1.15 * (SHAKE + SHAKE_ROLL * 0.6) if "handheld" in effects else 0.0
    setting = Setting(
        stage, staging.scene(found), staging.edges(found), staging.lens(found), margin
    )
    plan = patience.run(lambda: _plan(setting, name, wish.strength, wish.move == "auto"))
    patience.reach(0.12)
    pane = framing.pane[2:]
    closed = wish.loop or plan.move.closed
    clip = Clip(pane, spec.duration_s, closed, spec.seed)
    cells = stage.grid_size()[0] / (stage.right - stage.left)
    show = Show(effects, clip, staging.sky(found), cells)
    sheets = patience.run(
        lambda: build_sheets(staging, rgb, found, plan, show.cloud_share, show.racks_focus)
    )
    backdrop = Backdrop(rgb, framing) if framing.backdrop else None
    patience.reach(_ANALYSED)
    projector = Projector(stage, sheets, plan.setting.lens)
    return Shot(framing, found, wish, name, effects, plan, projector, show, backdrop)


def draw(shot: Shot, number: int, frames: int) -> Planes:
    """Frame `number` of `frames`."""
    closed = shot.plan.move.closed
    loop = shot.wish.loop or closed
    t = number / frames if loop else number / (frames - 1)
    if closed:
        s = t
    elif loop:
        s = 0.5 - 0.5 * math.cos(2 * math.pi * t)
    else:
        s = ease(t)
    frame = shot.show.draw(shot.projector, shot.plan.pose(s), shot.plan.setting.lens, t, number)
    return frame if shot.backdrop is None else shot.backdrop.around(frame)


def _plan(setting: Setting, name: str, strength: float, both_ways: bool) -> Plan:
    """The move's plan; a move of our own choosing goes the way that crops less."""
    move = path_named(name)
    plan = plan_motion(setting, move, strength)
    if not both_ways or plan.setting.lens.zoom <= 1.012:
        return plan
    other = plan_motion(setting, move.mirrored(), strength)
    return other if other.setting.lens.zoom < plan.setting.lens.zoom - 0.004 else plan


@contextmanager
def _threads(count: int) -> Generator[None]:
    """Sets OpenCV's threads for a stretch: results and speed depend on them."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _provenance(shot: Shot) -> dict[str, object]:
    direction = shot.wish.direction
    ignored = list(direction.ignored)
    if direction.move is not None and direction.move != shot.name:
        ignored.append(f"move: {direction.move}")
    return {
        "engine": "local-parallax",
        "generative": False,
        "motion": "camera-only",
        "move": shot.name,
        "understood": list(direction.understood),
        "ignored": ignored,
        "effects": list(shot.effects),
        "depth": shot.found.relief.source,
        "subject": shot.found.subject.is_layer,
        "parallax_pct": round(100.0 * shot.plan.parallax, 2),
    }
