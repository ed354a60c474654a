"""`photoplay animate`: files in, files out, clear words and exit codes for everything else."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import av
import pytest

from tests.conftest import SAMPLES, until

pytestmark = pytest.mark.xdist_group("cli")
QUICK = ("--resolution", "480p", "--duration", "1", "--fps", "24")
LONG = ("--resolution", "720p", "--duration", "15")


def facts_of(video: Path) -> tuple[str, int, float]:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        return stream.codec_context.name, min(stream.width, stream.height), frames / 24


def test_one_picture_becomes_the_file_that_was_named(photoplay, tmp_path):
    said = photoplay("animate", SAMPLES / "rocket.jpg", "-o", "new/clip.mp4", *QUICK)
    assert (said.code, said.out) == (0, "new/clip.mp4\n")
    assert "rocket.jpg" in said.err
    assert facts_of(tmp_path / "new" / "clip.mp4") == ("h264", 480, 1.0)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["clip.mp4"]


def test_a_pattern_becomes_a_folder_and_one_bad_picture_spoils_only_itself(photoplay, tmp_path):
    album = tmp_path / "album"
    album.mkdir()
    for name in ("rocket.jpg", "astronaut.jpg"):
        shutil.copy(SAMPLES / name, album / name)
    (album / "notes.jpg").write_text("no picture at all")
    # Quoted: no shell expands it.
    said = photoplay("animate", "album/*.jpg", "-o", "clips", "--json", *QUICK)
    assert said.code == 1
    objects = {Path(o["picture"]).name: o for o in map(json.loads, said.out.splitlines())}
    assert {name: o["status"] for name, o in objects.items()} == {
        "rocket.jpg": "succeeded",
        "astronaut.jpg": "succeeded",
        "notes.jpg": "failed",
    }
    assert "JPEG" in objects["notes.jpg"]["error"]
    assert "album/notes.jpg: " in said.err
    assert "Traceback" not in said.err
    assert sorted(p.name for p in (tmp_path / "clips").iterdir()) == ["astronaut.mp4", "rocket.mp4"]
    good = objects["rocket.jpg"]
    assert good["video"] == "clips/rocket.mp4"
    assert good["bytes"] == (tmp_path / "clips" / "rocket.mp4").stat().st_size
    assert good["result"]["generative"] is False


PICTURE = str(SAMPLES / "rocket.jpg")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["missing.jpg"], "missing.jpg: there is no such file"),
        ([str(SAMPLES)], "is a folder; name pictures, for instance"),
        ([PICTURE, str(SAMPLES / "coffee.jpg"), "-o", "file"], "-o file: is a file"),
        ([PICTURE, "copy/rocket.jpg"], "rocket.mp4 would be written twice"),
        (
            [PICTURE, "--resolution", "4k", "--motion", "wild", "--aspect", "2:1", "--fps", "25"],
            "--resolution: Input should be '480p', '720p' or '1080p'; --motion: Input should be "
            "'low', 'medium' or 'high'; --aspect: Input should be 'auto', '16:9', '9:16', '1:1', "
            "'4:3' or '3:4'; --fps: Input should be 24 or 30",
        ),
        ([PICTURE, "--provider", "nobody"], "--provider nobody: use one of local"),
    ],
    ids=["missing", "folder", "one-file", "twice", "options", "provider"],
)
def test_what_cannot_be_done_is_said_in_one_line_and_exits_with_1(
    photoplay, tmp_path, arguments, complaint
):
    (tmp_path / "file").touch()
    (tmp_path / "copy").mkdir()
    shutil.copy(PICTURE, tmp_path / "copy" / "rocket.jpg")
    said = photoplay("animate", *arguments)
    assert said.code == 1
    assert said.out == ""
    said.complaint  # noqa: B018 -- no traceback
    assert complaint in said.err
    assert not list(tmp_path.rglob("*.mp4"))


@pytest.mark.parametrize("arguments", [[PICTURE, "--duration", "0.5"], [PICTURE, "--fsp", "24"]])
def test_a_call_that_makes_no_sense_shows_how_it_is_used(photoplay, arguments):
    said = photoplay("animate", *arguments)
    assert (said.code, said.out) == (2, "")
    assert "Usage:" in said.err


def running_jobs(owner) -> list:
    known = owner.execute("select to_regclass('public.video_jobs')").fetchone()
    if known == (None,):
        # The command has not come to its migrations yet.
        return []
    rows = owner.execute("select id from public.video_jobs where status = 'running'").fetchall()
    return [job_id for (job_id,) in rows]


async def test_ctrl_c_cancels_the_job_and_leaves_no_file(photoplay, owner, tmp_path):
    process = photoplay.start("animate", PICTURE, "-o", "clip.mp4", *LONG)
    (job_id,) = await until(lambda: running_jobs(owner))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    status = owner.execute("select status from public.video_jobs where id = %s", (job_id,))
    assert status.fetchone() == ("cancelled",)
    assert list(tmp_path.iterdir()) == []


async def test_a_job_that_is_cancelled_elsewhere_is_seen_and_ends_the_command_with_1(
    photoplay, owner, tmp_path
):
    process = photoplay.start("animate", PICTURE, "-o", "clip.mp4", *LONG)
    (job_id,) = await until(lambda: running_jobs(owner))

    listed = photoplay("jobs", "list", "--status", "running", "--json")
    assert [json.loads(line)["id"] for line in listed.out.splitlines()] == [str(job_id)]
    cancelled = photoplay("jobs", "cancel", str(job_id))
    assert (cancelled.code, cancelled.out) == (0, f"cancelled {job_id}\n")

    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "the job was cancelled" in err
    assert list(tmp_path.iterdir()) == []

    assert str(job_id) in photoplay("jobs", "list").out
    shown = json.loads(photoplay("jobs", "show", str(job_id)).out)
    assert (shown["status"], shown["phase"]) == ("cancelled", "done")
    kinds = [event["kind"] for event in shown["events"]]
    assert (kinds[0], kinds.count("job.cancelled")) == ("job.queued", 1)
