"""Fault 36 from outside: whatever is sent for a picture is taken or refused, and the server is unharmed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from PIL import Image

from photoplay.api.codes import CODES
from tests.api.serving import encoded, noise
from tests.unit.storage.test_picture_intake import bombs

pytestmark = [pytest.mark.fault(36), pytest.mark.asyncio(loop_scope="session")]
IMAGES = "/api/video/images"
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
GROWTH_MB = 512
"""More than the largest picture that is taken, less than any bomb would need (64k x 64k: 12 GB)."""


def corpus() -> dict[str, bytes]:
    """Bombs, cut and damaged pictures, disguises, and unusual ones that are pictures."""
    plain = noise()
    whole = {kind: encoded(plain, kind) for kind in KINDS}
    found = {f"bomb: {name}": content for name, content in bombs().items()}
    found |= {f"cut: {kind}": content[: len(content) // 2] for kind, content in whole.items()}
    found |= {
        "1 x 1": encoded(Image.new("RGB", (1, 1)), "PNG"),
        "10,000 : 1": encoded(Image.new("1", (10_000, 1)), "PNG"),
        "nothing": b"",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "pdf": b"%PDF-1.7 ...",
        "a script in front": b"<script>alert(1)</script>" + whole["JPEG"],
    }
    for mode in ("CMYK", "L", "P", "I;16"):
        kind = "TIFF" if mode in {"CMYK", "I;16"} else "PNG"
        picture = Image.new("I;16", (160, 120), 40_000) if mode == "I;16" else plain.convert(mode)
        found[f"unusual: {mode}"] = encoded(picture, kind)
    found["unusual: animated"] = encoded(plain, "GIF", save_all=True, append_images=[noise()] * 3)
    found["unusual: script behind"] = whole["JPEG"] + b"<script>alert(1)</script>"
    return found


def peak_mb(pid: int) -> int:
    """Largest resident memory of a process so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


async def sent(person, content: bytes):
    """The answer to a picture; on a machine too busy to decode it in time, to the next try."""
    while (answer := await person.post(IMAGES, content=content)).status_code == 503:
        await asyncio.sleep(0.1)
    return answer


async def test_every_picture_of_the_corpus_is_taken_or_refused_within_bounded_memory(alice):
    before, known = peak_mb(os.getpid()), corpus()
    answers = await asyncio.gather(*(sent(alice, content) for content in known.values()))
    for name, answer in zip(known, answers, strict=True):
        if name.startswith("unusual"):
            assert answer.status_code == 201, (name, answer.text)
        else:
            assert answer.status_code == 400, (name, answer.text)
            assert answer.json()["code"] in CODES, name
            assert answer.json()["code"].startswith("image_"), name
    codes = {a.json()["code"] for n, a in zip(known, answers, strict=True) if "bomb" in n}
    assert codes == {"image_too_many_pixels"}
    # The server itself opens none of them.
    assert peak_mb(os.getpid()) - before < GROWTH_MB
    taken = sum(name.startswith("unusual") for name in known)
    assert len(alice.server.objects(alice.id)) == taken
    for file in alice.server.objects(alice.id):
        content = file.read_bytes()
        assert content.startswith(b"\xff\xd8\xff")
        assert b"script" not in content


@pytest.mark.parametrize("name", ["bomb: png", "cut: JPEG", "svg", "10,000 : 1"])
async def test_behind_an_address_it_fails_the_job_and_takes_no_unit(worker, serve_bytes, name):
    person = worker.person()
    address = await serve_bytes(corpus()[name], "image/png")
    made = await person.animate(sourceImageUrl=address)
    job = await person.ended(made.json()["data"]["jobId"])
    assert (job["failure"]["code"], job["failure"]["charged"]) == ("image_rejected", False)
    assert (await person.quota())["used"] == 0


async def test_put_at_an_address_of_ours_it_is_refused_when_it_is_animated(alice):
    for name in ("bomb: jpeg", "cut: PNG", "pdf"):
        begun = (await alice.post(f"{IMAGES}/uploads")).json()["data"]
        put = await alice.put(begun["uploadUrl"], content=corpus()[name])
        assert put.status_code == 201
        answer = await alice.animate(sourceImagePath=begun["path"])
        assert answer.status_code == 400, (name, answer.text)
        assert answer.json()["code"].startswith("image_")
    assert alice.jobs_in_database() == 0
