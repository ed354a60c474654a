"""Contact sheets of the built-in renderer: first and last frame of every picture and move.

Usage: python scripts/gallery.py [--to FOLDER] [--moves a,b] [--effects] PICTURE...

Each sheet is one PNG per move (or effect), two frames a picture side by side. Judge them at
full size: uprights, outlines of subjects, the ring around them, the borders.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from photoplay.providers.local import MOVES, RenderSpec, render

_EFFECTS = (
    "clouds", "dust", "snow", "embers", "rain", "fog", "vignette", "grain", "rack focus",
    "handheld",
)  # fmt: skip
_ROW_PX = 1500

Picture = npt.NDArray[np.uint8]


def _frames(clip: Path) -> list[Picture]:
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def _row(picture: Path, spec: RenderSpec, work: Path) -> Picture:
    clip = work / "clip.mp4"
    result = render(picture, clip, spec, on_progress=lambda _: None, is_cancelled=lambda: False)
    frames = _frames(clip)
    last = frames[len(frames) // 2] if spec.move == "orbit_loop" else frames[-1]
    row = np.hstack((frames[0], last))
    label = f"{picture.stem} {result.provenance['move']} {result.provenance['parallax_pct']} %"
    scale = _ROW_PX / row.shape[1]
    row = cv2.resize(row, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.putText(row, label, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(row, label, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(row, dtype=np.uint8)


def main(arguments: list[str]) -> int:
    """Renders the sheets; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--to", type=Path, default=Path("gallery"))
    parser.add_argument("--moves", default=",".join(MOVES))
    parser.add_argument("--effects", action="store_true", help="effects instead of moves")
    parser.add_argument("--resolution", default="480p")
    given = parser.parse_args(arguments)
    samples = Path(__file__).resolve().parent.parent / "tests" / "samples"
    pictures = given.pictures or sorted(samples.glob("*.jpg"))
    given.to.mkdir(parents=True, exist_ok=True)
    names = _EFFECTS if given.effects else given.moves.split(",")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            spec = RenderSpec(
                duration_s=2.0,
                resolution=given.resolution,
                fps=24,
                move="auto" if given.effects else name,
                prompt=name if given.effects else None,
            )
            rows = [_row(picture, spec, Path(folder)) for picture in pictures]
            sheet = given.to / f"{name.replace(' ', '_')}.png"
            cv2.imwrite(str(sheet), np.vstack(rows))
            sys.stdout.write(f"{sheet}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
