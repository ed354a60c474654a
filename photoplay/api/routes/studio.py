"""The studio: one page, its script and its style, from the package."""

from __future__ import annotations

import gzip
from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from photoplay.domain.errors import NotFoundError

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
    "png": "image/png",
    "jpg": "image/jpeg",
}
# Everything comes from this server; media may come from the object store's own address.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data: https:; media-src 'self' blob: https:; "
    "connect-src 'self' https:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


_TEXTS = frozenset({"html", "css", "js", "svg", "webmanifest"})


@cache
def _compressed(package: str, folder: str, name: str) -> bytes:
    return gzip.compress(_file(package, folder, name) or b"", mtime=0)


@cache
def _file(package: str, folder: str, name: str) -> bytes | None:
    file = resources.files(package).joinpath(folder, name)
    return file.read_bytes() if file.is_file() else None


async def page(request: Request) -> Response:
    """Answer a file of the studio."""
    name = request.path_params.get("name", "index.html")
    return _answer(request, "photoplay.pages", "studio", name)


async def sample(request: Request) -> Response:
    """Answer one of the photographs that come with the package, to try it with."""
    return _answer(request, "photoplay", "samples", request.path_params["name"])


def _answer(request: Request, package: str, folder: str, name: str) -> Response:
    extension = name.rpartition(".")[2]
    content = _file(package, folder, name) if extension in _TYPES and "/" not in name else None
    if content is None:
        raise NotFoundError("There is nothing at this address.")
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": PAGE_POLICY}
    if extension in _TEXTS and "gzip" in request.headers.get("accept-encoding", ""):
        content = _compressed(package, folder, name)
        headers.update({"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    return Response(content, headers=headers, media_type=_TYPES[extension])


routes = [
    Route("/", page),
    Route("/studio/samples/{name}", sample),
    Route("/studio/{name}", page),
]
