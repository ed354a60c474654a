"""Files from foreign servers: whole, the right one, or a typed error and nothing on the disk (fault 34)."""

import asyncio
import hashlib
import tracemalloc
from datetime import timedelta

import pytest

from photoplay.domain.errors import UnavailableError
from photoplay.network.download import Downloader
from photoplay.network.errors import (
    DownloadGoneError,
    DownloadInterruptedError,
    DownloadTooLargeError,
    DownloadTypeError,
)
from photoplay.network.transfer import MAX_CUTS, DownloadLimits

CLIP = b"".join(hashlib.sha256(bytes([n % 256])).digest() for n in range(12_000))
ETAG = '"v1"'


def limits(**changes):
    return DownloadLimits(**{"max_bytes": 1_000_000, "deadline_s": 10, **changes})


@pytest.fixture
async def downloader(loopback, resolver):
    async with Downloader(loopback, resolver) as opened:
        yield opened


@pytest.fixture
def into(tmp_path):
    return tmp_path / "clip"


def intact(result, path, data=CLIP):
    assert path.read_bytes() == data
    assert (result.size_bytes, result.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    return True


async def refused(downloader, url, into, error, **changes):
    with pytest.raises(error) as caught:
        await downloader.download(url, into, limits(**changes))
    assert type(caught.value) is error
    assert not into.exists()
    assert "secret" not in f"{caught.value} {caught.value.details}"
    return caught.value


class Clip:
    """A server of one file that loses the connection after `cuts[n]` bytes of its n-th answer."""

    def __init__(self, *cuts, data=CLIP, lines=(f"ETag: {ETAG}",), ranges=True):
        self.cuts = list(cuts)
        self.data = data
        self.lines = lines
        self.ranges = ranges

    async def __call__(self, request, wire):
        start, status, lines = 0, "200 OK", list(self.lines)
        wanted = request.headers.get("range")
        vouched = any(line.endswith(f": {request.headers.get('if-range')}") for line in lines)
        if wanted and vouched and self.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            status = "206 Partial Content"
            lines.append(f"Content-Range: bytes {start}-{len(self.data) - 1}/{len(self.data)}")
        rest = self.data[start:]
        head = [
            f"HTTP/1.1 {status}",
            f"Content-Length: {len(rest)}",
            "Content-Type: video/mp4",
            *lines,
        ]
        await wire.send("\r\n".join([*head, "", ""]).encode())
        await wire.send(rest[: self.cuts.pop(0)] if self.cuts else rest)
        wire.writer.close()


def raw(data):
    async def handler(_request, wire):
        await wire.send(data)
        wire.writer.close()

    return handler


# --- whole files


async def test_file_arrives_whole(downloader, servers, into):
    server = await servers.start(Clip())
    result = await downloader.download(server.url("/clip?token=secret"), into, limits())
    assert intact(result, into)
    assert (result.content_type, result.final_url_host) == ("video/mp4", "127.0.0.1")
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nabcdefg",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Type: VIDEO/MP4; codecs=x\r\n\r\nabcdefg",
        b"HTTP/1.1 203 Non-Authoritative\r\nContent-Length: 7\r\n\r\nabcdefg",
    ],
)
async def test_every_framing_is_understood(downloader, servers, into, head):
    server = await servers.start(raw(head))
    result = await downloader.download(server.url(), into, limits(expected_length=7))
    assert intact(result, into, b"abcdefg")
    assert result.content_type in {"", "video/mp4"}


async def test_file_that_was_there_is_replaced(downloader, servers, into):
    into.write_bytes(b"x" * 1_000_000)
    server = await servers.start(Clip())
    assert intact(await downloader.download(server.url(), into, limits()), into)


async def test_memory_does_not_grow_with_the_file(downloader, servers, into):
    block, count = bytes(65_536), 512

    async def handler(_request, wire):
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(block) * count))
        for _ in range(count):
            await wire.send(block)

    server = await servers.start(handler)
    tracemalloc.start()
    try:
        result = await downloader.download(server.url(), into, limits(max_bytes=1 << 30))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.size_bytes == 32 << 20
    assert peak < 4 << 20


# --- cuts


async def test_cut_transfer_goes_on_where_it_stopped(downloader, servers, into):
    server = await servers.start(Clip(100_000, 50_000))
    assert intact(await downloader.download(server.url(), into, limits()), into)
    assert [r.headers.get("range") for r in server.requests] == [
        None,
        "bytes=100000-",
        "bytes=150000-",
    ]
    assert [r.headers.get("if-range") for r in server.requests] == [None, ETAG, ETAG]


