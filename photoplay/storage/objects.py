"""The object store: bytes under a key, written once, never overwritten.

A put streams to a unique temporary key and is then copied to its final key without overwriting, so
readers see all of an object or nothing, whoever is killed in between. The database row that names
the object is the commit; an object without a row is found by listing.

All calls go through `obstore`'s synchronous functions in threads of our own: its async functions
abort the process when the interpreter ends soon after.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import threading
import uuid
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError

from photoplay.storage.backends import (
    Backend,
    BucketBackend,
    FolderBackend,
    S3Options,
    open_backend,
)
from photoplay.storage.claims import claim_key
from photoplay.storage.durability import flush_file, flush_folders
from photoplay.storage.errors import (
    ChecksumMismatchError,
    ObjectConflictError,
    ObjectNotFoundError,
    StorageUnavailableError,
)
from photoplay.storage.feeding import CountedBlocks, Feed, FeedAbandonedError, file_blocks
from photoplay.storage.keys import TEMPORARY_FOLDER, validate_key

P = ParamSpec("P")
T = TypeVar("T")

# A part is in memory while it is gathered and again while it is on its way; so many transfers at
# once keep a worker within 64 MiB. The next ones wait with their file on the disk.
_TRANSFERS: Final = 4
_READ_BYTES: Final = 512 << 10
_CALLS: Final = 8


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that is stored for good.

    Attributes:
        sha256: of the whole content, lower-case hexadecimal.
        adopted: whether the same bytes were already there.
    """

    key: str
    bytes: int
    sha256: str
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store knows of an object.

    Attributes:
        etag: the store's strong entity tag with its quotes; None where the store has none.
    """

    key: str
    bytes: int
    etag: str | None
    modified_at: datetime


def open_store(url: str, s3: S3Options | None = None) -> ObjectStore:
    """Return the object store at `url`; close it after use.

    Args:
        url: `file:///folder` (made if missing), `memory:` or `s3://bucket/prefix`.
        s3: endpoint and keys, for `s3:` only.

    Raises:
        StorageError: the URL is none of these; correct the setting.
    """
    return ObjectStore(open_backend(url, s3))


class ObjectStore:
    """Bytes under keys, in a folder, a bucket or memory.

    Every method raises `StorageUnavailableError` when the store is down, full or refuses access
    (try again later) and `InvalidKeyError` for a key that cannot be.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        # Long transfers must not keep short calls from their turn.
        self._transfers = ThreadPoolExecutor(_TRANSFERS, "store-transfer")
        self._calls = ThreadPoolExecutor(_CALLS, "store-call")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wait for calls under way and end the threads."""
        self._transfers.shutdown()
        self._calls.shutdown()

    async def put_file(
        self, path: Path, key: str, *, content_type: str, sha256: str | None = None
    ) -> StoredObject:
        """Store the file at `path` under `key`, in constant memory.

        Args:
            path: stays the caller's; must not change meanwhile.
            key: final key of the object.
            content_type: kept where the store keeps types.
            sha256: what the content must hash to, if known.

        Raises:
            ObjectConflictError: other bytes are stored there; raise the alarm.
            ChecksumMismatchError: the file is not what `sha256` says.

        Idempotent: by `key` and content; the same bytes again are adopted.
        """
        validate_key(key)
        stop = threading.Event()
        with await self._call(path.open, "rb") as file:
            blocks = file_blocks(file, stop)
            upload = self._transfer(self._put, blocks, key, content_type, sha256)
            return await _settle(upload, stop.set)

    async def put_stream(
        self,
        chunks: AsyncIterable[bytes],
        key: str,
        *,
        content_type: str,
        sha256: str | None = None,
    ) -> StoredObject:
        """Store what `chunks` yields under `key`, in constant memory.

        An error or a cancellation in the middle leaves nothing under `key`; what `chunks` raises
        is raised unchanged. Otherwise as `put_file`.
        """
        validate_key(key)
        feed = Feed()
        upload = self._transfer(self._put, feed.blocks(), key, content_type, sha256)
        upload.add_done_callback(lambda _: feed.wake())
        try:
            async for chunk in chunks:
                await feed.give(chunk)
                if upload.done():
                    break
        except BaseException:
            feed.abandon()
            await asyncio.wait([upload])
            upload.exception()
            raise
        feed.finish()
        return await _settle(upload, feed.abandon)

    async def head(self, key: str) -> ObjectInfo:
        """Return what the store knows of the object.

        Raises:
            ObjectNotFoundError: nothing is stored there.
        """
        validate_key(key)
        return await self._call(self._head, key)

    async def read_range(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield bytes `start` up to but not including `end`, both within the object.

        Raises:
            ObjectNotFoundError: nothing is stored there, or no longer.
        """
        validate_key(key)
        stream = await self._call(self._open_range, key, start, end)
        while chunk := await self._call(_next_chunk, stream):
            yield chunk

    async def get_file(self, key: str, path: Path, *, sha256: str | None = None) -> StoredObject:
        """Write the object to the new file `path`, in constant memory.

        Raises:
            ObjectNotFoundError: nothing is stored there.
            ChecksumMismatchError: the bytes are not what `sha256` says; no file is left.
        """
        validate_key(key)
        stop = threading.Event()
        return await _settle(self._transfer(self._get, key, path, sha256, stop), stop.set)

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove the objects, for good; keys that name nothing are no error."""
        await self._call(self._delete, [validate_key(key) for key in keys])

    async def list_objects(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Yield the objects whose key begins with the segments of `prefix`, in any order."""
        batches = await self._call(self._list, prefix)
        while batch := await self._call(_next_batch, batches):
            for info in batch:
                if not info.key.startswith(f"{TEMPORARY_FOLDER}/"):
                    yield info

    async def sweep_temporary(self, before: datetime) -> int:
        """Remove what broken uploads left behind before that instant; return how many.

        Choose an instant further back than any upload lasts. Parts of unfinished multipart uploads
        in a bucket are invisible here: give the bucket a lifecycle rule for them.
        """
        return await self._call(self._sweep, before)

    async def presign_get(self, key: str, ttl: timedelta) -> str | None:
        """Return a URL that reads the object without any identity for `ttl`.

        None where the store has no addresses of its own: then sign one with `signing.sign_media`.
        """
        validate_key(key)
        return await self._call(self._backend.presign, "GET", key, ttl)

    async def presign_put(self, key: str, ttl: timedelta) -> str | None:
        """Return a URL that writes the object once or more for `ttl`; None as in `presign_get`.

        The store takes any bytes there: check them before use, and choose a key nobody else uses.
        """
        validate_key(key)
        return await self._call(self._backend.presign, "PUT", key, ttl)

    async def check(self) -> None:
        """Write, read and remove a probe; returning means that the store works."""
        await self._call(self._probe)

    # What follows runs in threads.

    def _put(
        self, blocks: Iterator[bytes], key: str, content_type: str, sha256: str | None
    ) -> StoredObject:
        temporary = f"{TEMPORARY_FOLDER}/{uuid.uuid4().hex}"
        counted = CountedBlocks(blocks)
        try:
            with _translated():
                self._upload(counted, temporary, content_type)
        except BaseException:
            # The source's own error is the caller's, even where it looks like one of the store's.
            if counted.failure is not None:
                raise counted.failure from None
            raise
        try:
            found = counted.digest.hexdigest()
            if sha256 is not None and found != sha256:
                raise ChecksumMismatchError("the content does not have the checksum it should")
            stored = StoredObject(key, counted.count, found)
            with _translated():
                return self._publish(temporary, stored, content_type)
        finally:
            # What cannot be removed now is swept later; the outcome stands.
            with contextlib.suppress(StorageUnavailableError):
                self._delete([temporary])

    def _upload(self, blocks: CountedBlocks, temporary: str, content_type: str) -> None:
        store = self._backend.store_for(content_type)
        attributes = self._backend.attributes(content_type)
        part_bytes = self._backend.part_bytes
        first: deque[bytes] = deque()
        for block in blocks:
            first.append(block)
            if blocks.count > part_bytes:
                obstore.put(
                    store,
                    temporary,
                    itertools.chain(_drained(first), blocks),
                    attributes=attributes,
                    chunk_size=part_bytes,
                    max_concurrency=1,
                )
                return
        obstore.put(store, temporary, b"".join(first), attributes=attributes)

    def _publish(self, temporary: str, stored: StoredObject, content_type: str) -> StoredObject:
        folder = self._backend.root if isinstance(self._backend, FolderBackend) else None
        if folder is not None:
            # Before the link: a power cut must not leave the final name with missing bytes.
            flush_file(folder / temporary)
        try:
            self._copy_once(temporary, stored, content_type)
        except AlreadyExistsError:
            stored = self._adopt(stored)
        if folder is not None:
            flush_folders(folder / stored.key, folder)
        if self._head(stored.key).bytes != stored.bytes:
            raise ChecksumMismatchError("the stored object does not have the length it should")
        return stored

    def _copy_once(self, temporary: str, stored: StoredObject, content_type: str) -> None:
        store = self._backend.store_for(content_type)
        if not isinstance(self._backend, BucketBackend):
            obstore.copy(store, temporary, stored.key, overwrite=False)
            return
        with claim_key(self._backend.store, stored.key, temporary, stored.sha256):
            with contextlib.suppress(ObjectNotFoundError):
                self._head(stored.key)
                raise AlreadyExistsError
            overwrite = self._backend.options.create_only == "none"
            obstore.copy(store, temporary, stored.key, overwrite=overwrite)

    def _adopt(self, stored: StoredObject) -> StoredObject:
        digest = hashlib.sha256()
        try:
            if self._head(stored.key).bytes != stored.bytes:
                raise ObjectConflictError(details={"key": stored.key})
            for chunk in self._open_range(stored.key, 0, stored.bytes):
                digest.update(chunk)
        except (FileNotFoundError, ObjectNotFoundError) as error:
            raise StorageUnavailableError("the object was removed meanwhile") from error
        if digest.hexdigest() != stored.sha256:
            raise ObjectConflictError(details={"key": stored.key})
        if isinstance(self._backend, FolderBackend):
            # Its first writer may have been killed before it came to that.
            flush_file(self._backend.root / stored.key)
        return StoredObject(stored.key, stored.bytes, stored.sha256, adopted=True)

    def _head(self, key: str) -> ObjectInfo:
        with _translated():
            meta = obstore.head(self._backend.store, key)
        return ObjectInfo(key, meta["size"], meta["e_tag"], meta["last_modified"])

    def _open_range(self, key: str, start: int, end: int) -> Iterator[bytes]:
        store = self._backend.store
        if end <= start:
            return iter(())
        if isinstance(self._backend, BucketBackend):
            with _translated():
                return iter(
                    obstore.get(store, key, options={"range": (start, end)}).stream(_READ_BYTES)
                )
        # From a folder, obstore's stream comes in pieces of 8 KiB, at eight times the cost.
        return (
            bytes(obstore.get_range(store, key, start=at, end=min(at + _READ_BYTES, end)))
            for at in range(start, end, _READ_BYTES)
        )

    def _get(self, key: str, path: Path, sha256: str | None, stop: threading.Event) -> StoredObject:
        digest, count = hashlib.sha256(), 0
        with _translated():
            stream = self._open_range(key, 0, self._head(key).bytes)
            file = path.open("xb")
            try:
                with file:
                    for chunk in stream:
                        if stop.is_set():
                            raise FeedAbandonedError
                        digest.update(chunk)
                        file.write(chunk)
                        count += len(chunk)
                if sha256 is not None and digest.hexdigest() != sha256:
                    raise ChecksumMismatchError("the object does not have the checksum it should")
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return StoredObject(key, count, digest.hexdigest())

    def _delete(self, keys: Sequence[str]) -> None:
        with _translated():
            if not isinstance(self._backend, FolderBackend):
                if keys:
                    obstore.delete(self._backend.store, keys)
                return
            for key in keys:
                with contextlib.suppress(FileNotFoundError):
                    obstore.delete(self._backend.store, key)
                flush_folders(self._backend.root / key, self._backend.root)

    def _list(self, prefix: str) -> Iterator[Sequence[ObjectInfo]]:
        batches = obstore.list(self._backend.store, prefix or None)  # pyright: ignore[reportUnknownMemberType]
        return (
            [ObjectInfo(o["path"], o["size"], o["e_tag"], o["last_modified"]) for o in batch]
            for batch in batches
        )

    def _sweep(self, before: datetime) -> int:
        with _translated():
            batches = self._list(TEMPORARY_FOLDER)
            old = [info.key for batch in batches for info in batch if info.modified_at < before]
        self._delete(old)
        if not isinstance(self._backend, FolderBackend):
            return len(old)
        # A killed upload to a folder leaves a file that obstore itself does not list.
        count = len(old)
        for path in self._backend.root.glob(f"{TEMPORARY_FOLDER}/*#*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    count += 1
        return count

    def _probe(self) -> None:
        key = f"{TEMPORARY_FOLDER}/{uuid.uuid4().hex}"
        with _translated():
            attributes = self._backend.attributes("text/plain")
            obstore.put(self._backend.store, key, key.encode(), attributes=attributes)
            same = bytes(obstore.get(self._backend.store, key).bytes()) == key.encode()
        self._delete([key])
        if not same:
            raise StorageUnavailableError("the store gives back other bytes than it was given")

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._calls, lambda: function(*args, **kwargs))

    def _transfer(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._transfers, lambda: function(*args, **kwargs))


def _drained(blocks: deque[bytes]) -> Iterator[bytes]:
    """Yield the blocks and hold none of them any longer."""
    while blocks:
        yield blocks.popleft()


def _next_chunk(stream: Iterator[bytes]) -> bytes:
    with _translated():
        return next(stream, b"")


def _next_batch(batches: Iterator[Sequence[ObjectInfo]]) -> Sequence[ObjectInfo]:
    with _translated():
        return next(batches, ())


async def _settle(transfer: asyncio.Future[T], stop: Callable[[], object]) -> T:
    """Await the thread's result; when cancelled, stop the thread and wait for its clean-up."""
    try:
        return await asyncio.shield(transfer)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([transfer])
        transfer.exception()
        raise


@contextlib.contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFoundError from error
    except (BaseError, OSError, NotImplementedError) as error:
        raise StorageUnavailableError(details={"reason": type(error).__name__}) from error
