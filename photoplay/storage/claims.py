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
from obstore.store import S3Store

from photoplay.storage.errors import StorageUnavailableError
from photoplay.storage.keys import TEMPORARY_FOLDER

# Longer than a copy within a bucket takes; afterwards its writer is taken for dead.
_STALE: Final = timedelta(minutes=10)
_PATIENCE_S: Final = 5.0
_PAUSE_S: Final = 0.05


@contextlib.contextmanager
def claim_key(store: S3Store, key: str, temporary: str, sha256: str) -> Generator[None]:
    """Keep other writers from `key` while the block runs.

    The block must look whether the object exists, for another writer may have just made it. A
    writer that was killed is followed at once by one with the same bytes, and after ten minutes by
    one with other bytes.

    Args:
        store: the bucket.
        key: final key of the object.
        temporary: key of our own uploaded bytes; the service's clock is read from it.
        sha256: of our bytes.

    Raises:
        StorageUnavailableError: somebody else is writing other bytes there; try again.
    """
    claim = f"{TEMPORARY_FOLDER}/claims/{hashlib.sha256(key.encode()).hexdigest()}"
    is_ours = _take(store, claim, key, temporary, sha256)
    try:
        yield
    finally:
        if is_ours:
            # One that cannot be removed stops nobody: the object is there, or soon stale.
            with contextlib.suppress(BaseError, OSError):
                obstore.delete(store, claim)


def _take(store: S3Store, claim: str, key: str, temporary: str, sha256: str) -> bool:
    patience_ends = time.monotonic() + _PATIENCE_S
    while True:
        with contextlib.suppress(AlreadyExistsError):
            obstore.put(store, claim, sha256.encode(), mode="create")
            return True
        with contextlib.suppress(FileNotFoundError):
            obstore.head(store, key)
            return False
        if time.monotonic() < patience_ends:
            time.sleep(_PAUSE_S)
            continue
        with contextlib.suppress(FileNotFoundError):
            held = obstore.get(store, claim)
            if bytes(held.bytes()) == sha256.encode():
                return False
            if (
                held.meta["last_modified"]
                > obstore.head(store, temporary)["last_modified"] - _STALE
            ):
                raise StorageUnavailableError("another upload under this key is under way")
            obstore.delete(store, claim)
