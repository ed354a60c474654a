"""The object stores that `obstore` speaks to: a folder, memory, a bucket by S3."""

from __future__ import annotations

import contextlib
import itertools
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError

from photoplay.storage.backends import Backend, BucketBackend, FolderBackend
from photoplay.storage.claims import claim_key
from photoplay.storage.durability import flush_file, flush_folders
from photoplay.storage.errors import ObjectNotFoundError, StorageUnavailableError
from photoplay.storage.feeding import CountedBlocks
from photoplay.storage.keys import TEMPORARY_FOLDER
from photoplay.storage.objects import ObjectInfo, ObjectStore, StoredObject, translated

_READ_BYTES: Final = 512 << 10


class ObstoreStore(ObjectStore):
    """The object store on one of obstore's backends."""

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend

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

    def _head(self, key: str) -> ObjectInfo:
        with translated():
            meta = obstore.head(self._backend.store, key)
        return ObjectInfo(key, meta["size"], meta["e_tag"], meta["last_modified"])

    def _open_range(self, key: str, start: int, end: int) -> Iterator[bytes]:
        store = self._backend.store
        if end <= start:
            return iter(())
        if isinstance(self._backend, BucketBackend):
            with translated():
                return iter(
                    obstore.get(store, key, options={"range": (start, end)}).stream(_READ_BYTES)
                )
        # From a folder, obstore's stream comes in pieces of 8 KiB, at eight times the cost.
        return (
            bytes(obstore.get_range(store, key, start=at, end=min(at + _READ_BYTES, end)))
            for at in range(start, end, _READ_BYTES)
        )

    def _delete(self, keys: Sequence[str]) -> None:
        with translated():
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
        count = super()._sweep(before)
        if not isinstance(self._backend, FolderBackend):
            return count
        # A killed upload to a folder leaves a file that obstore itself does not list.
        for path in self._backend.root.glob(f"{TEMPORARY_FOLDER}/*#*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    count += 1
        return count

    def _probe(self) -> None:
        key = f"{TEMPORARY_FOLDER}/{uuid.uuid4().hex}"
        with translated():
            attributes = self._backend.attributes("text/plain")
            obstore.put(self._backend.store, key, key.encode(), attributes=attributes)
            same = bytes(obstore.get(self._backend.store, key).bytes()) == key.encode()
        self._delete([key])
        if not same:
            raise StorageUnavailableError("the store gives back other bytes than it was given")

    def _presign(self, method: str, key: str, ttl: timedelta) -> str | None:
        return self._backend.presign(method, key, ttl)

    def _make_durable(self, key: str, *, with_folders: bool = False) -> None:
        if not isinstance(self._backend, FolderBackend):
            return
        if with_folders:
            flush_folders(self._backend.root / key, self._backend.root)
        else:
            flush_file(self._backend.root / key)


def _drained(blocks: deque[bytes]) -> Iterator[bytes]:
    """Yield the blocks and hold none of them any longer."""
    while blocks:
        yield blocks.popleft()
