"""What only a Supabase store does: two buckets, addresses of the service, uploads that go on."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from datetime import timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from photoplay.storage import resumable, supabase_calls
from photoplay.storage.errors import InvalidKeyError, StorageError, StorageUnavailableError
from photoplay.storage.objects import ObjectStore, open_store
from photoplay.storage.supabase_calls import SupabaseOptions, storage_address
from tests.contract.test_object_store import put, read
from tests.support.supabase_storage import CHUNK, StorageServer, serving

USER = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
VIDEO = f"{USER}/generated-videos/16fd2706-8baf-433b-82eb-8c7fada847da.mp4"
PICTURE = f"{USER}/source-images/886313e1-3b8a-5372-9b90-0c9aee199e5d.jpg"
TTL = timedelta(minutes=5)


@pytest.fixture
def server(monkeypatch) -> Iterator[StorageServer]:
    monkeypatch.setattr(supabase_calls, "_PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(resumable, "_PAUSES_S", (0.0, 0.0))
    with serving(StorageServer()) as opened:
        yield opened


@pytest.fixture
def store(server) -> Iterator[ObjectStore]:
    with open_store(server.url, supabase=SupabaseOptions(server.key)) as opened:
        yield opened


async def picture(store: ObjectStore, key: str = PICTURE) -> None:
    async def body():
        yield b"picture"

    await store.put_stream(body(), key, content_type="image/jpeg")


async def test_pictures_and_videos_lie_in_their_buckets_under_their_whole_keys(store, server):
    await picture(store)
    await put(store, VIDEO, b"video")
    assert set(server.objects) == {("source-images", PICTURE), ("generated-videos", VIDEO)}
    assert {i.key async for i in store.list_objects(USER)} == {PICTURE, VIDEO}
    await store.delete([PICTURE, VIDEO])
    assert server.objects == {}


async def test_nothing_is_ever_put_over_an_object(store, server):
    await put(store, VIDEO, b"video")
    await put(store, VIDEO, b"video")
    assert f"POST /object/generated-videos/{VIDEO}" not in server.asked
    assert server.asked.count("POST /object/move") == 2


async def test_a_name_that_the_service_would_not_keep_is_refused_before_anything_is_sent(
    store, server
):
    with pytest.raises(InvalidKeyError):
        await store.head(f"{USER}/generated-videos/späte Blüte.mp4")
    assert server.asked == []


async def test_a_long_list_is_read_to_its_end(store):
    keys = {f"{USER}/generated-videos/{n}.mp4" for n in range(8)}
    for key in keys:
        await put(store, key, b"video")
    assert {i.key async for i in store.list_objects()} == keys


async def test_an_address_reads_the_object_in_parts_and_nothing_else(store):
    await put(store, VIDEO, b"0123456789")
    address = await store.presign_get(VIDEO, TTL)
    assert address is not None
    with await asyncio.to_thread(urlopen, Request(address, headers={"Range": "bytes=2-4"})) as got:
        assert (got.status, got.read()) == (206, b"234")
    other = address.replace(VIDEO, VIDEO.replace(".mp4", ".mov"))
    with pytest.raises(HTTPError):
        await asyncio.to_thread(urlopen, other)


async def test_an_address_takes_a_picture_once(store, server):
    address = await store.presign_put(PICTURE, TTL)
    assert address is not None
    sent = Request(address, b"picture", {"Content-Type": "image/jpeg"}, method="PUT")
    with await asyncio.to_thread(urlopen, sent) as got:
        assert got.status == 200
    assert server.objects["source-images", PICTURE].body == b"picture"
    with pytest.raises(HTTPError):
        await asyncio.to_thread(urlopen, sent)


async def test_without_an_address_ours_is_used(store, server):
    assert await store.presign_get(VIDEO, TTL) is None
    await put(store, VIDEO, b"video")
    server.refusals = [503, 503, 503]
    assert await store.presign_get(VIDEO, TTL) is None


@pytest.mark.parametrize(
    "cuts",
    [[1 << 20], [0], [CHUNK], [None, 5 << 20, 1 << 20], [None, None, CHUNK]],
    ids=["a part was taken", "nothing was taken", "the answer was lost", "twice", "at the end"],
)
async def test_a_long_upload_goes_on_where_it_broke(store, server, cuts):
    data = secrets.token_bytes(2 * CHUNK + 12345)
    server.cuts = list(cuts)
    stored = await put(store, VIDEO, data)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert server.objects["generated-videos", VIDEO].body == data
    begun = [asked for asked in server.asked if asked == "POST /upload/resumable"]
    assert len(begun) == 1


async def test_an_upload_that_never_gets_on_fails_and_leaves_nothing(store, server):
    server.cuts = [0] * 10
    with pytest.raises(StorageUnavailableError):
        await put(store, VIDEO, secrets.token_bytes(CHUNK + 1))
    assert server.objects == {}


async def test_a_refusal_that_passes_is_not_felt(store, server):
    server.refusals = [503, 429]
    await put(store, VIDEO, b"video")
    assert await read(store, VIDEO, 0, 5) == b"video"


@pytest.mark.parametrize("lost", ["POST /object/generated-videos", "POST /object/move"])
async def test_an_answer_that_was_lost_makes_no_second_object(store, server, lost, monkeypatch):
    once = supabase_calls.Calls.send_once
    losses = [lost]

    def losing(self, method, path, headers, body=None):
        answer = once(self, method, path, headers, body)
        if losses and f"{method} {path}".startswith(losses[0]):
            losses.clear()
            raise ConnectionResetError
        return answer

    monkeypatch.setattr(supabase_calls.Calls, "send_once", losing)
    stored = await put(store, VIDEO, b"video")
    assert (stored.bytes, losses) == (5, [])
    assert set(server.objects) == {("generated-videos", VIDEO)}


async def test_what_an_operator_must_correct_is_said_and_no_key_with_it(server):
    with (
        open_store(server.url, supabase=SupabaseOptions("not the key")) as store,
        pytest.raises(StorageUnavailableError, match="SUPABASE_SERVICE_KEY") as refused,
    ):
        await store.check()
    assert "not the key" not in str(refused.value) + repr(refused.value.__cause__)
    assert "not the key" not in repr(SupabaseOptions("not the key"))


def test_addresses_of_projects_and_of_ones_own_installations():
    assert storage_address("supabase://abcdefghijklmnopqrst") == (
        "https://abcdefghijklmnopqrst.supabase.co/storage/v1"
    )
    assert storage_address("supabase://clips.example") == "https://clips.example/storage/v1"
    assert storage_address("supabase+http://kong:8000") == "http://kong:8000/storage/v1"
    for wrong in (
        "supabase://", "supabase://a/b", "supabase://key@host", "supabase://host:x", "supabase+http:",
    ):  # fmt: skip
        with pytest.raises(StorageError, match="supabase://PROJECT"):
            storage_address(wrong)
    with pytest.raises(StorageError, match="PHOTOPLAY_SUPABASE_SERVICE_KEY"):
        open_store("supabase://abcdefghijklmnopqrst")