async def test_date_vouches_for_the_file_where_it_is_old_enough(downloader, servers, into):
    old = ("Date: Sun, 01 Nov 2026 10:00:00 GMT", "Last-Modified: Sun, 01 Nov 2026 09:00:00 GMT")
    server = await servers.start(Clip(100_000, lines=old))
    assert intact(await downloader.download(server.url(), into, limits()), into)
    assert server.requests[1].headers["if-range"] == "Sun, 01 Nov 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ('ETag: W/"v1"',),
        ("ETag: v1",),
        ("Last-Modified: Sun, 01 Nov 2026 09:00:00 GMT",),
        ("Date: Sun, 01 Nov 2026 09:00:00 GMT", "Last-Modified: Sun, 01 Nov 2026 09:00:00 GMT"),
        ("Date: yesterday", "Last-Modified: Sun, 01 Nov 2026 09:00:00 GMT"),
        (f"ETag: {ETAG}", "Accept-Ranges: none"),
    ],
)
async def test_file_that_nobody_vouches_for_starts_anew(downloader, servers, into, lines):
    server = await servers.start(Clip(100_000, lines=lines))
    assert intact(await downloader.download(server.url(), into, limits()), into)
    assert [r.headers.get("range") for r in server.requests] == [None, None]


async def test_server_that_ignores_ranges_starts_anew(downloader, servers, into):
    server = await servers.start(Clip(100_000, ranges=False))
    assert intact(await downloader.download(server.url(), into, limits()), into)


OTHER = b"x" * (len(CLIP) - 100_000)


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        # A server that minds If-Range, and servers that go on with another file or at another place.
        ("200 OK", ['ETag: "v2"']),
        ("206 Partial", ["Content-Range: bytes 100000-383999/384000", 'ETag: "v2"']),
        ("206 Partial", ["Content-Range: bytes 100000-383999/500000"]),
        ("206 Partial", ["Content-Range: bytes 0-283999/384000", f"ETag: {ETAG}"]),
        ("206 Partial", ["Content-Range: bytes 100000-383999", f"ETag: {ETAG}"]),
        ("206 Partial", [f"ETag: {ETAG}"]),
        ("416 Range Not Satisfiable", []),
    ],
)
async def test_two_files_are_never_mixed(downloader, servers, into, status, lines):
    async def handler(request, wire):
        if len(server.requests) == 1:
            await Clip(100_000)(request, wire)
        elif len(server.requests) == 2:
            await wire.answer(status, OTHER, *lines)
        else:
            assert "range" not in request.headers
            await wire.answer("200 OK", OTHER, 'ETag: "v2"')

    server = await servers.start(handler)
    assert intact(await downloader.download(server.url(), into, limits()), into, OTHER)
    assert len(server.requests) == (2 if status == "200 OK" else 3)


async def test_rest_may_come_in_several_parts(downloader, servers, into):
    async def handler(request, wire):
        if len(server.requests) == 2:
            part = CLIP[100_000:200_000]
            await wire.answer(
                "206 Partial", part, "Content-Range: bytes 100000-199999/*", f"ETag: {ETAG}"
            )
        else:
            await Clip(100_000)(request, wire) if len(server.requests) == 1 else await Clip()(
                request, wire
            )

    server = await servers.start(handler)
    assert intact(await downloader.download(server.url(), into, limits()), into)
    assert [r.headers.get("range") for r in server.requests] == [
        None,
        "bytes=100000-",
        "bytes=200000-",
    ]


async def test_connection_that_is_always_cut_ends(downloader, servers, into):
    server = await servers.start(Clip(*[10] * 100))
    error = await refused(downloader, server.url("/?token=secret"), into, DownloadInterruptedError)
    assert error.retryable
    assert len(server.requests) == MAX_CUTS + 1


async def test_cut_without_a_byte_is_not_tried_again(downloader, servers, into):
    server = await servers.start(Clip(100_000, 0))
    await refused(downloader, server.url(), into, DownloadInterruptedError)
    assert len(server.requests) == 2


async def test_server_that_dies_in_between_interrupts(downloader, servers, into):
    async def handler(request, wire):
        server.server.close()
        await Clip(100_000)(request, wire)

    server = await servers.start(handler)
    await refused(downloader, server.url(), into, DownloadInterruptedError)


# --- size, length, type


async def test_file_that_is_declared_too_large_is_not_read(downloader, servers, into):
    async def handler(_request, wire):
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        await wire.reader.read()

    server = await servers.start(handler)
    error = await refused(downloader, server.url(), into, DownloadTooLargeError)
    assert error.details == {"max_bytes": 1_000_000}
    async with asyncio.timeout(5):
        await server.left.wait()


@pytest.mark.parametrize("head", [b"Transfer-Encoding: chunked\r\n", b""])
async def test_file_that_never_ends_is_stopped(downloader, servers, into, head):
    block = b"10000\r\n" + bytes(65_536) + b"\r\n" if head else bytes(65_536)
    sent = 0

    async def handler(_request, wire):
        nonlocal sent
        await wire.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        while True:
            await wire.send(block)
            sent += len(block)

    server = await servers.start(handler)
    await refused(downloader, server.url(), into, DownloadTooLargeError)
    async with asyncio.timeout(5):
        await server.left.wait()
    assert sent < 20_000_000


async def test_limit_itself_is_allowed(downloader, servers, into):
    server = await servers.start(Clip())
    assert intact(await downloader.download(server.url(), into, limits(max_bytes=len(CLIP))), into)
    await refused(downloader, server.url(), into, DownloadTooLargeError, max_bytes=len(CLIP) - 1)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdefg", b"HTTP/1.0 200 OK\r\n\r\nabcdefg"],
)
async def test_wrong_length_interrupts(downloader, servers, into, answer):
    server = await servers.start(raw(answer))
    for expected in (6, 8):
        await refused(
            downloader, server.url(), into, DownloadInterruptedError, expected_length=expected
        )


