"""Objects in the private buckets of a Supabase project, over its own HTTP API.

An upload goes to a temporary name in the bucket of its key and is then moved to it. Only moving knows no
overwriting there: uploads and copies with `x-upsert: false` look first and write afterwards, so that two
at once both succeed; a move is one statement under a unique index.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from obstore.exceptions import AlreadyExistsError

from photoplay.storage.errors import (
    InvalidKeyError,
    ObjectNotFoundError,
    StorageError,
    StorageUnavailableError,
)
from photoplay.storage.feeding import CountedBlocks
from photoplay.storage.keys import TEMPORARY_FOLDER
from photoplay.storage.objects import ObjectInfo, ObjectStore, StoredObject, translated
from photoplay.storage.resumable import CHUNK_BYTES, upload_resumably
from photoplay.storage.supabase_calls import (
    Calls,
    DuplicateError,
    SupabaseOptions,
    storage_address,
)

PICTURES: Final = "source-images"
VIDEOS: Final = "generated-videos"

_PAGE: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z0-9_/!.*'() &$=@;:+,?-]+", re.ASCII)
# What every bucket of ours takes.
_PROBE_TYPE: Final = "image/jpeg"


def bucket_of(key: str) -> str:
    """Return the bucket of a key: pictures by their folder's name, everything else with the videos."""
    _, _, rest = key.partition("/")
    return PICTURES if rest.startswith(f"{PICTURES}/") else VIDEOS


class SupabaseStore(ObjectStore):
    """The object store on Supabase Storage; what its threads do is asked of the project's API."""

    def __init__(self, url: str, options: SupabaseOptions | None) -> None:
        if options is None:
            raise StorageError(
                "a Supabase store needs PHOTOPLAY_SUPABASE_SERVICE_KEY", code="store_url"
            )
        super().__init__()
        self._storage = Calls(storage_address(url), options)

    def close(self) -> None:
        """Wait for calls under way, end the threads and close the connections."""
        super().close()
        self._storage.close()

    def _temporary(self, key: str) -> str:
        return f"{TEMPORARY_FOLDER}/{bucket_of(key)}/{uuid.uuid4().hex}"

    def _upload(self, blocks: CountedBlocks, temporary: str, content_type: str) -> None:
        # How long it is must be said first; what is long is kept, to go on where a connection broke.
        with tempfile.SpooledTemporaryFile(max_size=CHUNK_BYTES) as spool:
            for block in blocks:
                spool.write(block)
            spool.seek(0)
            bucket = bucket_of(temporary)
            if blocks.count <= CHUNK_BYTES:
                self._put_small(temporary, spool.read(), content_type)
            else:
                named = {
                    "bucketName": bucket,
                    "objectName": temporary,
                    "contentType": content_type,
                }
                upload_resumably(self._storage, spool, blocks.count, named)

    def _put_small(self, temporary: str, body: bytes, content_type: str) -> None:
        headers = {"Content-Type": content_type, "x-upsert": "false"}
        answer = self._storage.send("POST", _object(temporary), headers, body)
        # Nobody else has this name: it was stored by a try whose answer was lost.
        with contextlib.suppress(DuplicateError):
            answer.require_success()

    def _copy_once(self, temporary: str, stored: StoredObject, content_type: str) -> None:
        move = {
            "bucketId": bucket_of(stored.key),
            "sourceKey": temporary,
            "destinationKey": _checked(stored.key),
        }
        try:
            self._storage.ask("POST", "/object/move", move)
        except (DuplicateError, FileNotFoundError) as error:
            # What is gone was moved by a try whose answer was lost, or by nobody: looking tells.
            raise AlreadyExistsError from error

    def _head(self, key: str) -> ObjectInfo:
        with translated():
            said = self._storage.ask("GET", _object(key, "info/"))
        return ObjectInfo(
            key, int(said["size"]), said.get("etag"), datetime.fromisoformat(said["last_modified"])
        )

    def _open_range(self, key: str, start: int, end: int) -> Iterator[bytes]:
        if end <= start:
            return iter(())
        return self._storage.read(_object(key, "authenticated/"), start, end)

    def _delete(self, keys: Sequence[str]) -> None:
        with translated():
            for bucket in (PICTURES, VIDEOS):
                names = [key for key in keys if bucket_of(key) == bucket and _NAME.fullmatch(key)]
                for at in range(0, len(names), _PAGE):
                    page = names[at : at + _PAGE]
                    self._storage.ask("DELETE", f"/object/{bucket}", {"prefixes": page})

    def _list(self, prefix: str) -> Iterator[Sequence[ObjectInfo]]:
        for bucket in (PICTURES, VIDEOS):
            cursor: str | None = None
            while True:
                wanted: dict[str, object] = {
                    "limit": _PAGE,
                    "prefix": f"{prefix}/" if prefix else "",
                }
                if cursor is not None:
                    wanted["cursor"] = cursor
                page = self._storage.ask("POST", f"/object/list-v2/{bucket}", wanted)
                # An empty batch would end the list.
                if page["objects"]:
                    yield [_info(entry) for entry in page["objects"]]
                if not page["hasNext"]:
                    break
                cursor = page["nextCursor"]

    def _probe(self) -> None:
        with translated():
            for bucket in (PICTURES, VIDEOS):
                key = f"{TEMPORARY_FOLDER}/{bucket}/{uuid.uuid4().hex}"
                self._put_small(key, key.encode(), _PROBE_TYPE)
                said = b"".join(self._open_range(key, 0, len(key)))
                self._delete([key])
                if said != key.encode():
                    raise StorageUnavailableError(
                        "the store gives back other bytes than it was given"
                    )

    def _make_durable(self, key: str, *, with_folders: bool = False) -> None:
        """Do nothing: the service answers when it has kept what it was given."""

    def _presign(self, method: str, key: str, ttl: timedelta) -> str | None:
        """Ask for an address; for PUT it lives as long as the project says.

        None where none can be had now, because nothing is stored there or the service does not answer:
        then one of ours will do, and says so.
        """
        way = "upload/sign/" if method == "PUT" else "sign/"
        body = None if method == "PUT" else {"expiresIn": max(1, int(ttl.total_seconds()))}
        path = _object(key, way)
        try:
            with translated():
                said = self._storage.ask("POST", path, body)
        except (ObjectNotFoundError, StorageUnavailableError, DuplicateError):
            return None
        signed = str(said.get("signedURL") or said.get("url"))
        token = parse_qs(urlsplit(signed).query)["token"][0]
        return f"{self._storage.address}{path}?token={quote(token, safe='')}"


def _object(key: str, way: str = "") -> str:
    return f"/object/{way}{bucket_of(key)}/{quote(_checked(key), safe='/')}"


def _checked(key: str) -> str:
    if not _NAME.fullmatch(key):
        raise InvalidKeyError("Supabase Storage keeps no key with this character")
    return key


def _info(entry: dict[str, Any]) -> ObjectInfo:
    facts: dict[str, Any] = entry.get("metadata") or {}
    return ObjectInfo(
        entry["name"],
        int(facts.get("size", 0)),
        facts.get("eTag"),
        datetime.fromisoformat(entry["updated_at"]),
    )
