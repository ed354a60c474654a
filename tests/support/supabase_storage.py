"""Supabase Storage as its clients see it: the same routes, answers and weaknesses, objects in memory.

Source: src/http/routes, src/storage and src/internal/errors of supabase/storage, looked up 2026-11-26. What is
kept on purpose: errors are a 400 whose body has the true status; an upload that may not overwrite looks
first and writes afterwards, without looking again; a move is atomic; tus takes chunks of 6 MiB alone.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import jwt
from aiohttp import web

CHUNK = 6 << 20
LIMITS = {
    "source-images": (10 << 20, {"image/png", "image/jpeg", "image/webp"}),
    "generated-videos": (100 << 20, {"video/mp4", "image/jpeg"}),
}
_KEY = re.compile(r"[A-Za-z0-9_/!.*'() &$=@;:+,?-]+", re.ASCII)
_ERRORS = {
    "NoSuchKey": (404, "not_found", "Object not found"),
    "NoSuchBucket": (404, "Bucket not found", "Bucket not found"),
    "KeyAlreadyExists": (409, "Duplicate", "The resource already exists"),
    "InvalidKey": (400, "InvalidKey", "Invalid key"),
    "InvalidMimeType": (415, "invalid_mime_type", "mime type is not supported"),
    "EntityTooLarge": (413, "Payload too large", "The object exceeded the maximum allowed size"),
    "AccessDenied": (403, "Unauthorized", "Invalid Compact JWS"),
    "InvalidSignature": (400, "InvalidSignature", "Invalid signature"),
}


def is_valid(name: str) -> bool:
    return _KEY.fullmatch(name) is not None


class StorageError(Exception):
    """One of the service's errors, by its code."""


@dataclass
class Thing:
    """An object."""

    body: bytes
    content_type: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"'


@dataclass
class Upload:
    """An upload under way by tus."""

    bucket: str
    name: str
    content_type: str
    size: int
    body: bytearray = field(default_factory=bytearray)


