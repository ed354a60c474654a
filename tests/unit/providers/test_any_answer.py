"""Whatever a provider, a proxy or an attacker answers: no step raises, and nothing is made up."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photoplay.domain.http import HttpResponse
from photoplay.domain.outcomes import (
    Absent,
    Accepted,
    Blocked,
    Failed,
    Forged,
    Found,
    Hint,
    Refused,
    Succeeded,
    Unchanged,
    Undecided,
    Unknown,
    Waiting,
)
from photoplay.providers.answers import address
from photoplay.providers.protocol import CancelAnswer, Lost, More, PictureFile, Placed, Task
from tests.unit.providers.exchanges import HANDLE, NOW, PROVIDERS

WORDS = st.sampled_from(
    [
        "IN_QUEUE", "IN_PROGRESS", "COMPLETED", "PENDING", "RUNNING", "SUCCEEDED", "FAILED",
        "submitted", "processing", "succeeded", "succeed", "failed", "OK", "NOT_FOUND",
        "content_policy_violation", "runner_scheduling_failure", "internal_error", "SAFETY.INPUT",
        "https://a.example/v.mp4", "http://[::1", "https://", "file:///x", "123", "task-1", "", "..",
        "\ud800", "\x00", "1e999", "nan", HANDLE, f"https://a.example/{HANDLE}.jpg", "runway://x",
    ]
)  # fmt: skip
KEYS = st.sampled_from(
    [
        "id", "request_id", "task_id", "status", "task_status", "code", "data", "detail", "type",
        "error", "error_type", "message", "video", "url", "output", "outputs", "cost", "credits",
        "failureCode", "progress", "items", "json_input", "json_output", "status_code", "has_more",
        "next_cursor", "billing", "amount", "currency", "final_unit_deduction", "task_result",
        "videos", "external_id", "task_info", "external_task_id", "upload_url", "file_url",
        "uploadUrl", "runwayUri", "fields", "keys", "x", "kty", "crv", "loc", "response_url", "seed",
    ]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), WORDS,
    st.sampled_from([0, 1, -1, 200, 422, 1203, 10**400, 5000]), st.text(max_size=20),
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(KEYS, JSON, max_size=8).map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"", b"{}", b"[" * 20_000, b'{"request_id":' + b"9" * 5000 + b"}"]),
)
STATUSES = st.one_of(
    st.integers(200, 599), st.sampled_from([200, 202, 400, 404, 410, 422, 429, 500, 503])
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Retry-After",
                "X-Fal-Error-Type",
                "X-Fal-Retryable",
                "x-fal-billable-units",
                "x-fal-request-id",
            ]
        ),
        st.one_of(
            WORDS, st.sampled_from(["7", "-1", "true", "0", "inf", "Sun, 22 Nov 2026 12:00:20 GMT"])
        ),
    ),
    max_size=4,
)
ANSWERS = st.builds(
    lambda status, headers, body, cut: HttpResponse.build(status, headers, body, truncated=cut),
    STATUSES, HEADERS, BODIES, st.booleans(),
)  # fmt: skip
MODELS = [
    ("fal", "fal-ai/pika/v2.2/image-to-video"),
    ("runway", "gen4_turbo"),
    ("kling", "kling-3.0"),
    ("kling", "kling-v2-6"),
]
each_dialect = pytest.mark.parametrize(("name", "model"), MODELS)
few = settings(max_examples=40, deadline=None)
KEY = bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
LONG_AGO = NOW - timedelta(hours=1)


def holds(response: HttpResponse, value: str) -> bool:
    """Return whether an id stands in the answer as a JSON value."""
    parsed: Any = json.loads(response.body)
    flat = [parsed]
    while flat:
        here = flat.pop()
        if str(here) == value and not isinstance(here, bool):
            return True
        flat += (
            list(here.values())
            if isinstance(here, dict)
            else here
            if isinstance(here, list)
            else []
        )
    return False


@each_dialect
@few
@given(response=ANSWERS)
def test_submission_is_only_accepted_with_an_id(name, model, response):
    outcome = PROVIDERS[name].read_submit(response, NOW)
    assert isinstance(outcome, Accepted | Refused | Unknown)
    if isinstance(outcome, Accepted):
        assert 200 <= response.status < 300
        assert not response.truncated
        assert holds(response, outcome.task_id)


@each_dialect
@few
@given(response=ANSWERS)
def test_a_5xx_never_proves_that_nothing_was_begun(name, model, response):
    outcome = PROVIDERS[name].read_submit(response, NOW)
    if response.status >= 500 and isinstance(outcome, Refused):
        listed = b"runner_scheduling_failure" in response.body + str(response.headers).encode()
        coded = name == "kling" and 0 < json.loads(response.body)["code"] < 5000
        assert (response.status == 503 and listed) or coded


@each_dialect
@few
@given(response=ANSWERS, second=ANSWERS)
def test_following_a_task_ends_within_two_further_answers(name, model, response, second):
    provider, task = PROVIDERS[name], Task("task-1", model, LONG_AGO)
    outcome = provider.read_poll(task, response, NOW)
    for answer in (second, response):
        if isinstance(outcome, More):
            outcome = provider.read_result(task, outcome, answer, NOW)
    assert isinstance(outcome, Waiting | Succeeded | Failed | Blocked | Unchanged)
    if isinstance(outcome, Succeeded):
        assert address(outcome.location) == outcome.location
        assert not (response.truncated and second.truncated)
    if isinstance(outcome, Waiting) and outcome.progress is not None:
        assert 0 <= outcome.progress <= 1


@each_dialect
@few
@given(response=ANSWERS, age_s=st.integers(0, 1000))
def test_unknown_submission_is_never_made_up(name, model, response, age_s):
    lost = Lost(HANDLE, model, NOW - timedelta(seconds=age_s))
    outcome = PROVIDERS[name].read_resolve(lost, response, NOW)
    assert isinstance(outcome, Found | Absent | Undecided | More)
    if isinstance(outcome, Found):
        assert holds(response, outcome.task_id)
    if isinstance(outcome, Absent):
        assert name == "kling"
        assert age_s >= 120
        assert response.status < 500 or model == "kling-v2-6"


@pytest.mark.parametrize("name", list(PROVIDERS))
@few
@given(response=ANSWERS)
def test_other_answers_are_read_or_ignored(name, response):
    provider = PROVIDERS[name]
    picture = PictureFile(HANDLE, b"\xff\xd8", "image/jpeg")
    placed = provider.read_upload(picture, response)
    assert placed is None or isinstance(placed, Placed)
    if placed is not None:
        assert "Authorization" not in placed.request.headers
    assert isinstance(provider.read_cancel(response), CancelAnswer)
    assert all(len(key) == 32 for key in provider.read_callback_keys(response))


@pytest.mark.parametrize("name", list(PROVIDERS))
@few
@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                "X-Fal-Webhook-Request-Id", "X-Fal-Webhook-User-Id", "X-Fal-Webhook-Timestamp",
                "X-Fal-Webhook-Signature", "webhook-id", "webhook-timestamp", "webhook-signature",
            ]
        ),
        st.one_of(
            st.text(max_size=40),
            st.sampled_from([str(int(NOW.timestamp())), "00" * 64, "v1,x", "v1,é v2,", "9" * 30]),
        ),
    ),
    body=BODIES,
)  # fmt: skip
def test_callback_is_never_genuine_by_chance(name, headers, body):
    outcome = PROVIDERS[name].verify_callback(headers, body, [KEY, b"short"], NOW)
    # Kling without a secret signs nothing: its callbacks are hints by their address alone.
    assert isinstance(outcome, Hint if name == "kling" else Forged)
