"""The look-up when an address is handed in, and the one when it is dialled (fault 41)."""

import json
from pathlib import Path

import aiohttp
import pytest

from photoplay.domain.http import HttpRequest
from photoplay.network.addresses import AddressPolicy
from photoplay.network.download import Downloader
from photoplay.network.errors import NotSentError, PhotoplayError, UrlNotAllowedError
from photoplay.network.guard import SystemResolver, resolve_allowed
from photoplay.network.sender import Sender
from photoplay.network.transfer import DownloadLimits

pytestmark = pytest.mark.fault(41)

CORPUS = json.loads((Path(__file__).parent / "ssrf_corpus.json").read_text(encoding="utf-8"))
HOSTILE = [url for urls in CORPUS["urls"].values() for url in urls]
PUBLIC_ONLY = AddressPolicy()
LIMITS = DownloadLimits(max_bytes=1000, deadline_s=5)


async def test_name_with_public_addresses_is_allowed(resolver):
    resolver.say("pictures.example", ["93.184.216.34", "2606:2800:220:1::1"])
    checked = await resolve_allowed(
        "https://Pictures.example/a.jpg", PUBLIC_ONLY, resolver=resolver
    )
    assert checked.url == "https://pictures.example/a.jpg"
    assert resolver.asked == ["pictures.example"]


async def test_name_with_one_private_address_is_refused(resolver):
    for text in CORPUS["resolved"]:
        resolver.say("pictures.example", ["93.184.216.34", text])
        with pytest.raises(UrlNotAllowedError):
            await resolve_allowed("https://pictures.example/", PUBLIC_ONLY, resolver=resolver)


async def test_literal_address_is_judged_without_a_look_up(resolver):
    await resolve_allowed("https://93.184.216.34/", PUBLIC_ONLY, resolver=resolver)
    with pytest.raises(UrlNotAllowedError):
        await resolve_allowed("https://10.0.0.1/", PUBLIC_ONLY, resolver=resolver)
    assert resolver.asked == []


async def test_name_that_does_not_resolve_is_refused(resolver):
    resolver.silent.add("slow.example")
    for host in ("nowhere.example", "slow.example"):
        with pytest.raises(UrlNotAllowedError) as caught:
            await resolve_allowed(
                f"https://{host}/", PUBLIC_ONLY, resolver=resolver, deadline_s=0.05
            )
        assert caught.value.reason == "its name does not resolve"


async def test_system_resolver_finds_loopback_and_refuses_impossible_names():
    resolver = SystemResolver()
    try:
        addresses = await resolver.resolve("localhost", 80)
        assert addresses
        assert all(a.is_loopback for a in addresses)
        assert len(set(addresses)) == len(addresses)
        with pytest.raises(OSError, match="no name"):
            await resolver.resolve("a" * 64 + ".example", 80)
    finally:
        resolver.close()


async def test_no_connection_is_made_for_any_hostile_address(resolver, dialled, servers, tmp_path):
    """Sent, downloaded, or reached by a name: none of the corpus is ever dialled."""
    for number, text in enumerate(CORPUS["resolved"]):
        resolver.say(f"n{number}.example", text)
    urls = [*HOSTILE, *(f"https://n{n}.example/" for n in range(len(CORPUS["resolved"])))]
    async with (
        Sender(PUBLIC_ONLY, resolver) as sender,
        Downloader(PUBLIC_ONLY, resolver) as downloader,
    ):
        for url in urls:
            with pytest.raises(NotSentError):
                await sender.send(HttpRequest("POST", url), deadline_s=5, max_body_bytes=10)
            with pytest.raises(UrlNotAllowedError):
                await downloader.download(url, tmp_path / "file", LIMITS)
    assert dialled == []
    assert list(tmp_path.iterdir()) == []