class StorageServer:
    """The service, and what a test may do to it.

    Attributes:
        key: the project's service key.
        asked: method and route of every call, in their order.
        cuts: for the next chunks of tus, how many bytes are taken before the connection breaks; None
            takes the chunk and answers.
        refusals: answers with which the next calls fail.
    """

    def __init__(self) -> None:
        self.key = secrets.token_hex(16)
        self.secret = secrets.token_hex(32)
        self.objects: dict[tuple[str, str], Thing] = {}
        self.uploads: dict[str, Upload] = {}
        self.asked: list[str] = []
        self.cuts: list[int | None] = []
        self.refusals: list[int] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"supabase+http://127.0.0.1:{self.port}"

    def application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 30, middlewares=[self._edge])
        rest, tus = "/storage/v1/object", "/storage/v1/upload/resumable"
        routes: list[tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]] = [
            ("POST", f"{rest}/move", self.move),
            ("POST", f"{rest}/list-v2/{{bucket}}", self.list_v2),
            ("POST", f"{rest}/sign/{{bucket}}/{{name:.+}}", self.sign),
            ("GET", f"{rest}/sign/{{bucket}}/{{name:.+}}", self.get_signed),
            ("POST", f"{rest}/upload/sign/{{bucket}}/{{name:.+}}", self.sign_upload),
            ("PUT", f"{rest}/upload/sign/{{bucket}}/{{name:.+}}", self.put_signed),
            ("GET", f"{rest}/info/{{bucket}}/{{name:.+}}", self.info),
            ("GET", f"{rest}/authenticated/{{bucket}}/{{name:.+}}", self.get),
            ("POST", f"{rest}/{{bucket}}/{{name:.+}}", self.create),
            ("DELETE", f"{rest}/{{bucket}}", self.delete),
            ("POST", tus, self.begin),
            ("PATCH", f"{tus}/{{id}}", self.patch),
            ("HEAD", f"{tus}/{{id}}", self.look),
        ]
        for method, path, handler in routes:
            app.router.add_route(method, path, handler)
        return app

    @web.middleware
    async def _edge(self, request, handler):
        self.asked.append(f"{request.method} {request.path.removeprefix('/storage/v1')}")
        if self.refusals:
            return web.json_response({"message": "no"}, status=self.refusals.pop(0))
        try:
            is_open = "/sign/" in request.path and "token" in request.query
            said = request.headers.get("Authorization"), request.headers.get("apikey")
            if not is_open and said != (f"Bearer {self.key}", self.key):
                raise StorageError("AccessDenied")
            return await handler(request)
        except StorageError as error:
            code = str(error)
            status, short, message = _ERRORS[code]
            body = {"statusCode": str(status), "code": code, "error": short, "message": message}
            return web.json_response(body, status=500 if status == 500 else 400)

    # Objects.

    def _place(self, request: web.Request) -> tuple[str, str]:
        bucket, name = request.match_info["bucket"], request.match_info["name"]
        self._check(bucket, name)
        return bucket, name

    def _check(self, bucket: str, name: str) -> None:
        if bucket not in LIMITS:
            raise StorageError("NoSuchBucket")
        if not is_valid(name):
            raise StorageError("InvalidKey")

    def _thing(self, bucket: str, name: str) -> Thing:
        try:
            return self.objects[bucket, name]
        except KeyError:
            raise StorageError("NoSuchKey") from None

    async def _store(self, request: web.Request, bucket: str, name: str, *, upsert: bool) -> None:
        largest, types = LIMITS[bucket]
        if request.content_type not in types:
            raise StorageError("InvalidMimeType")
        if not upsert and (bucket, name) in self.objects:
            raise StorageError("KeyAlreadyExists")
        body = await request.read()
        if len(body) > largest:
            raise StorageError("EntityTooLarge")
        self.objects[bucket, name] = Thing(body, request.content_type)

    async def create(self, request: web.Request) -> web.Response:
        bucket, name = self._place(request)
        await self._store(request, bucket, name, upsert=request.headers.get("x-upsert") == "true")
        return web.json_response({"Id": secrets.token_hex(8), "Key": f"{bucket}/{name}"})

    async def move(self, request: web.Request) -> web.Response:
        asked = await request.json()
        bucket, source, target = asked["bucketId"], asked["sourceKey"], asked["destinationKey"]
        self._check(bucket, target)
        thing = self._thing(bucket, source)
        if (bucket, target) in self.objects:
            raise StorageError("KeyAlreadyExists")
        del self.objects[bucket, source]
        self.objects[bucket, target] = thing
        return web.json_response({"message": "Successfully moved", "Key": target})

    async def info(self, request: web.Request) -> web.Response:
        bucket, name = self._place(request)
        thing = self._thing(bucket, name)
        return web.json_response(
            {
                "name": name, "bucket_id": bucket, "size": len(thing.body), "etag": thing.etag,
                "content_type": thing.content_type, "last_modified": thing.at.isoformat(),
            }
        )  # fmt: skip

    async def get(self, request: web.Request) -> web.Response:
        return self._answer(request, self._thing(*self._place(request)))

    def _answer(self, request: web.Request, thing: Thing) -> web.Response:
        headers = {"ETag": thing.etag, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        if asked is None:
            return web.Response(body=thing.body, content_type=thing.content_type, headers=headers)
        start, end = int(asked[1]), min(int(asked[2]) + 1, len(thing.body))
        if start >= end:
            return web.Response(status=416)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(thing.body)}"
        return web.Response(
            status=206, body=thing.body[start:end], content_type=thing.content_type, headers=headers
        )

    async def delete(self, request: web.Request) -> web.Response:
        bucket = request.match_info["bucket"]
        names = (await request.json())["prefixes"]
        gone = [name for name in names if self.objects.pop((bucket, name), None)]
        return web.json_response([{"name": name} for name in gone])

    async def list_v2(self, request: web.Request) -> web.Response:
        bucket, asked = request.match_info["bucket"], await request.json()
        after = base64.b64decode(asked.get("cursor", "")).decode()
        names = sorted(
            name for held, name in self.objects
            if held == bucket and name.startswith(asked.get("prefix", "")) and name > after
        )  # fmt: skip
        # A page of three, so that there are several.
        page, more = names[:3], len(names) > 3
        objects = [
            {
                "name": name, "updated_at": thing.at.isoformat(),
                "metadata": {"size": len(thing.body), "eTag": thing.etag},
            }
            for name in page
            for thing in [self.objects[bucket, name]]
        ]  # fmt: skip
        cursor = base64.b64encode(page[-1].encode()).decode() if more else None
        return web.json_response(
            {"hasNext": more, "nextCursor": cursor, "folders": [], "objects": objects}
        )

    # Signed addresses.

    def _token(self, url: str, scope: str, seconds: int) -> str:
        claims = {"url": url, "scope": scope, "exp": time.time() + seconds}
        return jwt.encode(claims, self.secret, "HS256")

    def _verify(self, request: web.Request, scope: str) -> tuple[str, str]:
        bucket, name = self._place(request)
        try:
            claims = jwt.decode(request.query["token"], self.secret, ["HS256"])
        except jwt.InvalidTokenError:
            raise StorageError("InvalidSignature") from None
        if (claims["url"], claims["scope"]) != (f"{bucket}/{name}", scope):
            raise StorageError("InvalidSignature")
        return bucket, name

    async def sign(self, request: web.Request) -> web.Response:
        bucket, name = self._place(request)
        self._thing(bucket, name)
        seconds = (await request.json())["expiresIn"]
        token = self._token(f"{bucket}/{name}", "download", seconds)
        return web.json_response({"signedURL": f"/object/sign/{bucket}/{name}?token={token}"})

    async def get_signed(self, request: web.Request) -> web.Response:
        return self._answer(request, self._thing(*self._verify(request, "download")))

    async def sign_upload(self, request: web.Request) -> web.Response:
        bucket, name = self._place(request)
        if (bucket, name) in self.objects:
            raise StorageError("KeyAlreadyExists")
        token = self._token(f"{bucket}/{name}", "upload", 7200)
        address = f"/object/upload/sign/{bucket}/{name}?token={token}"
        return web.json_response({"url": address, "token": token})

    async def put_signed(self, request: web.Request) -> web.Response:
        bucket, name = self._verify(request, "upload")
        await self._store(request, bucket, name, upsert=False)
        return web.json_response({"Key": f"{bucket}/{name}"})

    # Resumable uploads.

    async def begin(self, request: web.Request) -> web.Response:
        told = dict(pair.split(" ") for pair in request.headers["Upload-Metadata"].split(","))
        named = {name: base64.b64decode(value).decode() for name, value in told.items()}
        bucket, name = named["bucketName"], named["objectName"]
        self._check(bucket, name)
        largest, types = LIMITS[bucket]
        size = int(request.headers["Upload-Length"])
        if size > largest:
            return web.Response(status=413, text="Maximum size exceeded")
        if named["contentType"] not in types:
            raise StorageError("InvalidMimeType")
        if request.headers.get("x-upsert") != "true" and (bucket, name) in self.objects:
            raise StorageError("KeyAlreadyExists")
        number = base64.urlsafe_b64encode(f"{bucket}/{name}/{secrets.token_hex(4)}".encode())
        key = number.decode().rstrip("=")
        self.uploads[key] = Upload(bucket, name, named["contentType"], size)
        # Behind its gateway the service does not know the whole of its own address.
        location = f"https://project.invalid/upload/resumable/{key}"
        return web.Response(status=201, headers={"Location": location, "Tus-Resumable": "1.0.0"})

    async def patch(self, request: web.Request) -> web.StreamResponse:
        upload = self.uploads.get(request.match_info["id"])
        if upload is None:
            return web.Response(status=404, text="The file for this url was not found")
        if int(request.headers["Upload-Offset"]) != len(upload.body):
            return web.Response(status=409, text="Upload-Offset conflict")
        chunk = await request.read()
        cut = self.cuts.pop(0) if self.cuts else None
        upload.body += chunk if cut is None else chunk[:cut]
        if len(upload.body) == upload.size:
            self.objects[upload.bucket, upload.name] = Thing(
                bytes(upload.body), upload.content_type
            )
        elif cut is None and len(chunk) != CHUNK:
            return web.Response(status=400, text="chunks have 6 MiB")
        if cut is not None:
            assert request.transport is not None
            request.transport.abort()
        headers = {"Upload-Offset": str(len(upload.body)), "Tus-Resumable": "1.0.0"}
        return web.Response(status=204, headers=headers)

    async def look(self, request: web.Request) -> web.Response:
        upload = self.uploads.get(request.match_info["id"])
        if upload is None:
            return web.Response(status=404)
        headers = {"Upload-Offset": str(len(upload.body)), "Upload-Length": str(upload.size)}
        return web.Response(status=200, headers=headers)


@contextmanager
def serving(server: StorageServer) -> Iterator[StorageServer]:
    """Serve on a free port of loopback, in a thread with its own loop."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    runner = web.AppRunner(server.application())

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.port = runner.addresses[0][1]
        ready.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
