"""What the text of an address gives away, judged without any look-up (fault 41)."""

import contextlib
import json
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photoplay.network.addresses import AddressPolicy, carried_ipv4, check_url, is_public
from photoplay.network.errors import UrlNotAllowedError

pytestmark = pytest.mark.fault(41)

CORPUS = json.loads((Path(__file__).parent / "ssrf_corpus.json").read_text(encoding="utf-8"))
HOSTILE = [url for urls in CORPUS["urls"].values() for url in urls]
PUBLIC_ONLY = AddressPolicy()
# One unrelated network opens http and odd ports in principle: the address has to decide by itself.
SOMEWHERE = AddressPolicy.parse(["10.9.8.0/24"])
LOOPBACK = AddressPolicy.parse(["127.0.0.0/8", " ::1/128 "])


def passed(urls, policy):
    """Return those of the addresses that the policy lets through."""
    let_through = []
    for url in urls:
        with contextlib.suppress(UrlNotAllowedError):
            check_url(url, policy)
            let_through.append(url)
    return let_through


@pytest.mark.parametrize("kind", CORPUS["urls"])
def test_hostile_addresses_are_refused(kind):
    assert passed(CORPUS["urls"][kind], PUBLIC_ONLY) == []


NAMED = {
    *CORPUS["urls"]["names of private machines"],
    *CORPUS["urls"]["ports"],
    "http://example.com/",
    "HTTP://EXAMPLE.COM/",
}


def test_refusal_is_a_bad_request_with_its_own_code():
    with pytest.raises(UrlNotAllowedError) as caught:
        check_url("https://10.0.0.1/", PUBLIC_ONLY)
    assert (caught.value.code, caught.value.status) == ("url_not_allowed", 400)
    assert caught.value.message == f"This address cannot be used: {caught.value.reason}."


def test_hostile_addresses_are_refused_beside_an_allowed_network():
    assert passed([url for url in HOSTILE if url not in NAMED], SOMEWHERE) == []


@pytest.mark.parametrize("url", sorted(NAMED - {"https://1.1.1.1:53/"}))
def test_private_name_http_or_odd_port_is_confined_to_the_allowed_networks(url):
    checked = check_url(url, SOMEWHERE)
    with pytest.raises(UrlNotAllowedError):
        SOMEWHERE.choose(checked, [IPv4Address("93.184.216.34")])
    with pytest.raises(UrlNotAllowedError):
        SOMEWHERE.choose(checked, [IPv4Address("127.0.0.1"), IPv6Address("::1")])
    inside = IPv4Address("10.9.8.7")
    assert SOMEWHERE.choose(checked, [IPv4Address("93.184.216.34"), inside]) == (inside,)


@pytest.mark.parametrize(("url", "spelled"), CORPUS["open"].items())
def test_public_address_is_open_and_keeps_its_path_and_query(url, spelled):
    checked = check_url(url, PUBLIC_ONLY)
    assert checked.url == spelled
    assert check_url(checked.url, PUBLIC_ONLY) == checked


def test_length_is_limited():
    assert check_url("https://example.com/".ljust(8192, "a"), PUBLIC_ONLY)
    with pytest.raises(UrlNotAllowedError):
        check_url("https://example.com/".ljust(8193, "a"), PUBLIC_ONLY)


def test_resolved_address_outside_the_public_internet_refuses_the_name():
    checked = check_url("https://pictures.example/", PUBLIC_ONLY)
    good = IPv4Address("93.184.216.34")
    for bad in map(ip_address, CORPUS["resolved"]):
        for answer in ([bad], [good, bad], [bad, good]):
            with pytest.raises(UrlNotAllowedError):
                PUBLIC_ONLY.choose(checked, answer)
    assert PUBLIC_ONLY.choose(checked, [good]) == (good,)


def test_name_without_an_address_is_refused():
    for url in ("https://pictures.example/", "http://localhost/"):
        with pytest.raises(UrlNotAllowedError):
            LOOPBACK.choose(check_url(url, LOOPBACK), [])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x",
        "https://127.3.2.1/",
        "http://[::1]:8188/",
        "http://localhost:1/",
        "http://db:5/",
    ],
)
def test_allowed_network_takes_http_any_port_and_private_names(url):
    assert check_url(url, LOOPBACK)


