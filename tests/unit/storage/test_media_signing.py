"""Fault 38: a media link opens one object by one method until one instant, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.storage.errors import InvalidKeyError, MediaLinkError
from photoplay.storage.signing import sign_media, verify_media

pytestmark = pytest.mark.fault(38)

SECRET, OTHER = b"s" * 32, b"o" * 32
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
KEY = "0b54/generated-videos/7c1d.mp4"


def parts(url: str) -> tuple[str, str, str]:
    split = urlsplit(url)
    query = parse_qs(split.query)
    return unquote(split.path).removeprefix("/media/"), query["expires"][0], query["signature"][0]


def verify(url: str, *, method: str = "GET", now: datetime = NOW, secrets=(SECRET,)) -> None:
    key, expires, signature = parts(url)
    verify_media(key, expires, signature, method=method, now=now, secrets=secrets)


def signed(key: str = KEY, **keywords: object) -> str:
    return sign_media(key, **{"expires_at": LATER, "secrets": [SECRET], **keywords})


def test_link_opens_its_object() -> None:
    verify(signed())
    verify(signed(), method="HEAD")
    assert signed(base_url="https://clips.example/").startswith(
        f"https://clips.example/media/{KEY}?expires="
    )


@given(st.text(min_size=1, max_size=100))
def test_every_key_survives_the_address(key: str) -> None:
    try:
        url = signed(key)
    except InvalidKeyError:
        return
    assert url.isascii()
    assert parts(url)[0] == key
    verify(url)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "get", "", "GET\nHEAD"])
def test_other_method_is_refused(method: str) -> None:
    with pytest.raises(MediaLinkError):
        verify(signed(), method=method)


def test_upload_link_does_not_read() -> None:
    url = signed(method="PUT")
    verify(url, method="PUT")
    for method in ("GET", "HEAD"):
        with pytest.raises(MediaLinkError):
            verify(url, method=method)


def test_link_ends_at_its_instant() -> None:
    verify(signed(), now=LATER - timedelta(seconds=1))
    for now in (LATER, LATER + timedelta(days=1)):
        with pytest.raises(MediaLinkError):
            verify(signed(), now=now)


@pytest.mark.parametrize(
    "key",
    [
        "0b54/generated-videos/7c1e.mp4",
        "0b54/generated-videos/7c1d.mp",
        "0B54/generated-videos/7c1d.mp4",
        "0b54/generated-videos//7c1d.mp4",
        "0b54/generated-videos/./7c1d.mp4",
        "x/../0b54/generated-videos/7c1d.mp4",
        "0b54/generated-videos%2F7c1d.mp4",
        "0b54/generated-videos/7c1d%2Emp4",
        "0b54%252Fgenerated-videos/7c1d.mp4",
        "/0b54/generated-videos/7c1d.mp4",
        "0b54/generated-videos/7c1d.mp4/",
        "0b54/generated-videos/7c1d.mp4\0",
        "0b54/generated-videos/7c1d.mp4\n1",
        "0b54\\generated-videos\\7c1d.mp4",
        "",
    ],
)
def test_changed_path_is_refused(key: str) -> None:
    _, expires, signature = parts(signed())
    with pytest.raises(MediaLinkError):
        verify_media(key, expires, signature, method="GET", now=NOW, secrets=[SECRET])


@pytest.mark.parametrize(
    "change",
    [
        lambda text: str(int(text) + 1),
        lambda text: str(int(text) + 10**9),
        lambda text: f"0{text}",
        lambda text: f"+{text}",
        lambda text: f" {text}",
        lambda text: f"{text}\n",
        lambda text: f"{text}.0",
        lambda text: text.translate({ord("1"): "١"}),
        lambda text: f"{text[:3]}_{text[3:]}",
        lambda text: "9" * 5000,
        lambda _: "-1",
        lambda _: "",
        lambda _: None,
    ],
)
def test_changed_expiry_is_refused(change) -> None:
    key, expires, signature = parts(signed())
    with pytest.raises(MediaLinkError):
        verify_media(key, change(expires), signature, method="GET", now=NOW, secrets=[SECRET])


@given(st.data())
def test_changed_signature_is_refused(data: st.DataObject) -> None:
    key, expires, signature = parts(signed())
    at = data.draw(st.integers(0, len(signature) - 1))
    character = data.draw(st.sampled_from("abcdefABCDEF0123456789-_.=% é"))
    changed = signature[:at] + character + signature[at + 1 :]
    if changed == signature:
        return
    with pytest.raises(MediaLinkError):
        verify_media(key, expires, changed, method="GET", now=NOW, secrets=[SECRET])


@pytest.mark.parametrize("signature", [None, "", ".", "é" * 52, "a" * 5000])
def test_malformed_signature_is_refused(signature: str | None) -> None:
    key, expires, _ = parts(signed())
    with pytest.raises(MediaLinkError):
        verify_media(key, expires, signature, method="GET", now=NOW, secrets=[SECRET])


def test_parts_of_two_links_do_not_combine() -> None:
    key, _, _ = parts(signed())
    _, expires, signature = parts(signed("another/object.mp4"))
    with pytest.raises(MediaLinkError):
        verify_media(key, expires, signature, method="GET", now=NOW, secrets=[SECRET])


def test_rotation_keeps_old_links_until_the_old_secret_goes() -> None:
    old = signed(secrets=[SECRET])
    new = signed(secrets=[OTHER, SECRET])
    verify(old, secrets=[OTHER, SECRET])
    verify(new, secrets=[OTHER, SECRET])
    verify(new, secrets=[OTHER])
    for secrets in ([OTHER], []):
        with pytest.raises(MediaLinkError):
            verify(old, secrets=secrets)


def test_weak_or_missing_secrets_do_not_sign() -> None:
    for secrets in ([], [b"short"], [b""]):
        with pytest.raises(ValueError, match="secret"):
            signed(secrets=secrets)


def test_refusal_tells_nothing() -> None:
    with pytest.raises(MediaLinkError) as caught:
        verify(signed("secret-user/secret.mp4"), now=LATER)
    assert "secret" not in caught.value.message
    assert caught.value.details == {}
    assert caught.value.status == 403
