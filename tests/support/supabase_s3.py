"""The S3 face of Supabase Storage, as far as our S3 store uses it; objects in memory.

Source: src/storage/protocols/s3 of supabase/storage, looked up 2026-11-26. Kept on purpose: no condition on
a PUT or a copy is looked at, so nothing is create-only. Signatures are not verified: obstore makes them.
"""

from __future__ import annotations

import secrets
from urllib.parse import unquote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aiohttp import web

from tests.support.supabase_storage import StorageServer, Thing, is_valid

BUCKET = "photoplay"


class S3Server(StorageServer):
    """The same service with one more bucket, which knows no limits."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: dict[str, dict[int, bytes]] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/storage/v1/s3"

    def application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 30)
        place = f"/storage/v1/s3/{BUCKET}"
        for method, path, handler in (
            ("GET", place, self.s3_list),
            ("POST", place, self.s3_delete_many),
            ("PUT", f"{place}/{{name:.+}}", self.s3_put),
            ("POST", f"{place}/{{name:.+}}", self.s3_multipart),
            ("GET", f"{place}/{{name:.+}}", self.s3_get),
            ("HEAD", f"{place}/{{name:.+}}", self.s3_head),
            ("DELETE", f"{place}/{{name:.+}}", self.s3_delete),
        ):
            app.router.add_route(method, path, handler)
        return app

    def _key(self, request: web.Request) -> tuple[str, str]:
        return BUCKET, request.match_info["name"]

    async def s3_put(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not is_valid(request.match_info["name"]):
            return _xml("<Error><Code>InvalidKey</Code></Error>", 400)
        if "uploadId" in request.query:
            parts = self.parts[request.query["uploadId"]]
            parts[int(request.query["partNumber"])] = body
            return web.Response(headers={"ETag": f'"{request.query["partNumber"]}"'})
        source = request.headers.get("x-amz-copy-source")
        if source is not None:
            name = unquote(source).lstrip("/").removeprefix(f"{BUCKET}/")
            thing = self.objects[BUCKET, name]
            self.objects[self._key(request)] = Thing(thing.body, thing.content_type)
            return _xml(f"<CopyObjectResult><ETag>{thing.etag}</ETag></CopyObjectResult>")
        thing = self.objects[self._key(request)] = Thing(body, request.content_type)
        return web.Response(headers={"ETag": thing.etag})

    async def s3_multipart(self, request: web.Request) -> web.Response:
        if "uploads" in request.query:
            upload = secrets.token_hex(8)
            self.parts[upload] = {}
            return _xml(
                "<InitiateMultipartUploadResult>"
                f"<UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
        parts = self.parts.pop(request.query["uploadId"])
        body = b"".join(parts[number] for number in sorted(parts))
        thing = self.objects[self._key(request)] = Thing(body, "video/mp4")
        return _xml(
            f"<CompleteMultipartUploadResult><ETag>{escape(thing.etag)}</ETag>"
            "</CompleteMultipartUploadResult>"
        )

    async def s3_get(self, request: web.Request) -> web.Response:
        thing = self.objects.get(self._key(request))
        if thing is None:
            return _xml("<Error><Code>NoSuchKey</Code></Error>", 404)
        answer = self._answer(request, thing)
        answer.headers["Last-Modified"] = thing.at.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return answer

    async def s3_head(self, request: web.Request) -> web.Response:
        answer = await self.s3_get(request)
        if answer.status == 200:
            answer.headers["Content-Length"] = str(len(self.objects[self._key(request)].body))
        return answer

    async def s3_delete(self, request: web.Request) -> web.Response:
        if "uploadId" in request.query:
            self.parts.pop(request.query["uploadId"], None)
        else:
            self.objects.pop(self._key(request), None)
        return web.Response(status=204)

    async def s3_delete_many(self, request: web.Request) -> web.Response:
        asked = ET.fromstring(await request.read()).iter()
        names = [element.text or "" for element in asked if element.tag.endswith("Key")]
        for name in names:
            self.objects.pop((BUCKET, name), None)
        gone = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
        return _xml(f"<DeleteResult>{gone}</DeleteResult>")

    async def s3_list(self, request: web.Request) -> web.Response:
        prefix = request.query.get("prefix", "")
        entries = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(thing.body)}</Size>"
            f"<ETag>{escape(thing.etag)}</ETag>"
            f"<LastModified>{thing.at.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}</LastModified></Contents>"
            for (_, name), thing in sorted(self.objects.items())
            if name.startswith(prefix)
        )
        return _xml(
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
        )


def _xml(text: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=text, content_type="application/xml")
