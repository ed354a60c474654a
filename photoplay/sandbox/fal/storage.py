"""fal's storage: uploads for requests, and the public files that results point at."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from photoplay.sandbox.provider import Call

if TYPE_CHECKING:
    from photoplay.sandbox.fal.provider import FalSandbox

_TOKEN_LIFE_S: Final = 3600
_MAX_BYTES: Final = 100 << 20


class StorageRoutes:
    """Tokens, uploads and files."""

    def __init__(self, fal: FalSandbox) -> None:
        self._fal = fal
        self._tokens: set[str] = set()
        self._open_uploads: set[str] = set()

    def routes(self) -> list[Route]:
        route = self._fal.route
        return [
            route("/rest/storage/auth/token", self._token, "token", "POST"),
            route("/rest/storage/upload/initiate", self._initiate, "upload", "POST"),
            route("/cdn/uploads/{name}", self._put, "put", "PUT"),
            route("/cdn/files/upload", self._upload, "put", "POST"),
            route("/cdn/files/b/{name}", self._file, "media", "GET", "HEAD"),
        ]

    async def _token(self, call: Call) -> Response:
        if not self._fal.is_signed_in(call.request):
            return self._fal.refusal("unauthorized")
        world = self._fal.world
        token = world.new_token(40)
        self._tokens.add(token)
        expires_at = world.now() + timedelta(seconds=_TOKEN_LIFE_S)
        return JSONResponse(
            {
                "token": token,
                "token_type": "Bearer",
                "base_url": f"{self._fal.base_url}/cdn",
                "expires_at": expires_at.isoformat(),
            }
        )

    async def _initiate(self, call: Call) -> Response:
        if not self._fal.is_signed_in(call.request):
            return self._fal.refusal("unauthorized")
        try:
            asked = call.json()
            kind, name = str(asked["content_type"]), str(asked["file_name"])
        except (ValueError, KeyError, TypeError):
            return self._fal.refusal("bad_request", "file_name and content_type are required")
        file = self._new_name(name, kind)
        self._open_uploads.add(file)
        signature = self._fal.world.new_token()
        return JSONResponse(
            {
                "upload_url": f"{self._fal.base_url}/cdn/uploads/{file}?signature={signature}",
                "file_url": self._address(file),
            }
        )

    async def _put(self, call: Call) -> Response:
        name = call.request.path_params["name"]
        if name not in self._open_uploads or not call.request.query_params.get("signature"):
            return Response(
                "<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml"
            )
        if len(call.body) > _MAX_BYTES:
            return Response(status_code=413)
        self._open_uploads.discard(name)
        await self._fal.world.keep_upload(self._address(name), call.body)
        return Response(status_code=200)

    async def _upload(self, call: Call) -> Response:
        scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            return JSONResponse({"detail": "Unauthorized"}, 401)
        headers = call.request.headers
        name = self._new_name(
            headers.get("x-fal-file-name", "file"), headers.get("content-type", "")
        )
        await self._fal.world.keep_upload(self._address(name), call.body)
        return JSONResponse({"access_url": self._address(name)})

    async def _file(self, call: Call) -> Response:
        name = call.request.path_params["name"]
        uploaded = self._fal.world.uploads.get(self._address(name))
        if uploaded is not None:
            return FileResponse(uploaded, media_type="application/octet-stream")
        return self._fal.file(name)

    def _new_name(self, name: str, kind: str) -> str:
        suffix = name.rpartition(".")[2] if "." in name else kind.rpartition("/")[2]
        ending = "".join(c for c in suffix if c.isascii() and c.isalnum())[:5] or "bin"
        return f"{self._fal.world.new_token()}.{ending}"

    def _address(self, name: str) -> str:
        return f"{self._fal.base_url}/cdn/files/b/{name}"
