"""Raw servers that misbehave on purpose, and a resolver whose answers a test names."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from photoplay.network import dialling
from photoplay.network.addresses import Address, AddressPolicy


class NamedResolver:
    """Answers from a table; each entry may be a list of answers for one look-up after another."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []
        self.silent: set[str] = set()

    def say(self, host: str, *answers: Sequence[str] | str) -> None:
        self.answers[host] = [(a,) if isinstance(a, str) else a for a in answers]

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        if host in self.silent:
            await asyncio.Event().wait()
        answers = self.answers.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(text) for text in answer]


@dataclass
class Received:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Wire:
    """One connection, from the server's side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: str = "200 OK", body: bytes = b"", *lines: str) -> None:
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines]
        await self.send("\r\n".join([*head, "", ""]).encode() + body)

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Handler = Callable[[Received, Wire], Awaitable[None]]


@dataclass
class RawServer:
    host: str
    port: int
    server: asyncio.Server
    connections: int = 0
    requests: list[Received] = field(default_factory=list)
    tasks: set[asyncio.Task] = field(default_factory=set)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/", scheme: str = "http", host: str | None = None) -> str:
        return f"{scheme}://{host or self.host}:{self.port}{path}"


async def read_request(reader: asyncio.StreamReader, *, with_body: bool = True) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    method, target, _ = first.split(" ")
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
    assert "transfer-encoding" not in headers
    received = Received(method, target, headers)
    if with_body:
        received.body = await reader.readexactly(int(headers.get("content-length", "0")))
    return received


class Servers:
    def __init__(self) -> None:
        self.started: list[RawServer] = []

    async def start(
        self,
        handler: Handler | None = None,
        *,
        host: str = "127.0.0.1",
        on_connect: Callable[[Wire], Awaitable[None]] | None = None,
        tls: ssl.SSLContext | None = None,
        with_body: bool = True,
    ) -> RawServer:
        """Serve `handler` for each request, or `on_connect` in its place for each connection."""
        raw: RawServer

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            raw.connections += 1
            task = asyncio.current_task()
            assert task is not None
            raw.tasks.add(task)
            wire = Wire(reader, writer)
            try:
                if on_connect is not None:
                    await on_connect(wire)
                while handler is not None and not writer.is_closing():
                    request = await read_request(reader, with_body=with_body)
                    raw.requests.append(request)
                    await handler(request, wire)
            except (
                asyncio.IncompleteReadError,
                ConnectionError,
                asyncio.CancelledError,
                ssl.SSLError,
            ):
                pass
            finally:
                raw.left.set()
                raw.tasks.discard(task)
                writer.close()
                with contextlib.suppress(Exception):
                    await writer.wait_closed()

        server = await asyncio.start_server(serve, host, 0, ssl=tls)
        raw = RawServer(host, server.sockets[0].getsockname()[1], server)
        self.started.append(raw)
        return raw

    async def stop(self) -> None:
        for raw in self.started:
            raw.server.close()
            tasks = list(raw.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def servers():
    running = Servers()
    yield running
    await running.stop()


@pytest.fixture
def resolver() -> NamedResolver:
    return NamedResolver()


@pytest.fixture
def loopback() -> AddressPolicy:
    return AddressPolicy.parse(["127.0.0.0/8"])


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Dialled(list):
    """Every place that was dialled; `lead` makes a public one end at a local server."""

    def __init__(self) -> None:
        super().__init__()
        self.lead: dict[tuple[str, int], tuple[str, int]] = {}


@pytest.fixture
async def dialled(monkeypatch) -> Dialled:
    places = Dialled()
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def spy(sock, place):
        places.append(place[:2])
        await connect(sock, places.lead.get(place[:2], place))

    monkeypatch.setattr(loop, "sock_connect", spy)
    return places


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A certificate authority of the test's own, and a context that proves `*.example`."""
    folder = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Photoplay tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("api.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain = folder / "chain.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = folder / "key.pem"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return chain, context


@pytest.fixture
def server_tls(authority, monkeypatch):
    """The server's side of TLS as `api.example`, trusted by whoever reads SSL_CERT_FILE."""
    chain, context = authority
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    dialling.trust.cache_clear()
    yield context
    dialling.trust.cache_clear()
