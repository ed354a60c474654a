"""One request, at most once on the wire, and the truth about what became of it (faults 3 to 7)."""

import asyncio
import gzip
import random
import traceback

import pytest

from photoplay.domain.http import HttpRequest
from photoplay.network.addresses import AddressPolicy
from photoplay.network.errors import NotSentError, UnansweredError
from photoplay.network.sender import Sender

EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
LIMIT = 10_000


@pytest.fixture
async def sender(loopback, resolver):
    async with Sender(loopback, resolver) as opened:
        yield opened


def post(url, body=b'{"prompt":"a secret"}', method="POST"):
    body = None if method in {"GET", "HEAD"} else body
    return HttpRequest(method, url, {"Authorization": "Key a-secret:key"}, body)


async def send(sender, request, deadline_s=5.0):
    return await sender.send(request, deadline_s=deadline_s, max_body_bytes=LIMIT)


async def failure(sender, request, deadline_s=5.0):
    with pytest.raises((NotSentError, UnansweredError)) as caught:
        await send(sender, request, deadline_s)
    printed = "".join(traceback.format_exception(caught.value))
    shown = f"{printed} {caught.value!r} {caught.value.details} {request!r}"
    assert "secret" not in shown.replace("photoplay", "")
    return caught.value


def raw(data):
    async def handler(_request, wire):
        await wire.send(data)
        wire.writer.close()

    return handler


async def never(_request, wire):
    await wire.reader.read()


async def reset(_request, wire):
    wire.reset()


# --- answers


@pytest.mark.parametrize("status", [200, 201, 302, 307, 402, 422, 429, 500, 503])
async def test_every_complete_answer_comes_back_as_it_is(sender, servers, status):
    async def handler(_request, wire):
        await wire.answer(
            f"{status} Whatever", b'{"a":1}', "X-One: 1", "X-One: 2", "Location: /there"
        )

    server = await servers.start(handler)
    response = await send(sender, post(server.url("/submit?fal_webhook=x%2Fy")))
    assert (response.status, response.parse_json(), response.truncated) == (status, {"a": 1}, False)
    assert response.header("X-ONE") == "1, 2"
    [request] = server.requests
    assert (request.method, request.target) == ("POST", "/submit?fal_webhook=x%2Fy")
    assert request.body == b'{"prompt":"a secret"}'
    assert request.headers["authorization"] == "Key a-secret:key"
    assert request.headers["user-agent"].startswith("Photoplay/")
    assert "content-type" not in request.headers


async def test_redirect_is_an_answer_and_is_not_followed(sender, servers):
    target = await servers.start(never)

    async def handler(_request, wire):
        await wire.answer("307 Temporary Redirect", b"", f"Location: {target.url()}")

    server = await servers.start(handler)
    for method in EVERY_METHOD:
        response = await send(sender, post(server.url(), method=method))
        assert response.header("location") == target.url()
    assert target.connections == 0
    assert len(server.requests) == len(EVERY_METHOD)


async def test_body_of_many_megabytes_is_sent_with_its_length(sender, servers):
    async def handler(_request, wire):
        await wire.answer()

    server = await servers.start(handler)
    body = bytes(range(256)) * 12_000
    await send(sender, HttpRequest("POST", server.url(), {"Content-Type": "image/png"}, body))
    await send(sender, HttpRequest("POST", server.url(), {}, b""))
    await send(sender, HttpRequest("PUT", server.url()))
    assert [r.body for r in server.requests] == [body, b"", b""]
    assert [r.headers["content-length"] for r in server.requests] == [str(len(body)), "0", "0"]


async def test_answer_before_the_body_was_read_is_an_answer(sender, servers):
    async def handler(_request, wire):
        await wire.answer("413 Content Too Large", b"too large")
        await wire.reader.read(1000)

    server = await servers.start(handler, with_body=False)
    response = await send(sender, post(server.url(), b"x" * 8_000_000))
    assert (response.status, response.body) == (413, b"too large")


async def test_huge_answer_comes_back_cut_and_marked(sender, servers):
    async def handler(_request, wire):
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            await wire.send(b"[" * 65_536)

    server = await servers.start(handler)
    response = await send(sender, post(server.url()))
    assert (len(response.body), response.truncated) == (LIMIT, True)
    with pytest.raises(ValueError, match="cut"):
        response.parse_json()
    async with asyncio.timeout(5):
        await server.left.wait()


async def test_answer_of_exactly_the_limit_is_whole(sender, servers):
    async def handler(_request, wire):
        await wire.answer("200 OK", b"x" * LIMIT)

    server = await servers.start(handler)
    response = await send(sender, post(server.url()))
    assert (len(response.body), response.truncated) == (LIMIT, False)


async def test_compressed_answer_is_read_and_a_bomb_is_cut(sender, servers):
    bodies = [gzip.compress(b'{"request_id":"1"}'), gzip.compress(bytes(50_000_000))]

    async def handler(_request, wire):
        await wire.answer("200 OK", bodies.pop(0), "Content-Encoding: gzip")

    server = await servers.start(handler)
    assert (await send(sender, post(server.url()))).parse_json() == {"request_id": "1"}
    assert (await send(sender, post(server.url()))).truncated
    assert {r.headers["accept-encoding"] for r in server.requests} == {"identity"}


