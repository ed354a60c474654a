"""Requests and responses as values: what cannot be sent is refused, what is secret is not shown."""

from datetime import UTC, datetime, timedelta

import pytest

from photoplay.domain.http import HttpRequest, HttpResponse

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_json_request_is_compact_utf8():
    request = HttpRequest.with_json(
        "POST", "https://a.example/", {"prompt": "Möwe", "n": 1}, {"X": "y"}
    )
    assert request.body == '{"prompt":"Möwe","n":1}'.encode()
    assert request.headers == {"Content-Type": "application/json", "X": "y"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        HttpRequest.with_json("POST", "https://a.example/", float("nan"))


@pytest.mark.parametrize("method", ["get", "CONNECT", "TRACE", "POST /", ""])
def test_unknown_method_is_refused(method):
    with pytest.raises(ValueError, match="method"):
        HttpRequest(method, "https://a.example/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nEvil: 1"),
        ("X", "a\n"),
        ("X", "\x00"),
        ("X", " a"),
        ("X", "ä"),
        ("X: y", "a"),
        ("", "a"),
        ("Host", "127.0.0.1"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "keep-alive"),
        ("Cookie", "a=b"),
    ],
)
def test_header_that_would_change_the_message_is_refused(name, value):
    with pytest.raises(ValueError, match="header") as caught:
        HttpRequest("POST", "https://a.example/", {name: value})
    assert "Evil" not in str(caught.value)


def test_values_do_not_show_what_they_carry():
    request = HttpRequest(
        "POST", "https://a.example/t-secret?k=secret", {"Authorization": "secret"}, b"secret"
    )
    response = HttpResponse.build(200, [("Set-Cookie", "secret")], b"secret", truncated=True)
    assert repr(request) == "HttpRequest(POST a.example, 6 bytes)"
    assert repr(response) == "HttpResponse(200, 6 bytes, cut)"
    assert HttpRequest("GET", "https://[/").host == ""


def test_headers_are_found_in_any_case_and_joined():
    response = HttpResponse.build(
        200, [("Content-Type", "Video/MP4; x=1"), ("A", "1"), ("a", "2")], b""
    )
    assert response.header("A") == "1, 2"
    assert response.content_type == "video/mp4"
    assert HttpResponse.build(200, [], b"").content_type == ""


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 5000, b'"\xff"']
)
def test_unreadable_body_is_one_error(body):
    with pytest.raises(ValueError, match=r".") as caught:
        HttpResponse.build(200, [], body).parse_json()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("1.5", 1.5),
        (" 3 ", 3),
        ("999999999", 7 * 86_400),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 12:01:00 -0000", 60),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Tue, 22 Nov 2050 12:00:00 GMT", 7 * 86_400),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(value, seconds):
    pause = HttpResponse.build(429, [("Retry-After", value)], b"").retry_after(NOW)
    assert pause == (None if seconds is None else timedelta(seconds=seconds))
    assert HttpResponse.build(429, [], b"").retry_after(NOW) is None
