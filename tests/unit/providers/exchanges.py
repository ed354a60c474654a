"""Recorded answers as test cases, and orders to ask with."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from photoplay.domain.capability import fit
from photoplay.domain.http import HttpResponse
from photoplay.domain.options import MotionOptions, OptionDefaults
from photoplay.providers.fal import Fal, FalAccount
from photoplay.providers.kling import Kling, KlingAccount
from photoplay.providers.protocol import Order, RemoteProvider
from photoplay.providers.runway import Runway, RunwayAccount

VECTORS = Path(__file__).parent / "vectors"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HANDLE = "0199c3a0-7a60-7c1e-9c38-0d5c1b6f8e11"
PICTURE = f"https://cdn.example.com/in/{HANDLE}.jpg"
CALLBACK = "https://api.example.com/api/video/callbacks/fal-pika/tok-1?x=1&y=2"

PROVIDERS: dict[str, RemoteProvider] = {
    "fal": Fal(FalAccount("id-1:not-a-key")),
    "runway": Runway(RunwayAccount("not-a-key")),
    "kling": Kling(KlingAccount("not-a-key")),
}


def read_vectors(*, step: str) -> list[tuple[str, dict[str, Any]]]:
    """Return every case of a step with what its file says for all of them, by a readable name."""
    found = []
    for path in sorted(VECTORS.glob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        if content.get("step") == step:
            shared = {k: v for k, v in content.items() if k != "cases"}
            found += [(f"{path.stem}: {c['name']}", shared | c) for c in content["cases"]]
    return found


def answer(case: dict[str, Any]) -> HttpResponse:
    """Return the recorded answer of a case."""
    recorded = case["answer"]
    body = json.dumps(recorded["json"]) if "json" in recorded else recorded.get("text", "")
    return HttpResponse.build(
        recorded["status"],
        recorded.get("headers", {}).items(),
        body.encode(),
        truncated=recorded.get("truncated", False),
    )


def reply(status: int, payload: object = None, **headers: str) -> HttpResponse:
    """Return an answer with a JSON body."""
    lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return HttpResponse.build(status, lines, json.dumps(payload).encode())


def told(outcome: Any) -> list[Any]:
    """Return an outcome as the vectors write it."""
    assert is_dataclass(outcome)
    told_fields: dict[str, Any] = {}
    for field in fields(outcome):
        value = getattr(outcome, field.name)
        if isinstance(value, timedelta):
            told_fields[f"{field.name}_s"] = value.total_seconds()
        elif field.name == "retry_after":
            told_fields["retry_after_s"] = None
        elif field.name == "request":
            told_fields["url"] = value.url
        elif is_dataclass(value):
            told_fields[field.name] = told(value)
        else:
            told_fields[field.name] = value.value if isinstance(value, Enum) else value
    return [type(outcome).__name__, told_fields]


def assert_told(outcome: Any, expected: list[Any]) -> None:
    """Fail unless the outcome is of the expected kind and has every field that is named."""
    kind, wanted = expected
    got_kind, got = told(outcome)
    assert (got_kind, {k: got.get(k) for k in wanted}) == (kind, wanted)


def order(provider: RemoteProvider, name: str, **changes: Any) -> Order:
    """Return an order for a model; `asked` are options as a user names them."""
    capability = provider.models[name].capability
    asked = MotionOptions(**changes.pop("asked", {}))
    values: dict[str, Any] = {
        "handle": HANDLE,
        "capability": capability,
        "options": fit(asked, capability, OptionDefaults()),
        "prompt": "leaves drift",
        "picture": PICTURE,
        "picture_size": (1600, 900),
        "callback_url": None,
    }
    return Order(**(values | changes))


def sent(request: Any) -> dict[str, Any]:
    """Return the JSON body of a request."""
    return json.loads(request.body)
