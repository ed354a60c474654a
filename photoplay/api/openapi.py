"""The OpenAPI document, also without a database: for the snapshot, clients and documentation."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from photoplay import __version__
from photoplay.api.codes import CODES
from photoplay.api.problem import MEDIA_TYPE

_REF: Final = "#/components/schemas/"
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": _REF + "Problem"}}}
# The framework's form of a validation error, which is never answered.
_NOT_OURS: Final = ("HTTPValidationError", "ValidationError")
# What any route of the API may answer: by what is down, and by who asks.
_OF_EVERYBODY: Final = {"503": "The database does not answer; nothing was changed"}
_OF_WHO_ASKS: Final = {
    "400": "A header or parameter cannot be used; `code` says which",
    "401": "Not signed in",
    "403": "Not for this identity",
}


def describe(app: FastAPI) -> None:
    """Set what the document says of the application as a whole."""
    app.title = "Photoplay"
    app.version = __version__
    app.description = "Turns a picture into a stored video, exactly once."
    framework = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _corrected(framework())
        return app.openapi_schema

    app.openapi = document


def openapi_document() -> dict[str, Any]:
    """Return the document that a server of this release answers at `/openapi.json`."""
    from photoplay.api.app import mount

    app = FastAPI(openapi_url="/openapi.json", docs_url=None, redoc_url=None)
    describe(app)
    mount(app)
    return app.openapi()


def parameter(
    name: str, place: str, description: str, *, required: bool = False, schema: str = "string"
) -> dict[str, Any]:
    """Return a parameter that a route reads by itself, for its `openapi_extra`."""
    return {
        "name": name,
        "in": place,
        "required": required,
        "schema": {"type": schema},
        "description": description,
    }


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    """Say what is really answered: problems in their own media type, with their codes."""
    components = document["components"]
    for name in _NOT_OURS:
        components["schemas"].pop(name, None)
    components["schemas"]["Problem"]["properties"]["code"] |= {
        "enum": list(CODES),
        "description": "\n".join(
            f"- `{code}` ({status}): {meaning}" for code, (status, meaning) in CODES.items()
        ),
    }
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "Not needed in local mode.",
        }
    }
    for path, item in document["paths"].items():
        for operation in item.values():
            if path.startswith("/api/"):
                refusals = dict(_OF_EVERYBODY)
                # A provider has no identity of ours.
                if not path.startswith("/api/video/callbacks/"):
                    operation["security"] = [{"bearer": []}]
                    refusals |= _OF_WHO_ASKS
                for status, description in refusals.items():
                    answer = {"description": description, "content": _PROBLEM}
                    operation["responses"].setdefault(status, answer)
            _correct_answers(operation)
    return document


def _correct_answers(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    checked = {each["in"] for each in operation.get("parameters", [])} - {"path"}
    if not checked and "requestBody" not in operation:
        # An id that is none names nothing: 404.
        answers.pop("422", None)
    for answer in answers.values():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        name = schema.get("$ref", "").removeprefix(_REF)
        if name in {"Problem", *_NOT_OURS}:
            answer["content"] = _PROBLEM
    answers["default"] = {"description": "Any other refusal", "content": _PROBLEM}
