"""Logs: the operators' lines as they know them, and no secret, content or forged line in any form."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from uuid import UUID

import pytest
import structlog

from photoplay.telemetry import configure_logs, get_logger, redact_text

CANARY = "c4n4ry-4711-never-in-a-log"
JOB = UUID("11111111-2222-4333-8444-555555555555")
USER = UUID("99999999-2222-4333-8444-555555555555")
PATH = f"{USER}/generated-videos/{JOB}.mp4"


class Log:
    """The log of this process in one form."""

    def __init__(self, form: str, stream: io.StringIO) -> None:
        self.form = form
        self.stream = stream

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@pytest.fixture(params=["console", "json"])
def log(request, monkeypatch) -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logs(request.param, "debug")
    yield Log(request.param, stream)
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("event", "values", "line"),
    [
        (
            "job.creating",
            {"user_id": USER, "client_request_id": "key-1"},
            f"[VideoAnimate] Creating job for user {USER}, client_request_id: key-1",
        ),
        (
            "attempt.accepted",
            {"provider": "fal-pika", "task_id": "t-1"},
            "[VideoAnimate] Provider job started: fal-pika, taskId: t-1",
        ),
        (
            "job.submission_failed",
            {"job_id": JOB, "error": "busy"},
            f"[VideoAnimate] Job {JOB} failed: busy",
        ),
        (
            "attempt.polling",
            {"provider": "kling", "job_id": JOB},
            f"[VideoJobs] Polling kling status for job {JOB}",
        ),
        (
            "attempt.mapped",
            {"provider": "runway", "raw": "SUCCEEDED", "status": "succeeded"},
            "[VideoJobs] runway status mapped: SUCCEEDED -> succeeded",
        ),
        (
            "video.uploading",
            {"job_id": JOB},
            f"[VideoJobs] Starting upload to storage for job {JOB}",
        ),
        (
            "video.uploaded",
            {"job_id": JOB, "path": PATH},
            f"[VideoJobs] Upload completed for job {JOB}, storage path: {PATH}",
        ),
        ("job.failed", {"job_id": JOB, "error": "gone"}, f"[VideoJobs] Job {JOB} failed: gone"),
    ],
)
def test_operators_find_their_lines(log, event, values, line):
    get_logger("test").info(event, **values)
    if log.form == "json":
        written = json.loads(log.text)
        assert written["message"] == line
        assert written["event"] == event
        assert written["level"] == "info"
        for key, value in values.items():
            assert written[key] == str(value)
    else:
        assert f"] {line}" in log.text
    assert len(log.lines) == 1


SECRETS = {
    "dsn": f"postgresql://photoplay:{CANARY}@db.example:5432/x?sslmode=require",
    "dsn-with-at": f"postgresql://photoplay:{CANARY}@{CANARY}@db.example/x",
    "userinfo": f"http://u:{CANARY}@s3.example/bucket",
    "signed": f"https://s.example/media/a.mp4?expires=1&signature={CANARY}",
    "aws": f"https://b.example/a.mp4?X-Amz-Credential={CANARY}&X-Amz-Signature={CANARY}",
    "ticket": f"/api/video/jobs/{JOB}/video?ticket={CANARY}",
    "bearer": f"Authorization: Bearer {CANARY}",
    "fal": f"Key {CANARY}:{CANARY}",
    "jwt": f"eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}",
    "webhook": f"whsec_{CANARY}",
    "api-key": f"pp_{CANARY}",
    "picture": f"data:image/png;base64,{CANARY.replace('-', '+')}",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_inside_any_text_is_cut_out(log, secret):
    logger = get_logger("test")
    logger.info("something.happened", detail=f"before {secret} after")
    logger.info("something.happened", deep={"list": [{"detail": secret}], "tuple": (secret,)})
    logging.getLogger("a.library").error("cannot reach %s", secret)
    try:
        raise ValueError(secret)
    except ValueError as error:
        logger.exception("something.failed")
        logger.warning("something.failed", error=error)
    assert CANARY not in log.text
    assert CANARY.replace("-", "+") not in log.text
    assert "before" in log.text
    assert "ValueError" in log.text


@pytest.mark.parametrize(
    "key",
    ["prompt", "authorization", "set_cookie", "fal_api_key", "apikey", "jwt_secret", "callback_token",
     "password", "signed_url", "signedUrl", "owner_dsn", "request_body", "signature"],
)  # fmt: skip
def test_the_value_of_a_telling_key_is_never_written(log, key):
    get_logger("test").info("something.happened", **{key: CANARY}, nested={key: [CANARY]})
    with structlog.contextvars.bound_contextvars(**{key: CANARY}):
        get_logger("test").info("something.happened")
    assert CANARY not in log.text
    assert log.text.count("***") == 3


def test_picture_bytes_are_only_counted(log):
    get_logger("test").info("something.happened", content=b"\x89PNG" + CANARY.encode())
    assert CANARY not in log.text
    assert "30 bytes" in log.text


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "break_", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
)
def test_a_value_cannot_forge_a_line(log, break_):
    forged = "2026-01-01T00:00:00Z [info     ] [VideoJobs] Job 1 failed: forged"
    values = f"harmless{break_}{forged}"
    get_logger("test").info("something.happened", value=values)
    get_logger("test").info("job.failed", job_id=JOB, error=values)
    logging.getLogger("a.library").warning("said %s", values)
    assert len(log.lines) == 3
    assert not any(line.startswith("2026-01-01") for line in log.lines)


@pytest.mark.fault(43)
def test_an_exception_cannot_forge_a_line(log):
    forged = "2026-01-01T00:00:00Z [info     ] forged"
    try:
        raise ValueError(f"harmless\n{forged}")
    except ValueError:
        get_logger("test").exception("something.failed")
    assert "harmless" in log.text
    assert not any(line.startswith("2026-01-01") for line in log.lines)
    if log.form == "json":
        assert forged in json.loads(log.text)["exception"]


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "control", ["\x1b[2J", "\x9b2J", "\x08\x08\x08", "\x07", "\u202e", "\u2067"]
)
def test_a_terminal_is_not_controlled_by_a_value(log, control):
    get_logger("test").info("something.happened", value=f"{control}cleared")
    get_logger("test").info("something.happened", deep={f"{control}key": [control]})
    logging.getLogger("a.library").warning("said %s", control)
    try:
        raise ValueError(f"{control}raised")
    except ValueError:
        get_logger("test").exception("something.failed")
    assert control not in log.text
    # Shown as what it is; JSON has a way of its own to write what is left in a traceback.
    assert "cleared" in log.text
    assert "raised" in log.text


def test_what_is_no_secret_stays_as_it_is():
    text = f"job {JOB} at https://example.org/a?page=2#x, postgresql://db.example/x, 12:30@noon, Key of C"
    assert redact_text(text) == text


def test_ids_and_numbers_stay_what_they_are_in_json(log):
    if log.form == "json":
        get_logger("test").info(
            "something.happened", job_id=JOB, n=3, share=0.5, done=True, none=None
        )
        written = json.loads(log.text)
        assert written["job_id"] == str(JOB)
        assert (written["n"], written["share"], written["done"], written["none"]) == (
            3,
            0.5,
            True,
            None,
        )
    else:
        get_logger("test").info("something.happened", job_id=JOB, n=3)
        assert f"job_id={JOB}" in log.text
        assert "n=3" in log.text


def test_a_level_that_is_not_wanted_is_not_written(log, monkeypatch):
    monkeypatch.setattr(sys, "stderr", log.stream)
    configure_logs(log.form, "warning")
    get_logger("test").info("something.happened")
    get_logger("test").warning("something.else")
    assert [("something.else" in line) for line in log.lines] == [True]