@pytest.mark.parametrize(
    ("network", "url"),
    [
        ("0.0.0.0/0", "http://169.254.169.254/"),
        ("0.0.0.0/0", "http://0.0.0.0/"),
        ("0.0.0.0/0", "http://224.0.0.1/"),
        ("0.0.0.0/0", "http://255.255.255.255/"),
        ("100.64.0.0/10", "http://100.100.100.200/"),
        ("::/0", "http://[fe80::1]/"),
        ("::/0", "http://[fd00:ec2::254]/"),
        ("::/0", "http://[::]/"),
        ("::/0", "http://[ff02::1]/"),
        # A translator would carry these to an address that was not allowed.
        ("::/0", "http://[::ffff:127.0.0.1]/"),
        ("64:ff9b::/96", "http://[64:ff9b::10.0.0.1]/"),
        ("2002::/16", "http://[2002:a9fe:a9fe::1]/"),
    ],
)
def test_no_setting_opens_metadata_multicast_or_hidden_addresses(network, url):
    with pytest.raises(UrlNotAllowedError):
        check_url(url, AddressPolicy.parse([network]))


def test_operator_may_open_a_translator_for_public_addresses():
    policy = AddressPolicy.parse(["64:ff9b::/96"])
    assert check_url("https://[64:ff9b::93.184.216.34]/", policy)


@pytest.mark.parametrize("text", ["127.0.0.0/33", "localhost", "", "10.0.0.0-10.0.0.9"])
def test_wrong_network_is_named(text):
    with pytest.raises(ValueError, match="is no network"):
        AddressPolicy.parse(["10.0.0.0/8", text])


def test_carried_addresses_are_found():
    assert carried_ipv4(IPv6Address("64:ff9b::7f00:1")) == IPv4Address("127.0.0.1")
    assert carried_ipv4(IPv6Address("2002:a00:1::")) == IPv4Address("10.0.0.1")
    assert carried_ipv4(IPv6Address("2606:4700::1111")) is None
    assert carried_ipv4(IPv6Address("::1")) is None


def test_nothing_printed_shows_path_query_or_credentials():
    shown = repr(check_url("https://example.com/secret-path?token=secret", PUBLIC_ONLY))
    assert "secret" not in shown
    for url in ("https://user:secret@example.com/?token=secret", "https://127.1/?token=secret"):
        with pytest.raises(UrlNotAllowedError) as caught:
            check_url(url, PUBLIC_ONLY)
        assert "secret" not in f"{caught.value} {caught.value!r} {caught.value.details}"


def _spellings(address: IPv4Address) -> list[str]:
    n, parts = int(address), [int(p) for p in str(address).split(".")]
    a, b, c, d = parts
    return [
        str(n),
        hex(n),
        oct(n).replace("o", ""),
        f"{a}.{n & 0xFFFFFF}",
        f"{a}.{b}.{n & 0xFFFF}",
        ".".join(f"0{p:o}" for p in parts),
        ".".join(f"0x{p:x}" for p in parts),
        f"[::ffff:{address}]",
        f"[64:ff9b::{address}]",
        f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]",
    ]


@given(st.ip_addresses(v=4))
@settings(max_examples=100, deadline=None)
def test_ipv4_address_has_one_spelling_and_only_public_ones_are_open(address):
    for text in _spellings(address):
        with pytest.raises(UrlNotAllowedError):
            check_url(f"https://{text}/", PUBLIC_ONLY)
    if is_public(address):
        assert check_url(f"https://{address}/", PUBLIC_ONLY).address == address
        assert not any((address.is_private, address.is_multicast, address.is_reserved))
    else:
        with pytest.raises(UrlNotAllowedError):
            check_url(f"https://{address}/", PUBLIC_ONLY)


_MARKS = [":", "/", "//", "@", "\\", "?", "#", "[", "]", ".", "%", "-", "_", "\t", "\n", " ", "。"]
_WORDS = [
    "http",
    "https",
    "%2f",
    "%00",
    "::1",
    "127.0.0.1",
    "0x7f",
    "example.com",
    "localhost",
    "a",
    "1",
    "443",
]
_LETTERS = ["é", "１", "ⓐ", "ß", "xn--"]
_PIECES = st.sampled_from([*_MARKS, *_WORDS, *_LETTERS])


@given(st.lists(_PIECES, max_size=9).map(lambda parts: "https://" + "".join(parts)))
@settings(max_examples=400, deadline=None)
def test_whatever_passes_is_read_alike_by_another_parser_and_is_public(url):
    try:
        checked = check_url(url, PUBLIC_ONLY)
    except UrlNotAllowedError:
        return
    other = urlsplit(checked.url)
    assert (other.scheme, other.hostname, other.port or 443) == checked.origin
    assert other.username is None
    assert not other.fragment
    assert checked.url.isascii()
    assert checked.host == checked.host.lower()
    if checked.address is not None:
        assert is_public(checked.address)
    else:
        assert "." in checked.host
        assert not checked.host.rpartition(".")[2].isdigit()
