"""The built-in provider: one photograph to a moving clip, with no network and no GPU.

Importing this package costs nothing but the table of moves; OpenCV and PyAV are loaded by the
first `render`, which belongs in a child process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from photoplay.providers.local.moves import MOVES
from photoplay.providers.local.spec import (
    PictureRejectedError,
    RenderCancelledError,
    RenderResult,
    RenderSpec,
)

__all__ = [
    "MOVES",
    "PictureRejectedError",
    "RenderCancelledError",
    "RenderResult",
    "RenderSpec",
    "render",
]


def render(
    picture: Path,
    video: Path,
    spec: RenderSpec,
    *,
    on_progress: Callable[[float], None],
    is_cancelled: Callable[[], bool],
) -> RenderResult:
    """Films a photograph with a moving camera.

    Args:
        picture: the photograph.
        video: where the MP4 goes; it appears whole or not at all.
        spec: what is wanted.
        on_progress: gets a value in 0..1 that never falls.
        is_cancelled: asked often; the render stops well within 200 ms of a yes.

    Returns:
        Size, length and provenance of the clip.

    Raises:
        PictureRejectedError: the picture cannot be used; show its message.
        RenderCancelledError: `is_cancelled` said yes; nothing is left behind.
        ValueError: the spec holds a value outside its range; a fault of the caller.
    """
    from photoplay.providers.local.film import film

    return film(picture, video, spec, on_progress=on_progress, is_cancelled=is_cancelled)
