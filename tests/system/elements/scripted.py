"""Answers of the service for states that a real one reaches rarely; held to the API's own models."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from playwright.sync_api import Page, Route

from photoplay.api import wire

_JOB: dict[str, Any] = {
    "id": "7d9f3c1e-52c4-4b6e-9a51-0c9f6a2b8e10",
    "user_id": "00000000-0000-4000-8000-000000000001",
    "status": "running",
    "phase": "waiting",
    "progress": None,
    "overdue": False,
    "version": 1,
    "provider": "fal-pika",
    "provider_job_id": None,
    "error": None,
    "failure": None,
    "created_at": "2026-01-05T12:00:00Z",
    "updated_at": "2026-01-05T12:00:20Z",
    "started_at": None,
    "finished_at": None,
    "expires_at": None,
    "source_image_url": "picture.jpg",
    "output_video_url": None,
    "options": {"durationSec": 4},
    "effective_options": None,
    "attempts": [],
    "result": None,
    "video": None,
    "client_request_id": None,
    "cost_usd": None,
}


def job(**changes: Any) -> dict[str, Any]:
    """A job as the API shows it."""
    made = {**_JOB, **changes}
    wire.Job.model_validate_json(json.dumps(made))
    return made


def id_of(name: str) -> str:
    """The id of the job that the picture of this name leads to."""
    return str(uuid5(NAMESPACE_URL, name))


def failed(code: str, charged: bool | None = None, message: str = "") -> dict[str, Any]:
    failure = {"code": code, "message": message, "retryable": False, "charged": charged}
    return job(status="failed", phase="done", failure=failure, error=message)


def problem(status: int, code: str, **details: Any) -> Callable[[Route], None]:
    body = {
        "type": f"about:blank#{code}",
        "title": "Refused",
        "status": status,
        "detail": "Refused.",
        "instance": "/api/video/animate",
        "code": code,
        "retryable": status in {429, 503},
        "request_id": uuid4().hex,
        "success": False,
        "error": "Refused.",
        "details": details or None,
    }
    wire.Problem.model_validate(body)
    return lambda route: route.fulfill(
        status=status, body=json.dumps(body), content_type="application/problem+json"
    )


_TOMORROW = (datetime.now(UTC) + timedelta(hours=8)).isoformat()
QUOTA = problem(429, "quota_exceeded", limit=20, remaining=0, resetsAt=_TOMORROW)
BUSY = problem(429, "too_many_open_jobs", maxOpenJobs=5)
SIGNED_OUT = problem(401, "unauthenticated")
NO_PICTURE = problem(400, "image_not_found")
TOO_LARGE = problem(400, "image_too_large", limit=10)
DOWN = problem(503, "database_unavailable")
Answer = Callable[[Route], None] | dict[str, Any] | None

# What becomes of a press, by name: a job, a refusal, or no answer at all.
STATES: dict[str, Answer] = {
    "starting": None,
    "queued": job(status="queued", phase="accepted"),
    "studied": job(phase="preparing"),
    "submitted": job(phase="submitting"),
    "made": job(progress=0.62),
    "late": job(overdue=True),
    "stored": job(phase="storing", progress=0.97),
    "succeeded": job(status="succeeded", phase="done"),
    "cancelled": job(status="cancelled", phase="done"),
    "content": failed("content_refused", False),
    "image": failed("image_rejected", False),
    "unavailable": failed("providers_unavailable", False),
    "unknown": failed("outcome_unknown", None),
    "provider": failed("provider_failed", True),
    "storage": failed("storage_failed", True),
    "expired": failed("expired", None),
    "quota": QUOTA,
    "busy": BUSY,
    "signed-out": SIGNED_OUT,
    "no-picture": NO_PICTURE,
    "too-large": TOO_LARGE,
    "down": DOWN,
}


def _data(route: Route, data: object, status: int = 200) -> None:
    body = json.dumps({"success": True, "data": data})
    route.fulfill(status=status, body=body, content_type="application/json")


class Script:
    """What the service of a page answers, by the name of the picture; changed, it is told at the next look."""

    def __init__(self, page: Page, **answers: Answer) -> None:
        self.answers = dict(answers)
        page.route("**/api/video/animate", self._create)
        offers = [{"provider": "fal-pika", "typical_s": 40.0}]
        page.route("**/api/video/offers", lambda r: _data(r, offers))
        page.route("**/api/video/jobs/*", self._job)
        page.route("**/api/video/jobs/*?*", self._job)
        page.route("**/api/video/jobs/*/events", lambda r: r.fulfill(status=502))

    def _create(self, route: Route) -> None:
        name = (route.request.post_data_json or {})["imageId"]
        answer = self.answers[name]
        if callable(answer):
            answer(route)
        elif answer is not None:
            made = {"jobId": id_of(name), "status": answer["status"], "duplicate": False}
            _data(route, made, 202)

    def _job(self, route: Route) -> None:
        asked = route.request.url.partition("/jobs/")[2].partition("?")[0]
        (answer,) = (answer for name, answer in self.answers.items() if id_of(name) == asked)
        assert isinstance(answer, dict)
        _data(route, {**answer, "id": asked})
