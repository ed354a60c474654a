"""Calls to the HTTP API of Supabase Storage.

They block, for a store's calls are made in threads of its own. No proxy of the environment is used and no
redirect is followed: the service key goes to the configured host alone.
Source: routes and errors of supabase/storage at commit of 2026-08-21, looked up 2026-11-26.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from photoplay.storage.errors import StorageError, StorageUnavailableError

_CONNECT_S: Final = 10.0
_SILENCE_S: Final = 120.0
_PAUSES_S: Final = (0.2, 1.0)
_READ_BYTES: Final = 512 << 10
_MAX_ANSWER: Final = 16 << 20


class DuplicateError(Exception):
    """Something is stored under that name already."""


@dataclass(frozen=True, slots=True)
class SupabaseOptions:
    """How to reach a project's storage.

    Attributes:
        service_key: the project's secret or service key; no policy stops it.
    """

    service_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered, whatever it was."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> tuple[int, str]:
        """The true status, which older releases put into the body of a 400, and the error's code."""
        try:
            said: Any = json.loads(self.body)
            return int(said.get("statusCode", self.status)), str(said.get("code") or said["error"])
        except (ValueError, TypeError, KeyError, AttributeError):
            return self.status, ""

    @property
    def is_passing(self) -> bool:
        """Whether the same call may well succeed in a moment."""
        status, _ = self.problem
        return status in {423, 429} or status >= 500

    def require_success(self) -> None:
        """Return if the call was done.

        Raises:
            FileNotFoundError: there is no such object.
            DuplicateError: there is one already.
            StorageUnavailableError: anything else; the message says what an operator can do.
        """
        if 200 <= self.status < 300:
            return
        status, code = self.problem
        if status == 404 and "ucket" not in code:
            raise FileNotFoundError
        if status == 409:
            raise DuplicateError
        if status == 404:
            raise StorageUnavailableError(
                "the project has no such bucket; apply the migrations, or make it as docs/supabase.md says"
            )
        if status in {401, 403}:
            raise StorageUnavailableError(
                "Supabase Storage refuses the key; correct PHOTOPLAY_SUPABASE_SERVICE_KEY"
            )
        raise StorageUnavailableError(details={"reason": f"{status} {code}".strip()})


def storage_address(url: str) -> str:
    """Return the address of the API that a store's URL names, without a slash at its end.

    Args:
        url: `supabase://PROJECT`, `supabase://host` for one's own installation, or
            `supabase+http://host:port` for one without TLS.

    Raises:
        StorageError: it is none of these; correct the setting.
    """
    parts = urlsplit(url)
    try:
        is_well_formed = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_well_formed = False
    if not is_well_formed or parts.path.strip("/") or parts.query or "@" in parts.netloc:
        raise StorageError(
            "a Supabase store is supabase://PROJECT, supabase://host or supabase+http://host:port",
            code="store_url",
        )
    scheme = "http" if parts.scheme == "supabase+http" else "https"
    is_project = scheme == "https" and parts.port is None and "." not in parts.netloc
    host = f"{parts.netloc}.supabase.co" if is_project else parts.netloc
    return f"{scheme}://{host}/storage/v1"


class Calls:
    """Calls to one project's storage; many threads may call at once.

    Args:
        address: as `storage_address` returns it.
    """

    def __init__(self, address: str, options: SupabaseOptions) -> None:
        self.address = address
        parts = urlsplit(address)
        self._is_secure = parts.scheme == "https"
        self._host, self._port, self._prefix = parts.hostname or "", parts.port, parts.path
        self._headers = {
            "Authorization": f"Bearer {options.service_key}",
            "apikey": options.service_key,
        }
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send JSON, or nothing, and return the answer's JSON; tried again when that may help.

        Raises:
            FileNotFoundError, DuplicateError, StorageUnavailableError: as `Answer.require_success`.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        answer = self.send(method, path, headers, data)
        answer.require_success()
        return json.loads(answer.body)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Make a call that may be made twice, and return its answer.

        Raises:
            OSError: it was not answered, also not when tried again.
        """
        for pause in (*_PAUSES_S, None):
            try:
                answer = self.send_once(method, path, headers, body)
            except OSError:
                if pause is None:
                    raise
            else:
                if pause is None or not answer.is_passing:
                    return answer
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def send_once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Make a call once, and return its answer.

        Raises:
            OSError: it was not answered.
        """
        with self._answered(method, path, headers, body) as response:
            said = response.read(_MAX_ANSWER + 1)
            if len(said) > _MAX_ANSWER:
                raise OSError("the answer is too long")
            return Answer(response.status, dict(response.headers.items()), said)

    def read(self, path: str, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes of an object as they come.

        Raises:
            FileNotFoundError: there is no such object.
            OSError: it was cut off, or not answered.
        """
        span = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        with self._answered("GET", path, span, None) as response:
            if response.status != 206:
                Answer(response.status, {}, response.read(_MAX_ANSWER)).require_success()
                raise OSError("the service ignores ranges")
            left = end - start
            while left > 0:
                chunk = response.read(min(_READ_BYTES, left))
                if not chunk:
                    raise OSError("the object was cut off")
                left -= len(chunk)
                yield chunk

    @contextlib.contextmanager
    def _answered(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Generator[http.client.HTTPResponse]:
        """Give the response to a request; its connection is used again when it was read to its end."""
        connection = self._taken()
        is_reusable = False
        try:
            try:
                connection.request(method, self._prefix + path, body, {**self._headers, **headers})
                response = connection.getresponse()
            except http.client.HTTPException as error:
                raise OSError(type(error).__name__) from error
            try:
                yield response
            except http.client.HTTPException as error:
                raise OSError(type(error).__name__) from error
            # A response that was read to its end has let go of the connection.
            is_reusable = response.isclosed() and not response.will_close
        finally:
            if is_reusable:
                with self._lock:
                    self._idle.append(connection)
            else:
                connection.close()

    def _taken(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._idle:
                connection = self._idle.pop()
                if _is_alive(connection):
                    return connection
                connection.close()
        if self._is_secure:
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=_CONNECT_S, context=context
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=_CONNECT_S)
        connection.connect()
        connection.sock.settimeout(_SILENCE_S)
        return connection


def _is_alive(connection: http.client.HTTPConnection) -> bool:
    """Return whether the service has kept the connection while nobody used it."""
    try:
        connection.sock.settimeout(0)
        # Whatever may have come by itself, bytes or an end, makes it useless.
        connection.sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        connection.sock.settimeout(_SILENCE_S)
        return True
    except OSError:
        pass
    return False
