"""What is sent to fal: exact requests, one model after another, and callbacks by its signature."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from photoplay.domain.http import HttpResponse
from photoplay.domain.outcomes import Forged, Found, Hint, Succeeded, Undecided
from photoplay.providers.fal import FAL_MODELS, Fal, FalAccount
from photoplay.providers.protocol import Lost, More, PictureFile, Task
from tests.unit.providers.exchanges import (
    CALLBACK,
    HANDLE,
    NOW,
    PICTURE,
    PROVIDERS,
    VECTORS,
    order,
    reply,
    sent,
)

FAL = PROVIDERS["fal"]
VECTOR = json.loads((VECTORS / "fal_callback.json").read_text("utf-8"))
SIGNED_AT = datetime.fromtimestamp(VECTOR["timestamp"], UTC)
KEYS = FAL.read_callback_keys(
    reply(200, {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": VECTOR["jwk_x"]}]})
)


def signed_headers(**changes: str) -> dict[str, str]:
    values = {
        "Request-Id": VECTOR["request_id"],
        "User-Id": VECTOR["user_id"],
        "Timestamp": str(VECTOR["timestamp"]),
        "Signature": VECTOR["signature"],
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return {f"X-Fal-Webhook-{name}": value for name, value in values.items()}


def test_submission_is_the_models_input_and_nothing_else():
    request = FAL.submit(order(FAL, "fal-pika", asked={"duration_s": 10, "seed": 7}), NOW)
    assert request.method == "POST"
    assert request.url == "https://queue.fal.run/fal-ai/pika/v2.2/image-to-video"
    assert request.headers == {
        "Content-Type": "application/json",
        "Authorization": "Key id-1:not-a-key",
        "X-Fal-Request-Timeout": "900",
    }
    assert sent(request) == {
        "prompt": "leaves drift",
        "image_url": PICTURE,
        "duration": 10,
        "resolution": "720p",
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        (
            "fal-kling",
            {"duration_s": 7, "resolution": "1080p"},
            {"start_image_url": PICTURE, "duration": "7", "generate_audio": False},
        ),
        ("fal-hailuo", {}, {"image_url": PICTURE, "duration": "6"}),
        (
            "fal-wan",
            {"resolution": "480p", "seed": 3, "aspect_ratio": "1:1"},
            {"image_url": PICTURE, "duration": "5", "resolution": "480p", "seed": 3},
        ),
        (
            "fal-veo",
            {"aspect_ratio": "9:16"},
            {
                "image_url": PICTURE,
                "duration": "4s",
                "resolution": "720p",
                "aspect_ratio": "9:16",
                "generate_audio": False,
            },
        ),
        (
            "fal-ltx",
            {"seed": 5},
            {
                "image_url": PICTURE,
                "duration": 6,
                "resolution": "1080p",
                "aspect_ratio": "auto",
                "fps": 24,
                "generate_audio": False,
            },
        ),
        (
            "fal-seedance",
            {"duration_s": 15, "aspect_ratio": "3:4"},
            {
                "image_url": PICTURE,
                "duration": "15",
                "resolution": "720p",
                "aspect_ratio": "3:4",
                "generate_audio": False,
            },
        ),
    ],
)
def test_each_model_is_asked_in_its_own_words(name, asked, expected):
    request = FAL.submit(order(FAL, name, asked=asked), NOW)
    assert request.url == f"https://queue.fal.run/{FAL_MODELS[name].capability.model}"
    assert sent(request) == {"prompt": "leaves drift", **expected}


def test_callback_address_travels_whole_in_the_query():
    request = FAL.submit(order(FAL, "fal-pika", callback_url=CALLBACK), NOW)
    assert parse_qs(urlsplit(request.url).query) == {"fal_webhook": [CALLBACK]}


def test_start_deadline_is_part_of_how_long_a_lost_submission_is_looked_for():
    fal = Fal(FalAccount("id:key", start_within=timedelta(minutes=5)))
    request = fal.submit(order(fal, "fal-pika"), NOW)
    assert request.headers["X-Fal-Request-Timeout"] == "300"
    assert fal.limits.recovery_window == timedelta(minutes=65)


def test_base_addresses_may_end_with_a_slash():
    fal = Fal(
        FalAccount("id:key", "http://127.0.0.1:1/", "http://127.0.0.1:2/", "http://[::1]:3/v1/")
    )
    task = Task("t-1", "fal-ai/pika/v2.2/image-to-video")
    assert fal.poll(task, NOW).url == "http://127.0.0.1:1/fal-ai/pika/requests/t-1/status"
    keys = fal.callback_keys()
    assert keys is not None
    assert keys.url == "http://127.0.0.1:2/.well-known/jwks.json"
    assert keys.headers == {}
    (search,) = fal.resolve(Lost(HANDLE, task.model, NOW), NOW)
    assert search.url.startswith("http://[::1]:3/v1/models/requests/by-endpoint?")


def test_task_is_followed_and_stopped_under_owner_and_alias():
    task = Task("t-1", "fal-ai/kling-video/v3/standard/image-to-video")
    base = "https://queue.fal.run/fal-ai/kling-video/requests/t-1"
    poll, cancel = FAL.poll(task, NOW), FAL.cancel(task, NOW)
    assert (poll.method, poll.url) == ("GET", f"{base}/status")
    assert cancel is not None
    assert (cancel.method, cancel.url) == ("PUT", f"{base}/cancel")
    assert cancel.body is None


def test_lost_submission_is_searched_page_by_page():
    lost = Lost(HANDLE, "fal-ai/pika/v2.2/image-to-video", NOW - timedelta(minutes=5))
    (first,) = FAL.resolve(lost, NOW)
    assert parse_qs(urlsplit(first.url).query) == {
        "endpoint_id": ["fal-ai/pika/v2.2/image-to-video"],
        "start": ["2026-11-22T11:40:00Z"],
        "expand": ["payloads"],
        "limit": ["100"],
    }
    more = FAL.read_resolve(
        lost, reply(200, {"items": [], "has_more": True, "next_cursor": "c"}), NOW
    )
    assert isinstance(more, More)
    assert parse_qs(urlsplit(more.request.url).query)["cursor"] == ["c"]
    page = {"items": [{"request_id": "r-9", "json_input": {"image_url": PICTURE}}]}
    assert FAL.read_resolve(lost, reply(200, page), NOW) == Found("r-9")
    assert FAL.read_resolve(lost, reply(200, {"items": []}), NOW) == Undecided()


def test_picture_is_uploaded_without_showing_the_key_to_the_store():
    picture = PictureFile(HANDLE, b"\x89PNG bytes", "image/png")
    begin = FAL.upload(picture, NOW)
    assert begin is not None
    assert begin.url == "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3"
    assert sent(begin) == {"file_name": f"{HANDLE}.png", "content_type": "image/png"}
    put_at, file_at = (
        "https://store.example/put?sig=1",
        f"https://v3b.fal.media/files/b/{HANDLE}.png",
    )
    placed = FAL.read_upload(picture, reply(200, {"upload_url": put_at, "file_url": file_at}))
    assert placed is not None
    assert placed.reference == file_at
    assert (placed.request.method, placed.request.url) == ("PUT", put_at)
    assert placed.request.headers == {"Content-Type": "image/png"}
    assert placed.request.body == b"\x89PNG bytes"


@pytest.mark.parametrize(
    "offered",
    [
        {},
        {"upload_url": "https://a.example/"},
        {"upload_url": "ftp://a.example/x", "file_url": "https://b.example/x"},
        {"upload_url": "https://a.example/x", "file_url": "x y"},
    ],
)
def test_useless_upload_place_is_refused(offered):
    assert FAL.read_upload(PictureFile(HANDLE, b"", "image/png"), reply(200, offered)) is None
    good = {"upload_url": "https://a.example/x", "file_url": "https://b.example/x"}
    assert FAL.read_upload(PictureFile(HANDLE, b"", "image/png"), reply(403, good)) is None


def test_result_is_read_from_the_address_that_the_status_names():
    task = Task("t-1", "fal-ai/pika/v2.2/image-to-video")
    named = "https://queue.fal.run/fal-ai/pika/requests/t-1/response"
    more = FAL.read_poll(task, reply(200, {"status": "COMPLETED", "response_url": named}), NOW)
    assert isinstance(more, More)
    assert more.request.url == named
    outcome = FAL.read_result(
        task, more, reply(200, {"video": {"url": "https://m.example/o.mp4"}}), NOW
    )
    assert isinstance(outcome, Succeeded)
    assert outcome.location == "https://m.example/o.mp4"


def test_genuine_callback_is_a_hint_at_its_request():
    body = VECTOR["body"].encode()
    assert hashlib.sha256(body).hexdigest() == VECTOR["body_sha256"]
    assert FAL.verify_callback(signed_headers(), body, KEYS, SIGNED_AT) == Hint(
        VECTOR["request_id"]
    )
    lowered = {name.lower(): value for name, value in signed_headers().items()}
    assert FAL.verify_callback(lowered, body, KEYS, SIGNED_AT) == Hint(VECTOR["request_id"])


@pytest.mark.parametrize("skew_s", [-300, 300])
def test_callback_holds_at_the_edge_of_its_time(skew_s):
    now = SIGNED_AT + timedelta(seconds=skew_s)
    assert isinstance(
        FAL.verify_callback(signed_headers(), VECTOR["body"].encode(), KEYS, now), Hint
    )


@pytest.mark.parametrize("skew_s", [-301, 301, 600, -86400])
def test_stale_callback_is_forged(skew_s):
    now = SIGNED_AT + timedelta(seconds=skew_s)
    outcome = FAL.verify_callback(signed_headers(), VECTOR["body"].encode(), KEYS, now)
    assert outcome == Forged("stale")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Request_Id": "123e4567-e89b-12d3-a456-426614174001"}, "signature"),
        ({"User_Id": "user_other"}, "signature"),
        ({"Timestamp": "1700000001"}, "signature"),
        ({"Timestamp": "+1700000000"}, "stale"),
        ({"Timestamp": "1700000000\n"}, "stale"),
        ({"Signature": "00" * 64}, "signature"),
        ({"Signature": "zz"}, "signature"),
        ({"Signature": VECTOR["signature"][:-2]}, "signature"),
        ({"Signature": ""}, "unsigned"),
    ],
)
def test_tampered_headers_are_forged(change, reason):
    outcome = FAL.verify_callback(
        signed_headers(**change), VECTOR["body"].encode(), KEYS, SIGNED_AT
    )
    assert outcome == Forged(reason)


def test_tampered_body_and_wrong_keys_are_forged():
    body = VECTOR["body"].encode()
    forged = Forged("signature")
    assert FAL.verify_callback(signed_headers(), body + b" ", KEYS, SIGNED_AT) == forged
    assert FAL.verify_callback(signed_headers(), body, (), SIGNED_AT) == forged
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert FAL.verify_callback(signed_headers(), body, (other,), SIGNED_AT) == forged
    assert isinstance(FAL.verify_callback(signed_headers(), body, (other, *KEYS), SIGNED_AT), Hint)


def test_callback_of_another_account_is_forged():
    body = VECTOR["body"].encode()
    ours = Fal(FalAccount("id:key", user_id=VECTOR["user_id"]))
    assert isinstance(ours.verify_callback(signed_headers(), body, KEYS, SIGNED_AT), Hint)
    theirs = Fal(FalAccount("id:key", user_id="user_other"))
    outcome = theirs.verify_callback(signed_headers(), body, KEYS, SIGNED_AT)
    assert outcome == Forged("other_account")


def test_key_set_skips_keys_that_are_none():
    entries = [
        {"kty": "RSA", "crv": "Ed25519", "x": VECTOR["jwk_x"]},
        {"kty": "OKP", "crv": "X25519", "x": VECTOR["jwk_x"]},
        {"kty": "OKP", "crv": "Ed25519", "x": "c2hvcnQ"},
        {"kty": "OKP", "crv": "Ed25519"},
        {"kty": "OKP", "crv": "Ed25519", "x": "é"},
        {"kty": "OKP", "crv": "Ed25519", "x": "a"},
        7,
        {"kty": "OKP", "crv": "Ed25519", "x": VECTOR["jwk_x"]},
    ]
    assert FAL.read_callback_keys(reply(200, {"keys": entries})) == KEYS
    assert len(KEYS) == 1
    assert FAL.read_callback_keys(reply(503, {"keys": entries})) == ()
    assert FAL.read_callback_keys(HttpResponse.build(200, (), b"<html>")) == ()
