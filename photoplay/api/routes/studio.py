"""The studio: one page, its script and its style, from the package."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from photoplay.api.packaged import packaged

# Everything comes from this server; media may come from the object store's own address.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data: https:; media-src 'self' blob: https:; "
    "connect-src 'self' https:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": PAGE_POLICY}


async def page(request: Request) -> Response:
    """Answer a file of the studio."""
    name = request.path_params.get("name", "index.html")
    return packaged(request, "photoplay.pages", "studio", name, _HEADERS)


async def sample(request: Request) -> Response:
    """Answer one of the photographs that come with the package, to try it with."""
    return packaged(request, "photoplay", "samples", request.path_params["name"], _HEADERS)


routes = [
    Route("/", page),
    Route("/studio/samples/{name}", sample),
    Route("/studio/{name}", page),
]