@pytest.mark.parametrize(
    ("content_type", "is_taken"),
    [
        ("video/mp4", True),
        ("VIDEO/MP4; codecs=avc1", True),
        ("application/octet-stream", True),
        ("binary/octet-stream", True),
        (None, True),
        ("text/html; charset=utf-8", False),
        ("application/json", False),
        ("image/png", False),
    ],
)
async def test_only_accepted_types_are_taken(downloader, servers, into, content_type, is_taken):
    async def handler(_request, wire):
        lines = [f"Content-Type: {content_type}"] if content_type else []
        await wire.answer("200 OK", b"<html>", *lines)

    server = await servers.start(handler)
    if is_taken:
        assert await downloader.download(server.url(), into, limits(accept=("video/",)))
    else:
        await refused(downloader, server.url(), into, DownloadTypeError, accept=("video/",))
    assert (await downloader.download(server.url(), into, limits())).size_bytes == 6


async def test_compressed_file_is_refused(downloader, servers, into):
    async def handler(_request, wire):
        await wire.answer("200 OK", b"x", "Content-Encoding: gzip")

    server = await servers.start(handler)
    await refused(downloader, server.url(), into, DownloadTypeError)


# --- statuses


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
async def test_refusal_of_the_server_is_final_for_the_address(downloader, servers, into, status):
    async def handler(_request, wire):
        await wire.answer(f"{status} No")

    server = await servers.start(handler)
    error = await refused(downloader, server.url("/?token=secret"), into, DownloadGoneError)
    assert (error.status, error.retryable) == (status, False)


@pytest.mark.parametrize("status", [202, 204, 206, 302, 304, 408, 425, 429, 500, 502, 503])
async def test_passing_trouble_of_the_server_interrupts(downloader, servers, into, status):
    async def handler(_request, wire):
        await wire.answer(f"{status} Later", b"", "Retry-After: 7")

    server = await servers.start(handler)
    error = await refused(downloader, server.url(), into, DownloadInterruptedError)
    assert (error.status, error.retry_after) == (status, timedelta(seconds=7))


async def test_server_that_cannot_be_reached_interrupts(downloader, closed_port, into):
    await refused(downloader, f"http://127.0.0.1:{closed_port}/", into, DownloadInterruptedError)
    await refused(downloader, "https://nowhere.example/", into, DownloadInterruptedError)


@pytest.mark.parametrize(
    "data", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Len"]
)
async def test_answer_that_is_no_http_interrupts(downloader, servers, into, data):
    server = await servers.start(raw(data))
    await refused(downloader, server.url(), into, DownloadInterruptedError)
    assert len(server.requests) == 1


# --- slow servers


async def test_server_that_never_answers_interrupts(downloader, servers, into):
    async def handler(_request, _wire):
        await asyncio.Event().wait()

    server = await servers.start(handler)
    await refused(downloader, server.url(), into, DownloadInterruptedError, window_s=0.05)
    await refused(downloader, server.url(), into, DownloadInterruptedError, deadline_s=0.05)


@pytest.mark.parametrize("sent", [0, 1, 900])
async def test_tarpit_below_the_minimum_rate_interrupts(downloader, servers, into, sent):
    async def handler(_request, wire):
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 384000\r\n\r\n" + bytes(sent))
        await wire.reader.read()

    server = await servers.start(handler)
    error = await refused(
        downloader,
        server.url(),
        into,
        DownloadInterruptedError,
        window_s=0.3,
        min_rate_bytes_s=10_000,
    )
    assert "slowly" in error.message
    assert len(server.requests) == 1
    async with asyncio.timeout(5):
        await server.left.wait()


async def test_resumed_transfer_follows_its_redirect_again(downloader, servers, into):
    clip = Clip(100_000)

    async def handler(request, wire):
        if request.target == "/":
            await wire.answer("302 Found", b"", "Location: /clip")
        else:
            await clip(request, wire)

    server = await servers.start(handler)
    assert intact(await downloader.download(server.url(), into, limits()), into)
    assert [r.target for r in server.requests] == ["/", "/clip"] * 2


# --- the end of it


async def test_cancelled_download_leaves_neither_file_nor_connection(downloader, servers, into):
    arrived = asyncio.Event()

    async def handler(_request, wire):
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 384000\r\n\r\nabc")
        arrived.set()
        await wire.reader.read()

    server = await servers.start(handler)
    task = asyncio.create_task(downloader.download(server.url(), into, limits()))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not into.exists()
    async with asyncio.timeout(5):
        await server.left.wait()


async def test_full_disk_is_told_from_a_bad_network(downloader, servers, into):
    server = await servers.start(Clip())
    into.symlink_to("/dev/full")
    await refused(downloader, server.url(), into, UnavailableError)
    await refused(downloader, server.url(), into / "missing" / "clip", UnavailableError)
    assert len(server.requests) == 1