async def test_no_cookie_proxy_or_password_file_of_the_environment_is_used(
    sender, servers, resolver, monkeypatch, tmp_path
):
    proxy = await servers.start(never)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url())
        monkeypatch.setenv(name.upper(), proxy.url())
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login joe password netrc-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    async def handler(_request, wire):
        await wire.answer("200 OK", b"", "Set-Cookie: session=1; Path=/")

    server = await servers.start(handler)
    resolver.say("api.example", "127.0.0.1")
    for method in ("GET", "POST", "GET"):
        for host in ("127.0.0.1", "api.example"):
            await send(sender, HttpRequest(method, server.url(host=host)))
    assert proxy.connections == 0
    for request in server.requests:
        assert not {"cookie", "authorization", "proxy-authorization"} & request.headers.keys()


# --- nothing was sent


async def test_refused_connection_is_not_sent(sender, closed_port):
    error = await failure(sender, post(f"http://127.0.0.1:{closed_port}/?token=a-secret"))
    assert (type(error), error.reason, error.retryable) == (NotSentError, "connect", True)


async def test_unknown_name_is_not_sent(sender, resolver):
    error = await failure(sender, post("https://nowhere.example/?token=a-secret"))
    assert (type(error), error.reason) == (NotSentError, "dns")
    assert resolver.asked == ["nowhere.example"]


async def test_silent_resolver_is_not_sent(sender, resolver):
    resolver.silent.add("slow.example")
    error = await failure(sender, post("https://slow.example/"), deadline_s=0.05)
    assert (type(error), error.reason) == (NotSentError, "timeout")


async def test_server_without_tls_is_not_sent(sender, servers):
    async def talk(wire):
        await wire.reader.read(100)
        await wire.send(b"SSH-2.0-OpenSSH_9.6\r\n")

    server = await servers.start(on_connect=talk)
    error = await failure(sender, post(server.url(scheme="https")))
    assert (type(error), error.reason) == (NotSentError, "tls")


async def test_handshake_that_never_ends_is_not_sent(sender, servers):
    async def hang(_wire):
        await asyncio.Event().wait()

    server = await servers.start(on_connect=hang)
    error = await failure(sender, post(server.url(scheme="https")), deadline_s=0.3)
    assert (type(error), error.reason) == (NotSentError, "timeout")
    assert server.connections == 1


async def test_certificate_that_nobody_vouches_for_is_not_sent(
    sender, servers, resolver, authority
):
    server = await servers.start(never, tls=authority[1])
    resolver.say("api.example", "127.0.0.1")
    error = await failure(sender, post(server.url(scheme="https", host="api.example")))
    assert (type(error), error.reason) == (NotSentError, "tls")
    assert server.requests == []


async def test_certificate_must_name_the_host_that_was_asked_for(
    sender, servers, resolver, server_tls
):
    async def handler(_request, wire):
        await wire.answer("200 OK", b"proved")

    server = await servers.start(handler, tls=server_tls)
    resolver.say("api.example", "127.0.0.1")
    resolver.say("other.example", "127.0.0.1")
    response = await send(sender, post(server.url(scheme="https", host="api.example")))
    assert response.body == b"proved"
    error = await failure(sender, post(server.url(scheme="https", host="other.example")))
    assert (type(error), error.reason) == (NotSentError, "tls")
    assert [r.headers["host"] for r in server.requests] == [f"api.example:{server.port}"]


async def test_refused_address_is_not_sent(sender, resolver, dialled):
    resolver.say("inside.example", "10.0.0.1")
    for url in (
        "https://10.0.0.1/",
        "https://inside.example/",
        "ftp://127.0.0.1/",
        "https://a-secret@x.example/",
    ):
        error = await failure(sender, post(url))
        assert (type(error), error.reason) == (NotSentError, "url_not_allowed")
    assert dialled == []


# --- it may have arrived


@pytest.mark.parametrize("method", EVERY_METHOD)
@pytest.mark.parametrize(
    ("fault", "reason", "status"),
    [
        (reset, "reset", None),
        (raw(b""), "reset", None),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "malformed", None),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n"), "malformed", None),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "reset", None),
        (raw(b"HTTP/1.1 100 Continue\r\n\r\n"), "reset", None),
        (never, "timeout", None),
    ],
    ids=["reset", "closed", "no HTTP", "endless header", "cut in the head", "only 100", "silence"],
)
async def test_request_that_was_not_answered_is_on_the_wire_once(
    sender, servers, method, fault, reason, status
):
    server = await servers.start(fault)
    deadline_s = 0.3 if reason == "timeout" else 5.0
    error = await failure(sender, post(server.url("/?token=a-secret"), method=method), deadline_s)
    assert (type(error), error.reason, error.status) == (UnansweredError, reason, status)
    assert not error.retryable
    async with asyncio.timeout(5):
        await server.left.wait()
    assert [r.method for r in server.requests] == [method]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("data", "reason", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "cut", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", "cut", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{", "malformed", None),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n{{}", "cut", 200),
    ],
)
async def test_answer_that_breaks_off_is_no_answer(sender, servers, data, reason, status):
    server = await servers.start(raw(data))
    error = await failure(sender, post(server.url()))
    assert (type(error), error.reason, error.status) == (UnansweredError, reason, status)
    assert len(server.requests) == 1


