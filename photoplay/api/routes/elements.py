"""/elements: the custom elements, for pages of any origin."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from photoplay.api.packaged import packaged

# A script of a module graph is fetched with CORS; there is nothing of any user in it.
_HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
# A name that carries the hash of its content never has another content.
_HASHED = re.compile(r".+-[A-Z0-9]{8}\.js")
_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}


async def element(request: Request) -> Response:
    """Answer a script of the elements; `index.js` defines all of them."""
    name = request.path_params["name"]
    headers = {**_HEADERS, **_FOR_GOOD} if _HASHED.fullmatch(name) else _HEADERS
    return packaged(request, "photoplay.pages", "elements", name, headers)


routes = [Route("/elements/{name}", element)]
