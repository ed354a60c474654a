"""Where a server leads to is judged like any other address (faults 34 and 41)."""

import pytest

from photoplay.network.addresses import AddressPolicy
from photoplay.network.download import Downloader
from photoplay.network.errors import UrlNotAllowedError
from photoplay.network.transfer import DownloadLimits

pytestmark = pytest.mark.fault(34, 41)

LIMITS = DownloadLimits(max_bytes=1000, deadline_s=10)


@pytest.fixture
async def downloader(loopback, resolver):
    async with Downloader(loopback, resolver) as opened:
        yield opened


@pytest.fixture
def into(tmp_path):
    return tmp_path / "clip"


async def refused(downloader, url, into):
    with pytest.raises(UrlNotAllowedError):
        await downloader.download(url, into, LIMITS)
    assert not into.exists()


async def give(_request, wire):
    await wire.answer("200 OK", b"clip")


def redirect(*path):
    """A server whose /n leads to /n+1, and whose last address gives the file."""

    async def handler(request, wire):
        step = int(request.target.strip("/"))
        if step < len(path):
            await wire.answer(f"{path[step]} Moved", b"moved", f"Location: {step + 1}")
        else:
            await give(request, wire)

    return handler


async def test_five_redirects_are_followed_and_no_more(downloader, servers, into):
    server = await servers.start(redirect(301, 302, 303, 307, 308, 302))
    assert (await downloader.download(server.url("/1"), into, LIMITS)).size_bytes == 4
    await refused(downloader, server.url("/0"), into)
    assert server.connections == 6 + 6


async def test_redirect_in_a_circle_ends(downloader, servers, into):
    async def handler(_request, wire):
        await wire.answer("302 Found", b"", "Location: ?again")

    server = await servers.start(handler)
    await refused(downloader, server.url(), into)
    assert server.connections == 6


async def test_redirect_to_a_private_address_is_never_connected(resolver, servers, into):
    async def lead(request, wire):
        await wire.answer("302 Found", b"", f"Location: {places[int(request.target[1:])]}")

    canary = await servers.start(give, host="127.0.0.2")
    server = await servers.start(lead)
    resolver.say("inside.example", "127.0.0.2")
    resolver.say("both.example", ["127.0.0.2", "93.184.216.34"])
    places = [
        canary.url(),
        canary.url(scheme="https"),
        f"//127.0.0.2:{canary.port}/",
        canary.url(host="inside.example"),
        f"https://inside.example:{canary.port}/",
        f"https://both.example:{canary.port}/",
        f"http://user@127.0.0.1:{server.port}/",
        "file:///etc/passwd",
        "http://[127.0.0.2/",
    ]
    async with Downloader(AddressPolicy.parse(["127.0.0.1/32"]), resolver) as downloader:
        for number in range(len(places)):
            await refused(downloader, server.url(f"/{number}"), into)
    assert (canary.connections, server.connections) == (0, len(places))


async def test_credentials_stay_with_the_first_origin(downloader, servers, into):
    async def lead(request, wire):
        target = {"/": "/same", "/same": other.url(), "/back": "/end"}.get(request.target)
        if target:
            await wire.answer("302 Found", b"", f"Location: {target}")
        else:
            await give(request, wire)

    async def lead_back(_request, wire):
        await wire.answer("302 Found", b"", f"Location: {server.url('/back')}")

    other = await servers.start(lead_back)
    server = await servers.start(lead)
    await downloader.download(
        server.url(),
        into,
        LIMITS,
        headers={"x-goog-api-key": "a-secret", "Authorization": "Bearer x"},
    )
    shown = {
        r.target: {"x-goog-api-key", "authorization"} & r.headers.keys() for r in server.requests
    }
    assert [len(shown[path]) for path in ("/", "/same", "/back", "/end")] == [2, 2, 0, 0]
    assert (
        not {"x-goog-api-key", "authorization", "cookie", "referer"}
        & other.requests[0].headers.keys()
    )