async def test_no_redirect_leads_to_a_hostile_address(resolver, dialled, servers, tmp_path):
    targets = [url for url in HOSTILE if url.isascii() and url.isprintable() and "://" in url]
    # Blanks around a header's value do not belong to it.
    targets = [url for url in targets if url == url.strip()]
    for number, text in enumerate(CORPUS["resolved"]):
        resolver.say(f"n{number}.example", text)
        targets.append(f"https://n{number}.example/")

    async def handler(request, wire):
        await wire.answer("302 Found", b"", f"Location: {targets[int(request.target[1:])]}")

    server = await servers.start(handler, host="127.0.0.5")
    policy = AddressPolicy.parse(["127.0.0.5/32"])
    resolver.say("example.com", "93.184.216.34")
    async with Downloader(policy, resolver) as downloader:
        for number, target in enumerate(targets):
            with pytest.raises(PhotoplayError) as caught:
                await downloader.download(server.url(f"/{number}"), tmp_path / "file", LIMITS)
            assert caught.value.code in {"url_not_allowed", "download_interrupted"}, target
    assert dialled == [("127.0.0.5", server.port)] * len(targets)


async def test_name_that_turns_private_after_the_check_is_not_dialled(
    resolver, servers, dialled, tmp_path
):
    async def handler(_request, wire):
        await wire.answer("200 OK", b"secret")

    inside = await servers.start(handler)
    resolver.say("rebind.example", "93.184.216.34", "127.0.0.1")
    url = "https://rebind.example:8443/"
    await resolve_allowed(url, PUBLIC_ONLY, resolver=resolver)
    async with Downloader(PUBLIC_ONLY, resolver) as downloader:
        with pytest.raises(UrlNotAllowedError):
            await downloader.download(url, tmp_path / "file", LIMITS)
    async with Sender(PUBLIC_ONLY, resolver) as sender:
        with pytest.raises(NotSentError):
            await sender.send(HttpRequest("GET", url), deadline_s=5, max_body_bytes=10)
    assert (inside.connections, dialled) == (0, [])


async def test_address_that_was_judged_is_the_one_dialled(resolver, servers, dialled, server_tls):
    """The name is asked once per connection; a second answer is never waited for nor used."""

    async def handler(_request, wire):
        await wire.answer("200 OK", b"public")

    outside = await servers.start(handler, tls=server_tls)
    inside = await servers.start(handler, host="127.0.0.2")
    resolver.say("api.example", "93.184.216.34", "127.0.0.2")
    dialled.lead["93.184.216.34", 8443] = (outside.host, outside.port)
    async with Sender(PUBLIC_ONLY, resolver) as sender:
        response = await sender.send(
            HttpRequest("POST", "https://api.example:8443/"), deadline_s=5, max_body_bytes=10
        )
    assert response.body == b"public"
    assert resolver.asked == ["api.example"]
    assert dialled == [("93.184.216.34", 8443)]
    assert inside.connections == 0


async def test_socket_to_an_address_that_was_not_judged_is_never_opened(
    resolver, servers, loopback, dialled, monkeypatch
):
    """Also when the library below dials something else than it was given."""

    async def handler(_request, wire):
        await wire.answer()

    canary = await servers.start(handler, host="127.0.0.2")

    async def stray(_connector, _host, port, traces=None):
        return [
            {
                "hostname": "x",
                "host": "127.0.0.2",
                "port": port,
                "family": 2,
                "proto": 6,
                "flags": 0,
            }
        ]

    monkeypatch.setattr(aiohttp.TCPConnector, "_resolve_host", stray)
    async with Sender(loopback, resolver) as sender:
        with pytest.raises(NotSentError):
            await sender.send(
                HttpRequest("POST", canary.url(host="127.0.0.1")), deadline_s=5, max_body_bytes=10
            )
    assert (canary.connections, dialled) == (0, [])


async def test_public_server_cannot_lead_into_the_allowed_networks(
    resolver, servers, dialled, server_tls, loopback, tmp_path
):
    async def give(_request, wire):
        await wire.answer("200 OK", b"inside")

    async def lead(_request, wire):
        await wire.answer("302 Found", b"", f"Location: {inside.url()}")

    inside = await servers.start(give)
    outside = await servers.start(lead, tls=server_tls)
    resolver.say("api.example", "93.184.216.34")
    dialled.lead["93.184.216.34", 443] = (outside.host, outside.port)
    async with Downloader(loopback, resolver) as downloader:
        assert (await downloader.download(inside.url(), tmp_path / "a", LIMITS)).size_bytes == 6
        with pytest.raises(UrlNotAllowedError):
            await downloader.download("https://api.example/", tmp_path / "b", LIMITS)
    assert (outside.connections, inside.connections) == (1, 1)
