"""Uploads that go on where they broke off, by the tus protocol as Supabase Storage speaks it.

Source: https://tus.io/protocols/resumable-upload (1.0.0) and https://supabase.com/docs/guides/storage/uploads/resumable-uploads
(chunks of exactly 6 MiB), looked up 2026-11-26.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import IO, Final

from photoplay.storage.errors import StorageUnavailableError
from photoplay.storage.supabase_calls import Answer, Calls, DuplicateError

CHUNK_BYTES: Final = 6 << 20
"""What an upload is cut into; what is not longer needs none of this."""

_PATH: Final = "/upload/resumable"
_VERSION: Final = {"Tus-Resumable": "1.0.0"}
_PAUSES_S: Final = (0.2, 1.0, 3.0, 10.0)


def upload_resumably(calls: Calls, file: IO[bytes], size: int, named: Mapping[str, str]) -> None:
    """Upload `size` bytes of a file that can be read again from any place.

    Args:
        named: `bucketName`, `objectName` and `contentType`; the name must be nobody else's.

    Raises:
        StorageUnavailableError, OSError: it broke again and again without getting on; nothing is stored.
    """
    upload = _begun(calls, size, named)
    offset = failures = 0
    while offset < size:
        file.seek(offset)
        try:
            reached = _sent(calls, upload, offset, file.read(CHUNK_BYTES))
        except (OSError, StorageUnavailableError, DuplicateError):
            # A duplicate is another offset than the service's: it took more, or less, than was said.
            if failures == len(_PAUSES_S):
                raise
            time.sleep(_PAUSES_S[failures])
            reached = _reached(calls, upload)
        # A lost answer to what was taken is no failure: it got on.
        failures = 0 if reached > offset else failures + 1
        offset = reached


def _begun(calls: Calls, size: int, named: Mapping[str, str]) -> str:
    told = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in named.items()
    )
    headers = {"Upload-Length": str(size), "Upload-Metadata": told, "x-upsert": "false"}
    answer = calls.send("POST", _PATH, {**_VERSION, **headers})
    answer.require_success()
    location = _header(answer, "Location")
    # Its last part names the upload; behind a proxy the rest may lead elsewhere.
    return f"{_PATH}/{location.rstrip('/').rpartition('/')[2]}"


def _sent(calls: Calls, upload: str, offset: int, chunk: bytes) -> int:
    headers = {
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
        "x-upsert": "false",
    }
    answer = calls.send_once("PATCH", upload, {**_VERSION, **headers}, chunk)
    answer.require_success()
    return int(_header(answer, "Upload-Offset"))


def _reached(calls: Calls, upload: str) -> int:
    answer = calls.send("HEAD", upload, _VERSION)
    try:
        answer.require_success()
    except FileNotFoundError as error:
        raise StorageUnavailableError("the service has dropped the upload") from error
    return int(_header(answer, "Upload-Offset"))


def _header(answer: Answer, name: str) -> str:
    for known, value in answer.headers.items():
        if known.lower() == name.lower():
            return value
    raise StorageUnavailableError(f"the service left out {name}")
