"""What is sent to Runway: exact requests, the frame it is asked for, and pictures put in its store."""

from __future__ import annotations

import email
from datetime import timedelta

import pytest

from photoplay.domain.outcomes import Forged, Undecided
from photoplay.providers.protocol import Lost, More, PictureFile, Task
from tests.unit.providers.exchanges import HANDLE, NOW, PICTURE, PROVIDERS, order, reply, sent

RUNWAY = PROVIDERS["runway"]
HEADERS = {"Authorization": "Bearer not-a-key", "X-Runway-Version": "2024-11-06"}


def test_submission_names_model_frame_and_length():
    request = RUNWAY.submit(order(RUNWAY, "runway", asked={"duration_s": 6, "seed": 9}), NOW)
    assert (request.method, request.url) == (
        "POST",
        "https://api.dev.runwayml.com/v1/image_to_video",
    )
    assert request.headers == {"Content-Type": "application/json", **HEADERS}
    assert sent(request) == {
        "model": "gen4_turbo",
        "promptImage": PICTURE,
        "promptText": "leaves drift",
        "ratio": "1280:720",
        "duration": 6,
        "seed": 9,
    }


def test_each_model_is_asked_in_its_own_words():
    gen45 = sent(RUNWAY.submit(order(RUNWAY, "runway-gen45"), NOW))
    assert (gen45["model"], gen45["duration"]) == ("gen4.5", 4)
    assert "seed" not in gen45
    veo = sent(
        RUNWAY.submit(
            order(RUNWAY, "runway-veo", asked={"resolution": "1080p", "duration_s": 7}), NOW
        )
    )
    assert (veo["model"], veo["ratio"], veo["duration"]) == ("veo3.1_fast", "1920:1080", 8)
    assert veo["audio"] is False


@pytest.mark.parametrize(
    ("size", "asked", "ratio"),
    [
        ((1600, 900), None, "1280:720"),
        ((900, 1600), None, "720:1280"),
        ((1000, 1000), None, "960:960"),
        ((4000, 3000), None, "1104:832"),
        ((3000, 4000), None, "832:1104"),
        ((4000, 1700), None, "1584:672"),
        ((3000, 4000), "16:9", "1280:720"),
        ((1600, 900), "1:1", "960:960"),
        ((1600, 900), "3:4", "832:1104"),
        ((1600, 900), "auto", "1280:720"),
        ((0, 0), None, "1280:720"),
        ((0, 0), "9:16", "720:1280"),
    ],
)
def test_frame_follows_the_wish_or_else_the_picture(size, asked, ratio):
    options = {"aspect_ratio": asked} if asked else {}
    request = RUNWAY.submit(order(RUNWAY, "runway", asked=options, picture_size=size), NOW)
    assert sent(request)["ratio"] == ratio


def test_lost_submission_has_nothing_to_be_found_by():
    lost = Lost(HANDLE, "gen4_turbo", NOW)
    assert RUNWAY.resolve(lost, NOW) == ()
    assert RUNWAY.read_resolve(lost, reply(200, {"id": "t-1"}), NOW) == Undecided()
    assert not RUNWAY.limits.can_resolve
    assert RUNWAY.limits.recovery_window == timedelta(0)


def test_task_is_polled_and_stopped_at_one_address():
    task = Task("t-1", "gen4_turbo")
    poll, cancel = RUNWAY.poll(task, NOW), RUNWAY.cancel(task, NOW)
    url = "https://api.dev.runwayml.com/v1/tasks/t-1"
    assert (poll.method, poll.url, poll.headers) == ("GET", url, HEADERS)
    assert cancel is not None
    assert (cancel.method, cancel.url, cancel.headers) == ("DELETE", url, HEADERS)
    assert RUNWAY.limits.poll_min >= timedelta(seconds=5)


def test_picture_goes_into_the_store_after_all_fields():
    picture = PictureFile(HANDLE, b"\xff\xd8 --boundary\r\n", "image/jpeg")
    begin = RUNWAY.upload(picture, NOW)
    assert begin is not None
    assert sent(begin) == {"filename": f"{HANDLE}.jpg", "type": "ephemeral"}
    offered = {
        "uploadUrl": "https://store.example/bucket",
        "fields": {"key": "tmp/é", "policy": "abc"},
        "runwayUri": "runway://xyz",
    }
    placed = RUNWAY.read_upload(picture, reply(200, offered))
    assert placed is not None
    assert placed.reference == "runway://xyz"
    assert "Authorization" not in placed.request.headers
    content_type = placed.request.headers["Content-Type"].encode()
    assert placed.request.body is not None
    form = email.message_from_bytes(
        b"Content-Type: " + content_type + b"\r\n\r\n" + placed.request.body
    )
    parts = form.get_payload()
    assert isinstance(parts, list)
    named = [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True))
        for part in parts
    ]
    assert named == [("key", "tmp/é".encode()), ("policy", b"abc"), ("file", picture.body)]
    assert parts[-1].get_filename() == f"{HANDLE}.jpg"
    assert parts[-1].get_content_type() == "image/jpeg"


@pytest.mark.parametrize(
    "change",
    [
        {"uploadUrl": "javascript:1"},
        {"runwayUri": "https://elsewhere.example/"},
        {"runwayUri": None},
        {"fields": {'key"\r\nX: y': "v"}},
        {"fields": {"key": 7}},
    ],
)
def test_useless_upload_place_is_refused(change):
    offered = {"uploadUrl": "https://a.example/", "fields": {"key": "v"}, "runwayUri": "runway://x"}
    picture = PictureFile(HANDLE, b"x", "image/jpeg")
    assert RUNWAY.read_upload(picture, reply(200, offered)) is not None
    assert RUNWAY.read_upload(picture, reply(200, offered | change)) is None
    assert RUNWAY.read_upload(picture, reply(400, offered)) is None


def test_task_that_needs_no_second_look_reads_the_same():
    task = Task("t-1", "gen4_turbo")
    running = reply(200, {"status": "RUNNING", "progress": 0.5})
    more = More(RUNWAY.poll(task, NOW), "result")
    assert RUNWAY.read_result(task, more, running, NOW) == RUNWAY.read_poll(task, running, NOW)


def test_callback_is_always_forged():
    assert RUNWAY.verify_callback({}, b"{}", (), NOW) == Forged("no_callbacks")
    assert RUNWAY.callback_keys() is None
    assert RUNWAY.read_callback_keys(reply(200, {"keys": []})) == ()
