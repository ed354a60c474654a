"""/api/video/images: pictures in, every way and every refusal."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import threading
import zlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from photoplay.storage.signing import sign_media
from tests.api.serving import MEDIA_SECRET, Person, encoded, noise, refused
from tests.conftest import SAMPLES

pytestmark = pytest.mark.asyncio(loop_scope="session")
IMAGES = "/api/video/images"


def stored(person: Person, path: str) -> Image.Image:
    file = person.server.stack.settings.data_dir / "objects" / path
    with Image.open(io.BytesIO(file.read_bytes())) as image:
        image.load()
        return image


async def test_a_raw_body_is_taken_in_and_can_be_animated(alice):
    content = (SAMPLES / "coffee.jpg").read_bytes()
    answer = await alice.post(IMAGES, content=content, headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert set(data) == {"imageId", "path", "width", "height", "bytes"}
    assert data["path"] == f"{alice.id}/source-images/{data['imageId']}.jpg"
    kept = stored(alice, data["path"])
    assert (kept.format, kept.size) == ("JPEG", (data["width"], data["height"]))
    for name in ({"imageId": data["imageId"]}, {"sourceImagePath": data["path"]}):
        assert (await alice.animate(**name, clientRequestId=next(iter(name)))).status_code == 202


async def test_the_type_is_told_by_content_and_not_by_what_the_client_says(alice):
    for claimed in (
        "image/png",
        "application/json",
        "text/html",
        "application/x-www-form-urlencoded",
    ):
        answer = await alice.post(
            IMAGES, content=encoded(noise()), headers={"Content-Type": claimed}
        )
        assert answer.status_code == 201, claimed


async def test_the_first_file_of_a_form_is_taken(alice):
    picture, other = encoded(noise(200, 100)), encoded(noise(100, 200))
    form = {
        "data": {"note": "not a file", "title": "x" * 1000},
        "files": [
            ("file", ("a.jpg", picture, "image/jpeg")),
            ("file", ("b.jpg", other, "image/jpeg")),
        ],
    }
    answer = await alice.post(IMAGES, **form)
    assert answer.status_code == 201
    assert (answer.json()["data"]["width"], answer.json()["data"]["height"]) == (200, 100)


async def test_a_form_that_comes_in_single_bytes_is_the_same_form(alice):
    picture = encoded(noise(), quality=30)
    whole = httpx.Request("POST", "http://x", files={"file": ("a.jpg", picture)})

    async def drops():
        for byte in whole.read():
            yield bytes([byte])

    answer = await alice.post(
        IMAGES, content=drops(), headers={"Content-Type": whole.headers["content-type"]}
    )
    assert answer.status_code == 201
    assert (await alice.upload(picture))["imageId"] == answer.json()["data"]["imageId"]


FORM = "multipart/form-data; boundary=B"


def part(disposition: str, content: str) -> bytes:
    """A form with one part."""
    return f"--B\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n--B--\r\n".encode()


@pytest.mark.parametrize(
    ("content_type", "content", "code"),
    [
        (FORM, part('name="a"', "x"), "image_required"),
        (FORM, part('name="f"; filename="a"', ""), "image_required"),
        ("multipart/form-data", b"--B\r\n", "malformed_form"),
        (FORM, b"no form at all", "malformed_form"),
        (FORM, b"", "image_required"),
        ("image/jpeg", b"", "image_required"),
    ],
    ids=["no file", "empty file", "no boundary", "no form", "empty form", "empty body"],
)
async def test_a_body_without_a_picture_is_refused(alice, content_type, content, code):
    answer = await alice.post(IMAGES, content=content, headers={"Content-Type": content_type})
    refused(answer, 400, code)


async def test_the_same_picture_is_the_same_image_also_at_once(alice, bob):
    content = encoded(noise())
    images = await asyncio.gather(*(alice.upload(content) for _ in range(8)))
    assert len({image["imageId"] for image in images}) == 1
    assert len(alice.server.objects(alice.id)) == 1
    theirs = await bob.upload(content)
    assert theirs["imageId"] != images[0]["imageId"]
    assert theirs["path"].startswith(str(bob.id))


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_turned_photograph_is_stored_upright_and_without_its_metadata(alice, orientation):
    upright = Image.new("RGB", (192, 128), (20, 20, 200))
    upright.paste((220, 30, 30), (0, 0, 96, 64))
    turned = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    pixels = upright if turned is None else upright.transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera of somebody"
    image = await alice.upload(encoded(pixels, exif=exif))
    assert (image["width"], image["height"]) == (192, 128)
    kept = stored(alice, image["path"])
    red, _, blue = kept.getpixel((24, 16))
    assert red > 180
    assert blue < 90
    for corner in ((168, 16), (24, 112), (168, 112)):
        assert kept.getpixel(corner)[2] > 150
    assert dict(kept.getexif()) == {}


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size; its pixels are a few bytes of nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    data = zlib.compress(bytes(64))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"GIF8 almost", "image_type"),
        (b"%PDF-1.7 ...", "image_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image_type"),
        (b"<!doctype html>", "image_type"),
        (b"\xff\xd8\xff", "image_unreadable"),
        (png_of(200, 200), "image_unreadable"),
        (png_of(10_000, 10_000), "image_too_many_pixels"),
        (png_of(65_000, 65_000), "image_too_many_pixels"),
        (png_of(1, 1), "image_dimensions"),
        (png_of(63, 200), "image_dimensions"),
        (png_of(16_385, 64), "image_dimensions"),
        (png_of(641, 160), "image_ratio"),
        (png_of(64, 300), "image_ratio"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_unusable_picture_is_refused_with_its_reason(alice, content, code):
    answer = await alice.post(IMAGES, content=content)
    body = refused(answer, 400, code)
    assert len(body["error"]) > 10
    assert alice.server.objects(alice.id) == []
    assert alice.server.rows("select from public.video_images where user_id = %s", alice.id) == []


async def test_what_was_found_and_what_is_allowed_are_in_the_details(alice):
    body = refused(await alice.post(IMAGES, content=png_of(1000, 64)), 400, "image_ratio")
    assert body["details"] == {"width": 1000, "height": 64, "max_ratio": 4.0}


@pytest.mark.parametrize("way", ["raw", "chunked", "form"])
async def test_a_picture_over_the_limit_is_refused_after_it_was_read(alice, way):
    limit = alice.server.stack.settings.max_image_bytes
    picture = encoded(noise(), "PNG")
    large = picture + bytes(limit + 1 - len(picture))

    async def blocks():
        for start in range(0, len(large), 1 << 20):
            yield large[start : start + (1 << 20)]

    body = {
        "raw": {"content": large},
        "chunked": {"content": blocks()},
        "form": {"files": {"file": ("a.png", large)}},
    }
    answer = await alice.post(IMAGES, **body[way])
    assert refused(answer, 400, "image_too_large")["details"] == {"limit": limit}
    assert alice.server.objects(alice.id) == []


async def test_a_picture_at_the_limit_is_taken(alice):
    limit = alice.server.stack.settings.max_image_bytes
    picture = encoded(noise(), "PNG")
    await alice.upload(picture + bytes(limit - len(picture)))


@pytest.mark.parametrize("declared", [True, False])
async def test_far_over_the_limit_the_answer_is_413_and_the_connection_is_closed(alice, declared):
    limit = alice.server.stack.settings.max_image_bytes
    length = "Content-Length: 1000000000000" if declared else "Transfer-Encoding: chunked"
    block = bytes(1 << 20)
    framed = block if declared else b"100000\r\n" + block + b"\r\n"
    answer, sent = await asyncio.to_thread(send_without_end, alice, length, framed)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head.lower()
    assert b'"code": "payload_too_large"' in body
    assert sent < 6 * limit


def head_of_upload(person: Person, length: str) -> bytes:
    lines = (
        f"POST {IMAGES} HTTP/1.1",
        f"Host: {person.server.address.removeprefix('http://')}",
        f"Authorization: {person.headers['Authorization']}",
        length,
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def send_without_end(person: Person, length: str, block: bytes) -> tuple[bytes, int]:
    """Send until the connection is closed; what was answered and how many bytes went out."""
    host, port = person.server.address.removeprefix("http://").split(":")
    answer, sent = b"", 0
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head_of_upload(person, length))

        def send() -> None:
            nonlocal sent
            with contextlib.suppress(ConnectionError):
                while sent < 1 << 30:
                    connection.sendall(block)
                    sent += len(block)

        sending = threading.Thread(target=send)
        sending.start()
        # The answer comes before the reset that ends a connection with unread bytes.
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(1 << 16):
                answer += part
        sending.join()
    return answer, sent


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(alice, log_lines):
    host, port = alice.server.address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head_of_upload(alice, "Content-Length: 100000") + encoded(noise())[:1000])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await alice.upload()
    assert len(alice.server.objects(alice.id)) == 1
    assert "crashed" not in log_lines.raw


class TestPresigned:
    async def presigned(self, person: Person, extension: str = "jpg") -> dict[str, str]:
        answer = await person.post(IMAGES + "/uploads", params={"extension": extension})
        assert answer.status_code == 201
        return answer.json()["data"]

    async def test_what_was_put_there_is_animated_by_its_path(self, alice):
        upload = await self.presigned(alice, "png")
        assert set(upload) == {"uploadUrl", "method", "path", "expiresAt"}
        assert (upload["method"], upload["path"].rpartition(".")[2]) == ("PUT", "png")
        left = datetime.fromisoformat(upload["expiresAt"]) - datetime.now(UTC)
        assert timedelta(minutes=14) < left <= timedelta(minutes=15)
        # Before the upload there is nothing.
        refused(await alice.animate(sourceImagePath=upload["path"]), 400, "image_not_found")
        put = await alice.server.http.put(upload["uploadUrl"], content=encoded(noise(), "PNG"))
        assert put.status_code == 201
        wish = {"sourceImagePath": upload["path"], "clientRequestId": "k"}
        first, again = await alice.animate(**wish), await alice.animate(**wish)
        assert (first.status_code, again.status_code) == (202, 200)
        job = await alice.job(first.json()["data"]["jobId"])
        # What is animated is the normalised picture, not what was sent.
        assert job["source_image_url"].endswith(".jpg")
        assert stored(alice, job["source_image_url"]).format == "JPEG"
        assert (await alice.quota())["used"] == 1

    async def test_what_was_put_there_is_looked_at_when_it_is_animated(self, alice):
        upload = await self.presigned(alice)
        await alice.server.http.put(upload["uploadUrl"], content=b"<svg/>")
        refused(await alice.animate(sourceImagePath=upload["path"]), 400, "image_type")
        assert alice.jobs_in_database() == 0

    async def test_nothing_that_is_there_is_overwritten(self, alice):
        upload = await self.presigned(alice)
        content = encoded(noise())
        http = alice.server.http
        assert (await http.put(upload["uploadUrl"], content=content)).status_code == 201
        assert (await http.put(upload["uploadUrl"], content=content)).status_code == 201
        refused(
            await http.put(upload["uploadUrl"], content=encoded(noise())), 409, "already_uploaded"
        )
        (file,) = alice.server.objects(alice.id)
        assert file.read_bytes() == content

    async def test_the_address_takes_one_path_and_one_method_for_a_while(self, alice, bob):
        upload, theirs = await self.presigned(alice), await self.presigned(bob)
        http, content = alice.server.http, encoded(noise())
        moved = upload["uploadUrl"].replace(upload["path"], theirs["path"])
        past = datetime.now(UTC) - timedelta(seconds=1)
        expired = sign_media(upload["path"], expires_at=past, secrets=[MEDIA_SECRET], method="PUT")
        for address in (moved, expired, upload["uploadUrl"].partition("?")[0]):
            refused(await http.put(address, content=content), 403, "media_link_refused")
        refused(await http.get(upload["uploadUrl"]), 403, "media_link_refused")
        assert alice.server.objects(alice.id) == alice.server.objects(bob.id) == []

    @pytest.mark.parametrize("way", ["declared", "chunked"])
    async def test_the_limit_holds_and_nothing_is_kept(self, alice, way):
        upload = await self.presigned(alice)
        large = bytes(alice.server.stack.settings.max_image_bytes + 1)

        async def blocks():
            for start in range(0, len(large), 1 << 20):
                yield large[start : start + (1 << 20)]

        content = large if way == "declared" else blocks()
        refused(
            await alice.server.http.put(upload["uploadUrl"], content=content),
            400,
            "image_too_large",
        )
        assert alice.server.objects(alice.id) == []

    async def test_an_unknown_extension_is_refused(self, alice):
        answer = await alice.post(IMAGES + "/uploads", params={"extension": "exe"})
        assert refused(answer, 422, "unprocessable")["details"]["fields"][0]["field"] == "extension"

    async def test_another_users_path_is_one_with_nothing_there(self, alice, bob):
        upload = await self.presigned(bob)
        await bob.server.http.put(upload["uploadUrl"], content=encoded(noise()))
        refused(await alice.animate(sourceImagePath=upload["path"]), 400, "image_not_found")
        assert alice.jobs_in_database() == 0
        assert (await bob.animate(sourceImagePath=upload["path"])).status_code == 202


async def test_pictures_need_an_identity(jwt_server):
    for address in (IMAGES, IMAGES + "/uploads"):
        answer = await jwt_server.http.post(address, content=encoded(noise()))
        refused(answer, 401, "unauthenticated")
    assert not list((jwt_server.stack.settings.data_dir / "objects").rglob(f"*{uuid4()}*"))
