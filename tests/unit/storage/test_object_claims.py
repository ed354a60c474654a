"""In a bucket, one writer at a time gives a key its bytes, and a dead one blocks nobody for good."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import obstore
import pytest
from obstore.store import MemoryStore

from photoplay.storage.claims import claim_key
from photoplay.storage.errors import StorageUnavailableError

KEY, TEMPORARY = "user/clip.mp4", "tmp/upload"
CLAIM = f"tmp/claims/{hashlib.sha256(KEY.encode()).hexdigest()}"


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    obstore.put(store, TEMPORARY, b"ours")
    return store


def claims(store: MemoryStore) -> list[str]:
    return [found["path"] for batch in obstore.list(store, "tmp/claims") for found in batch]


def test_claim_is_held_and_given_back(store: MemoryStore) -> None:
    with claim_key(store, KEY, TEMPORARY, "ours"):
        assert claims(store) == [CLAIM]
    assert claims(store) == []


def test_claim_is_given_back_after_an_error(store: MemoryStore) -> None:
    with pytest.raises(RuntimeError), claim_key(store, KEY, TEMPORARY, "ours"):
        raise RuntimeError
    assert claims(store) == []


def test_other_bytes_wait_for_a_living_writer(store: MemoryStore) -> None:
    obstore.put(store, CLAIM, b"theirs")
    with (
        pytest.raises(StorageUnavailableError),
        claim_key(store, KEY, TEMPORARY, "ours", patience_s=0),
    ):
        pytest.fail("two writers at once")
    assert claims(store) == [CLAIM]


def test_finished_writer_lets_others_look(store: MemoryStore) -> None:
    obstore.put(store, CLAIM, b"theirs")
    obstore.put(store, KEY, b"their bytes")
    with claim_key(store, KEY, TEMPORARY, "ours"):
        pass
    assert claims(store) == [CLAIM]


def test_same_bytes_follow_a_killed_writer(store: MemoryStore) -> None:
    obstore.put(store, CLAIM, b"ours")
    with claim_key(store, KEY, TEMPORARY, "ours", patience_s=0):
        pass
    assert claims(store) == []


def test_other_bytes_follow_a_writer_that_died_long_ago(store: MemoryStore) -> None:
    obstore.put(store, CLAIM, b"theirs")
    with claim_key(store, KEY, TEMPORARY, "ours", patience_s=0, stale_after=timedelta(days=-1)):
        assert bytes(obstore.get(store, CLAIM).bytes()) == b"ours"
    assert claims(store) == []
