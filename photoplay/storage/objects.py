"""The object store: bytes under a key, written once, never overwritten.

A put streams to a unique temporary key and is then copied to its final key without overwriting, so
readers see all of an object or nothing, whoever is killed in between. The database row that names
the object is the commit; an object without a row is found by listing.

All calls block, in threads of our own: `obstore`'s async functions abort the process when the
interpreter ends soon after.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
import uuid
from abc import ABC, abstractmethod
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

from obstore.exceptions import AlreadyExistsError, BaseError

from photoplay.storage.backends import S3Options, open_backend
from photoplay.storage.errors import (
    ChecksumMismatchError,
    ObjectConflictError,
    ObjectNotFoundError,
    StorageUnavailableError,
)
from photoplay.storage.feeding import CountedBlocks, Feed, FeedAbandonedError, file_blocks
from photoplay.storage.keys import TEMPORARY_FOLDER, validate_key
from photoplay.storage.supabase_calls import SupabaseOptions

P = ParamSpec("P")
T = TypeVar("T")

# A part is in memory while it is gathered and again while it is on its way; so many transfers at
# once keep a worker within 64 MiB. The next ones wait with their file on the disk.
_TRANSFERS: Final = 4
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


def open_store(
    url: str, s3: S3Options | None = None, supabase: SupabaseOptions | None = None
) -> ObjectStore:
    """Return the object store at `url`; close it after use.

    Args:
        url: `file:///folder` (made if missing), `memory:`, `s3://bucket/prefix` or
            `supabase://PROJECT`.
        s3: endpoint and keys, for `s3:` only.
        supabase: the project's key, for `supabase:` only.

    Raises:
        StorageError: the URL is none of these; correct the setting.
    """
    # Only now, for they build on what is here.
    from photoplay.storage.obstore_store import ObstoreStore
    from photoplay.storage.supabase import SupabaseStore

    if url.startswith("supabase"):
        return SupabaseStore(url, supabase)
    return ObstoreStore(open_backend(url, s3))


class ObjectStore(ABC):
    """Bytes under keys, wherever they are kept.

    Every method raises `StorageUnavailableError` when the store is down, full or refuses access
    (try again later) and `InvalidKeyError` for a key that cannot be.
    """

    def __init__(self) -> None:
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
        upload = self._transfer(self._put, file_blocks(path, stop), key, content_type, sha256)
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
        return await self._call(self._presign, "GET", key, ttl)

    async def presign_put(self, key: str, ttl: timedelta) -> str | None:
        """Return a URL that writes the object once or more for `ttl`; None as in `presign_get`.

        The store takes any bytes there: check them before use, and choose a key nobody else uses.
        """
        validate_key(key)
        return await self._call(self._presign, "PUT", key, ttl)

    async def check(self) -> None:
        """Write, read and remove a probe; returning means that the store works."""
        await self._call(self._probe)

    # What follows runs in threads; the abstract steps are what kinds of store differ in. They may raise
    # `FileNotFoundError`, `OSError` and what obstore raises: `translated` makes our errors of them.

    def _temporary(self, key: str) -> str:
        """Return a name that nobody else uses, for bytes that will be published under `key`."""
        return f"{TEMPORARY_FOLDER}/{uuid.uuid4().hex}"

    @abstractmethod
    def _upload(self, blocks: CountedBlocks, temporary: str, content_type: str) -> None:
        """Store all blocks under a temporary name."""

    @abstractmethod
    def _copy_once(self, temporary: str, stored: StoredObject, content_type: str) -> None:
        """Give uploaded bytes their key without overwriting; `AlreadyExistsError` when it is taken."""

    @abstractmethod
    def _head(self, key: str) -> ObjectInfo:
        """Return what the store knows of the object."""

    @abstractmethod
    def _open_range(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to but not including `end`."""

    @abstractmethod
    def _delete(self, keys: Sequence[str]) -> None:
        """Remove what is there of these."""

    @abstractmethod
    def _list(self, prefix: str) -> Iterator[Sequence[ObjectInfo]]:
        """Yield everything whose key begins with the segments of `prefix`, uploads included."""

    @abstractmethod
    def _presign(self, method: str, key: str, ttl: timedelta) -> str | None:
        """Return an address that does `method` on `key`, or None where the store has none."""

    @abstractmethod
    def _probe(self) -> None:
        """Write, read and remove something."""

    @abstractmethod
    def _make_durable(self, key: str, *, with_folders: bool = False) -> None:
        """Make sure that a power cut takes neither the bytes nor, with folders, their name."""

    def _put(
        self, blocks: Iterator[bytes], key: str, content_type: str, sha256: str | None
    ) -> StoredObject:
        temporary = self._temporary(key)
        counted = CountedBlocks(blocks)
        try:
            with translated():
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
            with translated():
                return self._publish(temporary, stored, content_type)
        finally:
            # What cannot be removed now is swept later; the outcome stands.
            with contextlib.suppress(StorageUnavailableError):
                self._delete([temporary])

    def _publish(self, temporary: str, stored: StoredObject, content_type: str) -> StoredObject:
        # Before the name exists: a power cut must not leave it with missing bytes.
        self._make_durable(temporary)
        try:
            self._copy_once(temporary, stored, content_type)
        except AlreadyExistsError:
            stored = self._adopt(stored)
        self._make_durable(stored.key, with_folders=True)
        if self._head(stored.key).bytes != stored.bytes:
            raise ChecksumMismatchError("the stored object does not have the length it should")
        return stored

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
        # Its first writer may have been killed before it came to that.
        self._make_durable(stored.key)
        return StoredObject(stored.key, stored.bytes, stored.sha256, adopted=True)

    def _get(self, key: str, path: Path, sha256: str | None, stop: threading.Event) -> StoredObject:
        digest, count = hashlib.sha256(), 0
        with translated():
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

    def _sweep(self, before: datetime) -> int:
        with translated():
            batches = self._list(TEMPORARY_FOLDER)
            old = [info.key for batch in batches for info in batch if info.modified_at < before]
        self._delete(old)
        return len(old)

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._calls, lambda: function(*args, **kwargs))

    def _transfer(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._transfers, lambda: function(*args, **kwargs))


def _next_chunk(stream: Iterator[bytes]) -> bytes:
    with translated():
        return next(stream, b"")


def _next_batch(batches: Iterator[Sequence[ObjectInfo]]) -> Sequence[ObjectInfo]:
    with translated():
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
def translated() -> Generator[None]:
    """Turn what a store's calls raise into our errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFoundError from error
    except (BaseError, OSError, NotImplementedError) as error:
        raise StorageUnavailableError(details={"reason": type(error).__name__}) from error
