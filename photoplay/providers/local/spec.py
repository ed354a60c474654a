"""What a caller hands to the built-in renderer, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

RESOLUTIONS: dict[str, int] = {"480p": 480, "720p": 720, "1080p": 1080}
"""Short side of the frame in pixels, by the name the API uses."""

ASPECTS: dict[str, tuple[int, int]] = {
    "16:9": (16, 9),
    "4:3": (4, 3),
    "1:1": (1, 1),
    "3:4": (3, 4),
    "9:16": (9, 16),
}
"""Frame shapes, width to height."""

STRENGTHS: dict[str, float] = {"low": 1.0, "medium": 1.3, "high": 1.65}
"""How far the camera travels, as a factor on the amplitude the picture carries safely."""

MIN_DURATION_S = 1.0
MAX_DURATION_S = 15.0
FRAME_RATES = (24, 30)

RejectionCode = Literal[
    "image_unreadable",
    "image_truncated",
    "image_too_large",
    "image_too_small",
]


class PictureRejectedError(Exception):
    """The picture cannot be turned into a clip.

    The message is safe to show and says what to change; sending the same picture again
    fails in the same way.

    Attributes:
        code: stable name of the reason.
    """

    def __init__(self, code: RejectionCode, message: str) -> None:
        super().__init__(message)
        self.code: RejectionCode = code


class RenderCancelledError(Exception):
    """The caller's `is_cancelled` said yes. No clip is left behind; nothing needs clearing up."""


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """One clip, as asked for.

    Attributes:
        duration_s: length in seconds, 1 to 15.
        resolution: `480p`, `720p` or `1080p`, the frame's short side.
        motion_strength: `low`, `medium` or `high`; scales how far the camera travels.
        aspect: `auto` follows the picture; otherwise `16:9`, `9:16`, `1:1`, `4:3` or `3:4`.
        fps: 24 or 30 frames per second.
        move: a name in `MOVES`; `auto` chooses by the scene unless the prompt names a move.
        loop: the last frame leads back into the first.
        prompt: free text; camera words are understood, all others are reported as ignored.
        seed: picks the particles' places and the hand's tremor; same seed, same clip.
        depth_model: path of an ONNX depth network; None keeps the built-in reading of depth.
        depth_preset: `midas-small`, `depth-anything-v2-small`, or `auto` to tell by the file.
        encoder: a video encoder in the PyAV wheel; `auto` takes the best H.264 one.
    """

    duration_s: float = 4.0
    resolution: str = "720p"
    motion_strength: str = "low"
    aspect: str = "auto"
    fps: int = 30
    move: str = "auto"
    loop: bool = False
    prompt: str | None = None
    seed: int = 0
    depth_model: str | None = None
    depth_preset: str = "auto"
    encoder: str = "auto"


@dataclass(frozen=True, slots=True)
class RenderResult:
    """What was rendered.

    Attributes:
        width: frame width in pixels.
        height: frame height in pixels.
        fps: frames per second.
        frames: number of frames in the file.
        duration_s: `frames / fps`.
        provenance: JSON-able facts for the user: `engine`, `generative` (always False),
            `motion`, `move`, `understood`, `ignored`, `depth`, `subject`, `parallax_pct`.
    """

    width: int
    height: int
    fps: int
    frames: int
    duration_s: float
    provenance: dict[str, object] = field(default_factory=dict[str, object])