async def test_answer_that_stops_in_its_body_is_no_answer(sender, servers):
    async def handler(request, wire):
        await wire.send(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
        await never(request, wire)

    server = await servers.start(handler)
    error = await failure(sender, post(server.url()), deadline_s=0.3)
    assert (type(error), error.reason, error.status) == (UnansweredError, "timeout", 201)


ANSWERS = [
    b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\n\r\n{"a":',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 301 Moved\r\nLocation: \xff\xfe\r\nContent-Type: text/html; charset=\xff\r\n\r\n",
    b"HTTP/1.0 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
]


async def test_garbled_answer_is_an_answer_or_unanswered_and_nothing_else(sender, servers):
    chance = random.Random(7)

    async def handler(_request, wire):
        garbled = bytearray(chance.choice(ANSWERS))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(garbled))
            garbled[place : place + chance.randint(0, 3)] = chance.choice(
                [b"", b"\r\n", b": ", b"\0", b"-1", b"9" * 21, b"\n", chance.randbytes(2)]
            )
        await wire.send(bytes(garbled))
        wire.writer.close()

    server = await servers.start(handler)
    outcomes = set()
    for number in range(300):
        try:
            response = await send(sender, post(server.url(), method=("POST", "GET")[number % 2]))
            outcomes.add(type(response).__name__)
        except UnansweredError as error:
            outcomes.add(error.reason)
    assert (
        {"HttpResponse", "malformed"} <= outcomes <= {"HttpResponse", "malformed", "cut", "reset"}
    )
    assert len(server.requests) == 300


async def test_connection_lost_before_the_request_was_read_counts_as_sent(sender, servers):
    async def drop(wire):
        wire.reset()

    server = await servers.start(on_connect=drop)
    error = await failure(sender, post(server.url()))
    assert (type(error), error.reason) == (UnansweredError, "reset")
    assert server.connections == 1


async def test_deadline_while_the_request_is_being_written_counts_as_sent(sender, servers):
    async def hang(_wire):
        await asyncio.Event().wait()

    server = await servers.start(on_connect=hang)
    error = await failure(sender, post(server.url(), b"x" * 30_000_000), deadline_s=0.5)
    assert (type(error), error.reason) == (UnansweredError, "timeout")


async def test_cancelled_request_leaves_no_connection_behind(sender, servers):
    arrived = asyncio.Event()

    async def handler(request, wire):
        arrived.set()
        assert await wire.reader.read() == b""

    server = await servers.start(handler)
    task = asyncio.create_task(send(sender, post(server.url())))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await server.left.wait()
    assert len(server.requests) == 1


# --- connections


async def test_post_never_rides_on_an_idle_connection(sender, servers):
    async def handler(request, wire):
        if request.method == "POST" and server.connections == 1:
            wire.reset()
        else:
            await wire.answer()

    server = await servers.start(handler)
    await send(sender, HttpRequest("GET", server.url()))
    for method in ("POST", "PUT", "PATCH", "DELETE", "POST"):
        assert (await send(sender, post(server.url(), method=method))).status == 200
    assert server.connections == 6
    assert [r.headers.get("connection") for r in server.requests[1:]] == ["close"] * 5


async def test_reads_share_a_connection_and_are_not_repeated_when_it_dies(sender, servers):
    async def handler(_request, wire):
        if len(server.requests) < 3:
            await wire.answer("200 OK", b"{}")
        else:
            wire.reset()

    server = await servers.start(handler)
    for _ in range(2):
        await send(sender, HttpRequest("GET", server.url()))
    error = await failure(sender, HttpRequest("GET", server.url()))
    assert (type(error), error.reason) == (UnansweredError, "reset")
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_next_address_is_dialled_when_one_is_dead(sender, servers, resolver):
    async def handler(_request, wire):
        await wire.answer()

    server = await servers.start(handler, host="127.0.0.3")
    resolver.say("two.example", ["127.0.0.2", "127.0.0.3"])
    url = server.url(host="two.example")
    assert (await send(sender, post(url))).status == 200
    assert (server.connections, len(server.requests)) == (1, 1)
    assert resolver.asked == ["two.example"]


async def test_sender_opens_again_after_it_was_closed(loopback, resolver, servers):
    async def handler(_request, wire):
        await wire.answer()

    server = await servers.start(handler)
    sender = Sender(loopback, resolver)
    for _ in range(2):
        assert (await send(sender, post(server.url()))).status == 200
        await sender.close()


async def test_public_policy_reaches_no_local_server(servers, resolver):
    server = await servers.start(never)
    async with Sender(AddressPolicy(), resolver) as sender:
        for url in (server.url(), server.url(scheme="https"), server.url(host="localhost")):
            assert (await failure(sender, post(url))).reason == "url_not_allowed"
    assert server.connections == 0
