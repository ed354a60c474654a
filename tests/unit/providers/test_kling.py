"""What is sent to Kling in both dialects, its token, and its callbacks by their signature."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from photoplay.domain.outcomes import Absent, Forged, Hint, Undecided
from photoplay.providers.kling import Kling, KlingAccount
from photoplay.providers.kling.token import sign_token
from photoplay.providers.protocol import CancelAnswer, Lost, More, PictureFile, Task
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

KLING = PROVIDERS["kling"]
API = "https://api-singapore.klingai.com"
TOKEN = json.loads((VECTORS / "kling_token.json").read_text("utf-8"))
VECTOR = json.loads((VECTORS / "kling_callback.json").read_text("utf-8"))
SIGNED_AT = datetime.fromtimestamp(int(VECTOR["timestamp"]), UTC)


def signed_headers(**changes: str) -> dict[str, str]:
    values = {
        "webhook-id": VECTOR["id"],
        "webhook-timestamp": VECTOR["timestamp"],
        "webhook-signature": VECTOR["signature"],
    }
    return values | {f"webhook-{name}": value for name, value in changes.items()}


def with_secrets(*secrets: str) -> Kling:
    return Kling(KlingAccount("not-a-key", callback_secrets=secrets))


def test_submission_carries_our_name_for_it():
    request = KLING.submit(order(KLING, "kling", callback_url=CALLBACK), NOW)
    assert (request.method, request.url) == ("POST", f"{API}/image-to-video/kling-3.0")
    assert request.headers["Authorization"] == "Bearer not-a-key"
    assert sent(request) == {
        "contents": [
            {"type": "prompt", "text": "leaves drift"},
            {"type": "first_frame", "url": PICTURE},
        ],
        "settings": {"resolution": "720p", "duration": 4, "audio": "off"},
        "options": {
            "external_task_id": HANDLE,
            "watermark_info": {"enabled": False},
            "callback_url": CALLBACK,
        },
    }


def test_older_dialect_carries_it_too():
    request = KLING.submit(
        order(KLING, "kling-26", asked={"resolution": "1080p"}, callback_url=CALLBACK), NOW
    )
    assert request.url == f"{API}/v1/videos/image2video"
    assert sent(request) == {
        "model_name": "kling-v2-6",
        "image": PICTURE,
        "prompt": "leaves drift",
        "mode": "pro",
        "duration": "5",
        "sound": "off",
        "external_task_id": HANDLE,
        "callback_url": CALLBACK,
    }


def test_no_callback_is_asked_for_without_an_address():
    assert "callback_url" not in sent(KLING.submit(order(KLING, "kling"), NOW))["options"]
    assert "callback_url" not in sent(KLING.submit(order(KLING, "kling-26"), NOW))


@pytest.mark.parametrize("name", ["kling", "kling-26"])
def test_data_uri_loses_its_prefix(name):
    uri = PictureFile(HANDLE, b"\xff\xd8\xff", "image/jpeg").as_data_uri()
    body = KLING.submit(order(KLING, name, picture=uri), NOW).body
    assert body is not None
    assert b'"/9j/"' in body
    assert b"data:" not in body


def test_same_submission_is_sent_again_under_the_same_name():
    first = sent(KLING.submit(order(KLING, "kling"), NOW))
    again = sent(KLING.submit(order(KLING, "kling"), NOW + timedelta(minutes=1)))
    assert first == again


def test_queries_name_the_task_or_our_name_for_it():
    task = Task("831922345709559885", "kling-3.0")
    assert KLING.poll(task, NOW).url == f"{API}/tasks?task_ids=831922345709559885"
    (found,) = KLING.resolve(Lost(HANDLE, "kling-3.0", NOW), NOW)
    assert found.url == f"{API}/tasks?external_task_ids={HANDLE}"
    old = Task("831922345709559885", "kling-v2-6")
    assert KLING.poll(old, NOW).url == f"{API}/v1/videos/image2video/831922345709559885"
    (found,) = KLING.resolve(Lost(HANDLE, "kling-v2-6", NOW), NOW)
    assert found.url == f"{API}/v1/videos/image2video/{HANDLE}"


def test_task_cannot_be_stopped_and_picture_not_uploaded():
    assert KLING.cancel(Task("1", "kling-3.0"), NOW) is None
    assert KLING.upload(PictureFile(HANDLE, b"x", "image/png"), NOW) is None
    assert KLING.callback_keys() is None
    assert KLING.read_callback_keys(reply(200, {"keys": []})) == ()
    assert KLING.read_upload(PictureFile(HANDLE, b"x", "image/png"), reply(200, {})) is None
    assert KLING.read_cancel(reply(200, {"code": 0})) is CancelAnswer.UNCLEAR


def test_task_that_needs_no_second_look_reads_the_same():
    task = Task("1", "kling-3.0")
    running = reply(200, {"code": 0, "data": [{"id": "1", "status": "processing"}]})
    more = More(KLING.poll(task, NOW), "result")
    assert KLING.read_result(task, more, running, NOW) == KLING.read_poll(task, running, NOW)


def test_name_that_is_still_under_way_is_not_absent():
    """The window covers a submission that waits for its answer until it is given up."""
    patient = Kling(KlingAccount("not-a-key", absent_after=timedelta(minutes=3)))
    lost = Lost(HANDLE, "kling-3.0", NOW)
    nothing = reply(200, {"code": 0, "data": []})
    at = [NOW + timedelta(seconds=s) for s in (60, 179, 180)]
    assert [patient.read_resolve(lost, nothing, now) for now in at] == [
        Undecided(),
        Undecided(),
        Absent(),
    ]
    assert patient.limits.recovery_window > timedelta(minutes=3)


def test_token_is_signed_as_documented():
    now = datetime.fromtimestamp(TOKEN["now"], UTC)
    assert sign_token(TOKEN["access_key"], TOKEN["secret_key"], now) == TOKEN["token"]


def test_older_account_signs_every_request_anew_and_has_older_models_only():
    older = Kling(KlingAccount(access_key=TOKEN["access_key"], secret_key=TOKEN["secret_key"]))
    assert set(older.models) == {"kling-26"}
    now = datetime.fromtimestamp(TOKEN["now"], UTC)
    task = Task("1", "kling-v2-6")
    assert older.poll(task, now).headers == {"Authorization": f"Bearer {TOKEN['token']}"}
    later = older.poll(task, now + timedelta(minutes=20)).headers["Authorization"]
    assert later != f"Bearer {TOKEN['token']}"
    with pytest.raises(ValueError, match="KLING_SECRET_KEY"):
        KlingAccount(access_key="ak")


def test_signed_callback_is_a_hint():
    kling = with_secrets(VECTOR["secret"])
    body = VECTOR["body"].encode()
    assert kling.verify_callback(signed_headers(), body, (), SIGNED_AT) == Hint("1234567890")
    several = signed_headers(signature=f"v1,AAAA {VECTOR['signature']} v2,x")
    assert kling.verify_callback(several, body, (), SIGNED_AT) == Hint("1234567890")
    rotated = with_secrets("whsec_b3RoZXIgc2VjcmV0", VECTOR["secret"])
    assert rotated.verify_callback(signed_headers(), body, (), SIGNED_AT) == Hint("1234567890")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "9876543211"}, "signature"),
        ({"timestamp": "1781080795"}, "signature"),
        ({"timestamp": "1781080000"}, "stale"),
        ({"timestamp": "soon"}, "stale"),
        ({"signature": "v1,AAAA"}, "signature"),
        ({"signature": VECTOR["signature"].replace("v1,", "v2,")}, "unsigned"),
        ({"signature": ""}, "unsigned"),
        ({"id": ""}, "unsigned"),
    ],
)
def test_tampered_callback_is_forged(change, reason):
    kling = with_secrets(VECTOR["secret"])
    outcome = kling.verify_callback(
        signed_headers(**change), VECTOR["body"].encode(), (), SIGNED_AT
    )
    assert outcome == Forged(reason)


def test_callback_with_another_body_or_secret_is_forged():
    body = VECTOR["body"].encode()
    outcome = with_secrets(VECTOR["secret"]).verify_callback(
        signed_headers(), body + b" ", (), SIGNED_AT
    )
    assert outcome == Forged("signature")
    outcome = with_secrets("whsec_b3RoZXI=").verify_callback(signed_headers(), body, (), SIGNED_AT)
    assert outcome == Forged("signature")
    assert with_secrets(VECTOR["secret"]).verify_callback({}, body, (), SIGNED_AT) == Forged(
        "unsigned"
    )


def test_unsigned_callback_is_a_hint_where_no_secret_is_set():
    assert KLING.verify_callback({}, b'{"task_id": "12"}', (), NOW) == Hint("12")
    assert KLING.verify_callback({}, b"<html>", (), NOW) == Hint(None)


def test_secret_that_is_none_is_refused_at_start():
    with pytest.raises(ValueError, match="KLING_CALLBACK_SECRET"):
        with_secrets("whsec_!")
