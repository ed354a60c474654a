"""Logs: one structured event a line, with the operators' lines as their text.

Events carry a constant dotted name; everything else is a key. The lines that operators of the older
system look for (`[VideoAnimate] …`, `[VideoJobs] …`) are the text of their events, in console form
as the line itself, in JSON as `message`. Secrets and content are cut out by one processor.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast
from uuid import UUID

import structlog

# Keys whose value is never written, whatever it is.
_SECRET_KEYS = re.compile(
    r"(authorization|cookie|secret|password|token|api_?key|prompt|signature|signed_?url|dsn|body)",
    re.IGNORECASE,
)
# Values that must not be seen even inside a text.
_SECRET_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Up to the last @ of an address' authority: a password may hold one itself.
    (re.compile(r"\b([a-z][a-z0-9+.-]*://[^:/?#\s@]*):[^/?#\s\"']*@", re.IGNORECASE), r"\1:***@"),
    (
        re.compile(
            r"([?&](?:signature|expires|token|ticket|X-Amz-[A-Za-z-]+|sig|key)=)[^&\s\"']+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
    (re.compile(r"\b(Bearer|Key|Basic)\s+[A-Za-z0-9._~+/=:-]{8,}"), r"\1 ***"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), "***"),
    (re.compile(r"\b(?:whsec_|pp_)[A-Za-z0-9_-]{8,}"), "***"),
    (re.compile(r"data:[a-z]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]+"), "data:***"),
)

# event name -> the operators' line
_LINES: dict[str, str] = {
    "job.creating": "[VideoAnimate] Creating job for user {user_id}, client_request_id: {client_request_id}",
    "attempt.accepted": "[VideoAnimate] Provider job started: {provider}, taskId: {task_id}",
    "job.submission_failed": "[VideoAnimate] Job {job_id} failed: {error}",
    "attempt.polling": "[VideoJobs] Polling {provider} status for job {job_id}",
    "attempt.mapped": "[VideoJobs] {provider} status mapped: {raw} -> {status}",
    "video.uploading": "[VideoJobs] Starting upload to storage for job {job_id}",
    "video.uploaded": "[VideoJobs] Upload completed for job {job_id}, storage path: {path}",
    "job.failed": "[VideoJobs] Job {job_id} failed: {error}",
}

Event = MutableMapping[str, Any]
# Line breaks could forge a log line; other control characters, and those that turn the direction of
# reading, a terminal's picture of one.
_UNSEEN = r"\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
_CONTROL = re.compile(rf"[\x00-\x1f{_UNSEEN}]")
_CONTROL_WITHIN_LINES = re.compile(rf"[\x00-\x08\x0b-\x1f{_UNSEEN}]")
# Ours or the library's own, not values.
_UNTOUCHED = frozenset({"timestamp", "level", "exception", "exc_info", "stack_info"})


def _without_secrets(text: str) -> str:
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def redact_text(text: str) -> str:
    """Return the text as one line, without signatures, tokens, passwords and inline pictures."""
    return _CONTROL.sub(_spelt_out, _without_secrets(text))


def _spelt_out(control: re.Match[str]) -> str:
    return control[0].encode("unicode_escape").decode("ascii")


def _redacted(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case bytes():
            return f"{len(value)} bytes"
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            return {
                redact_text(str(k)): "***" if _SECRET_KEYS.search(str(k)) else _redacted(v)
                for k, v in items
            }
        case list() | tuple() | set() | frozenset():
            return [_redacted(part) for part in cast("Iterable[object]", value)]
        case _:
            return redact_text(str(value))


def _redact(_logger: object, _method: str, event: Event) -> Event:
    for key, value in list(event.items()):
        if key not in _UNTOUCHED and not key.startswith("_"):
            event[key] = "***" if _SECRET_KEYS.search(key) else _redacted(value)
    return event


def _redact_exception(_logger: object, _method: str, event: Event) -> Event:
    trace = event.get("exception")
    if isinstance(trace, str):
        event["exception"] = _CONTROL_WITHIN_LINES.sub(_spelt_out, _without_secrets(trace))
    return event


def _with_line(_logger: object, _method: str, event: Event) -> Event:
    template = _LINES.get(str(event.get("event")))
    if template is not None:
        known = {k: v for k, v in event.items() if k != "event"}
        event["message"] = template.format_map(_Missing(known))
    return event


@dataclass(frozen=True, slots=True)
class JobLine:
    """A log line that names a job, as it stands in the log.

    Attributes:
        text: one line, redacted.
    """

    job_id: UUID
    at: datetime
    level: str
    text: str


# Said at every poll, so of no news for whoever looks at one job.
_REPEATED: Final = frozenset({"attempt.polling", "attempt.mapped"})
_ENVELOPE: Final = frozenset(
    {"event", "message", "job_id", "level", "timestamp", "exception", "exc_info", "stack_info"}
)
_MOST_CHARACTERS: Final = 500
_keepers: list[Callable[[JobLine], None]] = []


def keep_job_lines(keep: Callable[[JobLine], None] | None) -> None:
    """Also hand every log line that names a job to `keep`; None ends it."""
    _keepers[:] = [keep] if keep is not None else []


def _keep_job_line(_logger: object, _method: str, event: Event) -> Event:
    name = str(event.get("event"))
    job_id = event.get("job_id")
    is_news = name not in _REPEATED or event.get("status") not in {None, "waiting", "unchanged"}
    if _keepers and isinstance(job_id, str) and is_news:
        rest = " ".join(
            f"{key}={value}"
            for key, value in event.items()
            if key not in _ENVELOPE and not key.startswith("_")
        )
        text = str(event.get("message") or f"{name} {rest}".rstrip())[:_MOST_CHARACTERS]
        at = datetime.fromisoformat(str(event["timestamp"]))
        with contextlib.suppress(ValueError):
            _keepers[0](JobLine(UUID(job_id), at, str(event["level"]), text))
    return event


class _Missing(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "-"


def _for_console(_logger: object, _method: str, event: Event) -> Event:
    if "message" in event:
        event["event"] = event.pop("message")
    if isinstance(event.get("exception"), str):
        # No line of a traceback may look like the beginning of another event.
        event["exception"] = "  " + "\n  ".join(event["exception"].splitlines())
    return event


def configure_logs(form: Literal["console", "json"], level: str) -> None:
    """Send every log line of this process to stderr in the given form, flushed line by line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact,
        _with_line,
        _keep_job_line,
        structlog.processors.format_exc_info,
        _redact_exception,
    ]
    if form == "json":
        ending: list[structlog.typing.Processor] = [structlog.processors.JSONRenderer()]
    else:
        ending = [
            _for_console,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                pad_event_to=0,
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.access", "httpx", "aiohttp.access", "PIL", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # The engine reports every wake; what matters of it we log ourselves.
    logging.getLogger("pgqueuer").setLevel(logging.ERROR)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a component; events are dotted constants, values are keys."""
    return structlog.stdlib.get_logger(name)
