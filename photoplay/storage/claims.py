"""Letting one writer at a time give a key of a bucket its bytes.

S3's copy without overwriting is a conditional end of a multipart upload, and not every service that
speaks S3 makes that atomic: SeaweedFS 4.48 let most of eight racers win, each overwriting the one
before. A small conditional PUT is atomic there and at Amazon, so it guards the copy.
Measured with obstore 0.12.1 on 2026-11-22; `tests/contract` repeats the race.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Generator
from datetime import timedelta
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import MemoryStore, S3Store

from photoplay.storage.errors import StorageUnavailableError
from photoplay.storage.keys import TEMPORARY_FOLDER

_PAUSE_S: Final = 0.05


@contextlib.contextmanager
def claim_key(
    store: S3Store | MemoryStore,
    key: str,
    temporary: str,
    sha256: str,
    *,
    patience_s: float = 5.0,
    stale_after: timedelta = timedelta(minutes=10),
) -> Generator[None]:
    """Keep other writers from `key` while the block runs.

    The block must look whether the object exists, for another writer may have just made it.

    Args:
        store: the bucket, or what stands for it.
        key: final key of the object.
        temporary: key of our own uploaded bytes; the service's clock is read from it.
        sha256: of our bytes.
        patience_s: how long to wait for another writer's object; after that, a writer of the same
            bytes is followed.
        stale_after: longer than any copy within the bucket takes; after that, a writer of other
            bytes is taken for dead.

    Raises:
        StorageUnavailableError: somebody else is writing other bytes there; try again.
    """
    claim = f"{TEMPORARY_FOLDER}/claims/{hashlib.sha256(key.encode()).hexdigest()}"
    patience_ends = time.monotonic() + patience_s
    while True:
        taken = _try_take(store, claim, key, sha256)
        if taken is not None:
            break
        if time.monotonic() < patience_ends:
            time.sleep(_PAUSE_S)
        elif _may_follow(store, claim, temporary, sha256, stale_after):
            taken = True
            break
    try:
        yield
    finally:
        if taken:
            # One that cannot be removed stops nobody: the object is there, or soon stale.
            with contextlib.suppress(BaseError, OSError):
                obstore.delete(store, claim)


def _try_take(store: S3Store | MemoryStore, claim: str, key: str, sha256: str) -> bool | None:
    """Return whether the claim is ours; None while another writer is at work."""
    with contextlib.suppress(AlreadyExistsError):
        obstore.put(store, claim, sha256.encode(), mode="create")
        return True
    with contextlib.suppress(FileNotFoundError):
        obstore.head(store, key)
        return False
    return None


def _may_follow(
    store: S3Store | MemoryStore, claim: str, temporary: str, sha256: str, stale_after: timedelta
) -> bool:
    """Return whether to go on beside a claim that is not ours; False: try to take it again."""
    with contextlib.suppress(FileNotFoundError):
        held = obstore.get(store, claim)
        if bytes(held.bytes()) == sha256.encode():
            return True
        now = obstore.head(store, temporary)["last_modified"]
        if now - held.meta["last_modified"] < stale_after:
            raise StorageUnavailableError("another upload under this key is under way")
        obstore.delete(store, claim)
    return False
