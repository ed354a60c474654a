"""The OpenAPI document, also without a database: for the snapshot, clients and documentation."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from photoplay import __version__


def describe(app: FastAPI) -> None:
    """Set what the document says of the application as a whole."""
    app.title = "Photoplay"
    app.version = __version__
    app.description = "Turns a picture into a stored video, exactly once."


def openapi_document() -> dict[str, Any]:
    """Return the document that a server of this release answers at `/openapi.json`."""
    from photoplay.api.app import mount

    app = FastAPI(openapi_url="/openapi.json", docs_url=None, redoc_url=None)
    describe(app)
    mount(app)
    return app.openapi()
