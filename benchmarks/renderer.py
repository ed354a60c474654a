"""What the built-in renderer costs, as ratios that travel between machines.

Usage: python benchmarks/renderer.py [--seconds 5] [PICTURE...]

Prints, for each picture: CPU per frame (drawing and encoding, without the analysis) against a pure
x264 veryfast encode of the same frames (goal <= 2.5); total time against the clip's length at
720p / 24 fps; and in children of their own the peak memory at 720p and 1080p (goals 700 MB and
1 GB) and for a 50-megapixel picture.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import cv2
from PIL import Image

from photoplay.providers.local import RenderSpec, render
from photoplay.providers.local.encode import ClipWriter
from photoplay.providers.local.film import draw, prepare
from photoplay.providers.local.memory import MEMORY
from photoplay.providers.local.patience import Patience

SAMPLES = Path(__file__).resolve().parent.parent / "tests" / "samples"


def never() -> bool:
    return False


def ignore(_: float) -> None:
    return


def cpu_ratio(picture: Path, seconds: float, folder: Path) -> tuple[float, float, float, float]:
    """Analysis CPU seconds, CPU ms a frame, pure encoding ms a frame, their ratio."""
    spec = RenderSpec(duration_s=seconds, resolution="720p")
    frames = round(seconds * spec.fps)
    MEMORY.forget()
    begun = time.process_time()
    shot = prepare(picture, spec, Patience(ignore, never))
    analysis = time.process_time() - begun
    size = (shot.framing.width, shot.framing.height)
    cv2.setNumThreads(1)
    begun = time.process_time()
    drawn = []
    with ClipWriter(folder / "a.mp4", size, spec.fps, "", "auto") as writer:
        for number in range(frames):
            frame = draw(shot, number, frames)
            drawn.append(frame)
            writer.add(frame)
    whole = time.process_time() - begun
    begun = time.process_time()
    with ClipWriter(folder / "b.mp4", size, spec.fps, "", "auto") as writer:
        for frame in drawn:
            writer.add(frame)
    pure = time.process_time() - begun
    return analysis, 1000 * whole / frames, 1000 * pure / frames, whole / pure


def clock_ratio(picture: Path, seconds: float, folder: Path) -> float:
    """Seconds of waiting, analysis included, a second of clip at 720p / 24."""
    spec = RenderSpec(duration_s=seconds, resolution="720p", fps=24)
    MEMORY.forget()
    begun = time.perf_counter()
    render(picture, folder / "c.mp4", spec, on_progress=ignore, is_cancelled=never)
    return (time.perf_counter() - begun) / seconds


def _measure_peak(picture: Path, resolution: str, folder: Path, answer: object) -> None:
    spec = RenderSpec(duration_s=2.0, resolution=resolution)
    render(picture, folder / "d.mp4", spec, on_progress=ignore, is_cancelled=never)
    # Not ru_maxrss: a child inherits its parent's.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    answer.put(peak / 1024)  # type: ignore[attr-defined]


def peak_mb(picture: Path, resolution: str, folder: Path) -> float:
    """Peak resident memory of a fresh child that renders one clip."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    child = context.Process(target=_measure_peak, args=(picture, resolution, folder, answer))
    child.start()
    peak = answer.get(timeout=600)
    child.join()
    return float(peak)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args(arguments)
    chosen = given.pictures or [SAMPLES / f"{n}.jpg" for n in ("dandelion", "coffee", "stream")]
    say = sys.stdout.write
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("picture      analysis  render+encode  pure encode  ratio  time/clip 720p24\n")
        for picture in chosen:
            analysis, whole, pure, ratio = cpu_ratio(picture, given.seconds, folder)
            clock = clock_ratio(picture, given.seconds, folder)
            say(
                f"{picture.stem:12} {analysis:5.2f} s  {whole:8.1f} ms  {pure:9.1f} ms"
                f"  {ratio:5.2f}  {clock:10.2f}\n"
            )
        for resolution, goal in (("720p", 700), ("1080p", 1024)):
            say(
                f"peak memory {resolution}: {peak_mb(chosen[0], resolution, folder):.0f} MB"
                f" (goal {goal})\n"
            )
        vast = folder / "50mp.jpg"
        with Image.open(chosen[0]) as picture:
            picture.resize((8660, 5774)).save(vast, quality=92)
        say(f"peak memory 50 megapixels, 720p: {peak_mb(vast, '720p', folder):.0f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
