"""Fault 35: what a folder acknowledged survives kills and power cuts; a failure leaves nothing."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from photoplay.domain.errors import UnavailableError
from photoplay.storage.backends import S3Options
from photoplay.storage.errors import ObjectNotFoundError, StorageError, StorageUnavailableError
from photoplay.storage.objects import open_store

MIB = 1 << 20
KEY = "user/generated-videos/job.mp4"
TOMORROW = datetime.now(UTC) + timedelta(days=1)

UPLOADER = """
import asyncio, sys
from photoplay.storage.objects import open_store

async def chunks():
    for _ in range(12):
        yield bytes(1 << 20)
    print("halfway", flush=True)
    await asyncio.Event().wait()

async def main():
    with open_store(sys.argv[1]) as store:
        await store.put_stream(chunks(), sys.argv[2], content_type="video/mp4")

asyncio.run(main())
"""


async def whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


def test_killed_upload_leaves_no_object_and_is_swept(tmp_path: Path) -> None:
    uploader = subprocess.Popen(
        [sys.executable, "-c", UPLOADER, tmp_path.as_uri(), KEY],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    with uploader:
        assert uploader.stdout.readline() == b"halfway\n"
        uploader.kill()

    async def look() -> None:
        with open_store(tmp_path.as_uri()) as store:
            with pytest.raises(ObjectNotFoundError):
                await store.head(KEY)
            assert len(list((tmp_path / "tmp").iterdir())) == 1
            assert await store.sweep_temporary(datetime(2020, 1, 1, tzinfo=UTC)) == 0
            assert await store.sweep_temporary(TOMORROW) == 1
            stored = await store.put_stream(whole(b"again"), KEY, content_type="video/mp4")
            assert not stored.adopted

    asyncio.run(look())
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == [KEY]


async def test_bytes_reach_the_disk_before_the_name_and_the_name_before_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path.resolve())
        flushed.append((path.as_posix(), (tmp_path / KEY).exists()))

    monkeypatch.setattr(os, "fsync", watched)
    with open_store(tmp_path.as_uri()) as store:
        await store.put_stream(whole(b"bytes"), KEY, content_type="video/mp4")
        bytes_flushed = [path for path, is_named in flushed if not is_named]
        names_flushed = {path for path, is_named in flushed if is_named}
        assert len(bytes_flushed) == 1
        assert bytes_flushed[0].startswith("tmp/")
        assert {"user/generated-videos", "user", "."} <= names_flushed

        flushed.clear()
        adopted = await store.put_stream(whole(b"bytes"), KEY, content_type="video/mp4")
        assert adopted.adopted
        assert {KEY, "user/generated-videos", "user", "."} <= {path for path, _ in flushed}

        flushed.clear()
        await store.delete([KEY])
        assert "." in {path for path, _ in flushed}


async def test_full_disk_is_unavailable_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(secrets.token_bytes(8 * MIB))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_store((tmp_path / "objects").as_uri()) as store:
        # The system's refusal to write beyond this length stands for a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MIB, hard))
        try:
            with pytest.raises(StorageUnavailableError) as caught:
                await store.put_file(source, KEY, content_type="video/mp4")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.retryable
        assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
        stored = await store.put_file(source, KEY, content_type="video/mp4")
        assert stored.bytes == 8 * MIB


async def test_store_that_is_down_is_unavailable_and_tells_no_secret() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = S3Options(
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id="canary-id",
        secret_access_key="canary-secret",
    )
    assert "canary-secret" not in repr(options)
    with open_store("s3://bucket/prefix", options) as store:
        for act in (
            store.head(KEY),
            store.put_stream(whole(b"bytes"), KEY, content_type="video/mp4"),
            store.check(),
        ):
            with pytest.raises(StorageUnavailableError) as caught:
                await act
            assert isinstance(caught.value, UnavailableError)
            told = f"{caught.value} {caught.value.details}"
            assert "canary" not in told
            assert "127.0.0.1" not in told


async def test_presigned_addresses_use_the_public_name() -> None:
    options = S3Options(
        endpoint="http://store.internal:9000",
        public_endpoint="https://media.example",
        access_key_id="canary-id",
        secret_access_key="canary-secret",
    )
    with open_store("s3://bucket/prefix", options) as store:
        get = await store.presign_get(KEY, timedelta(minutes=5))
        put = await store.presign_put(KEY, timedelta(minutes=5))
    assert get is not None
    assert put is not None
    assert get.startswith(f"https://media.example/bucket/prefix/{KEY}?")
    assert "X-Amz-Expires=300" in get
    assert get != put
    assert "canary-secret" not in get + put


async def test_local_stores_have_no_addresses_of_their_own(tmp_path: Path) -> None:
    for url in (tmp_path.as_uri(), "memory:"):
        with open_store(url) as store:
            assert await store.presign_get(KEY, timedelta(minutes=5)) is None
            assert await store.presign_put(KEY, timedelta(minutes=5)) is None


@pytest.mark.parametrize(
    "url",
    ["", "objects", "/srv/objects", "file://", "file:///", "file://host/x", "s3://", "ftp://x/y"],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        open_store(url)
    assert caught.value.code == "store_url"


def test_a_folder_that_cannot_be_is_refused_with_the_setting_to_change(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    with pytest.raises(StorageError, match="PHOTOPLAY_STORE_URL"):
        open_store(taken.as_uri())
