"""Untrusted values out of answers: what is nonsense becomes None and goes nowhere."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from photoplay.providers.answers import address, fraction, identifier, is_under, number
from photoplay.providers.signatures import holds_standard_webhooks, standard_webhooks_key


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("764cabcf-b745-4b3e-ae38-1200304cf45b", "764cabcf-b745-4b3e-ae38-1200304cf45b"),
        ("831922345709559885", "831922345709559885"),
        (831922345709559885, "831922345709559885"),
        (True, None),
        (0, None),
        (-5, None),
        (10**60, None),
        (1.5, None),
        (None, None),
        ("", None),
        ("a/b", None),
        ("a?b", None),
        ("a%2fb", None),
        ("a b", None),
        ("a\n", None),
        ("..", None),
        ("é", None),
        ("x" * 129, None),
        (["a"], None),
    ],
)
def test_identifier_is_safe_inside_an_address(value, expected):
    assert identifier(value) == expected


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("https://v3b.fal.media/files/b/out.mp4?x=1", True),
        ("http://127.0.0.1:8080/out.mp4", True),
        ("https://", False),
        ("https:///path", False),
        ("http://[::1", False),
        ("http://[zz]/x", False),
        ("file:///etc/passwd", False),
        ("ftp://a.example/x", False),
        ("//a.example/x", False),
        ("https://a.example/ x", False),
        ("https://a.example/\n", False),
        ("https://a.example/" + "x" * 9000, False),
        (7, False),
    ],
)
def test_address_is_absolute_and_has_a_host(value, is_one):
    assert address(value) == (value if is_one else None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, 1.5),
        ("2.5", 2.5),
        (0, 0.0),
        (True, None),
        ("", None),
        ("x", None),
        ("nan", None),
        ("inf", None),
        (float("nan"), None),
        (10**400, None),
        ([1], None),
    ],
)
def test_number_is_finite(value, expected):
    assert number(value) == expected


def test_fraction_stays_within_its_bounds():
    assert [fraction(v) for v in (-1, 0.25, 7, "0.5", "x")] == [0.0, 0.25, 1.0, 0.5, None]


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("https://q.example/a/requests/1", "https://q.example", True),
        ("https://q.example/v1/a", "https://q.example/v1", True),
        ("https://q.example/v10/a", "https://q.example/v1", False),
        ("http://q.example/a", "https://q.example", False),
        ("https://q.example:444/a", "https://q.example", False),
        ("https://q.example.evil.example/a", "https://q.example", False),
        ("https://q.example@evil.example/a", "https://q.example", False),
        ("https://user@q.example/a", "https://q.example", False),
        ("https://q.example/v1/../x", "https://q.example/v1", False),
        ("https://q.example/v1/%2e%2e/x", "https://q.example/v1", False),
        ("https://q.example/a?x=1", "https://q.example", False),
        ("https://q.example/a#x", "https://q.example", False),
        ("https://q.example\\@evil.example/a", "https://q.example", False),
    ],
)
def test_keys_are_only_sent_below_our_base_address(url, base, expected):
    assert is_under(url, base) is expected


def test_webhook_secret_is_base64_after_its_prefix():
    assert standard_webhooks_key("whsec_c2VjcmV0") == b"secret"
    assert standard_webhooks_key("c2VjcmV0") == b"secret"
    assert standard_webhooks_key("whsec_") is None
    assert standard_webhooks_key("whsec_é") is None


def test_webhook_secret_that_is_none_signs_nothing():
    headers = {"webhook-id": "1", "webhook-timestamp": "1795348800", "webhook-signature": "v1,AAAA"}
    now = datetime.fromtimestamp(1795348800, UTC)
    assert holds_standard_webhooks(headers, b"{}", ["whsec_"], now) == "signature"
