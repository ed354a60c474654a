"""Opening the place where objects live, by its URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, MemoryStore, S3Store

from photoplay.storage.errors import StorageError

if TYPE_CHECKING:
    # These exist in obstore's type stubs only.
    from obstore.store import ClientConfig, RetryConfig

# A whole request may take long (an 8 MiB part over a thin line), a silent one may not.
_REQUEST_TIMEOUT: Final = timedelta(minutes=10)
_SILENCE_TIMEOUT: Final = timedelta(seconds=120)
_RETRIES: Final[RetryConfig] = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


@dataclass(frozen=True)
class S3Options:
    """How to reach a bucket; what is None is taken from the AWS environment variables.

    Attributes:
        endpoint: address of the service, `https://…` or `http://…`; None for Amazon's own.
        public_endpoint: address in presigned URLs where browsers reach the service under another
            name than we do.
        create_only: how the service copies without overwriting: `multipart` (Amazon, SeaweedFS,
            MinIO), `header:NAME:VALUE` (Cloudflare R2:
            `header:cf-copy-destination-if-none-match:*`), or `none` for one that cannot (Supabase
            Storage). Writers are kept apart by `claims` as well, if the service knows
            `If-None-Match` on PUT; where it has neither, by the caller's lease alone.
        virtual_hosted: whether the bucket is part of the host name.
    """

    endpoint: str | None = None
    public_endpoint: str | None = None
    region: str = "us-east-1"
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    create_only: str = "multipart"
    virtual_hosted: bool = False


@dataclass(frozen=True)
class FolderBackend:
    """Objects as files below `root`."""

    root: Path
    store: LocalStore
    part_bytes = 1 << 20

    def store_for(self, content_type: str) -> LocalStore:
        """Return the store to write with."""
        return self.store

    def attributes(self, content_type: str) -> dict[str, str] | None:
        """Return what to keep beside the bytes; a folder keeps nothing."""
        return None

    def presign(self, method: str, key: str, ttl: timedelta) -> str | None:
        """Return None: nobody but us serves this folder."""
        return None


@dataclass(frozen=True)
class MemoryBackend:
    """Objects in this process, gone with it."""

    store: MemoryStore
    part_bytes = 1 << 20

    def store_for(self, content_type: str) -> MemoryStore:
        """Return the store to write with."""
        return self.store

    def attributes(self, content_type: str) -> dict[str, str] | None:
        """Return what to keep beside the bytes."""
        return {"Content-Type": content_type}

    def presign(self, method: str, key: str, ttl: timedelta) -> str | None:
        """Return None: nobody but us serves this memory."""
        return None


@dataclass(frozen=True)
class BucketBackend:
    """Objects in a bucket that speaks S3."""

    bucket: str
    prefix: str | None
    options: S3Options
    # The smallest part that S3 takes.
    part_bytes = 5 << 20

    @property
    def store(self) -> S3Store:
        """The store to read with."""
        return _bucket(self.bucket, self.prefix, self.options, self.options.endpoint, None)

    def store_for(self, content_type: str) -> S3Store:
        """Return the store to write objects of `content_type` with.

        Copying without overwriting is a multipart upload that drops the source's attributes, and
        only the client's default type reaches the copy.
        """
        return _bucket(self.bucket, self.prefix, self.options, self.options.endpoint, content_type)

    def attributes(self, content_type: str) -> dict[str, str] | None:
        """Return what to keep beside the bytes."""
        return {"Content-Type": content_type}

    def presign(self, method: str, key: str, ttl: timedelta) -> str | None:
        """Return a URL that does `method` on `key` for `ttl`."""
        endpoint = self.options.public_endpoint or self.options.endpoint
        store = _bucket(self.bucket, self.prefix, self.options, endpoint, None)
        return obstore.sign(store, "PUT" if method == "PUT" else "GET", key, ttl)


Backend = FolderBackend | MemoryBackend | BucketBackend


def open_backend(url: str, s3: S3Options | None = None) -> Backend:
    """Return the backend that `url` names: `file:///folder`, `memory:` or `s3://bucket/prefix`.

    Raises:
        StorageError: the URL is none of the three, or no folder can be there; correct the setting.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.strip("/"):
        root = Path(unquote(parts.path))
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"{root} cannot be the folder of the store ({error.strerror}); "
                "make room for it or set PHOTOPLAY_STORE_URL",
                code="store_url",
            ) from None
        # Resolved, because paths relative to the root are taken from what the system reports.
        root = root.resolve()
        return FolderBackend(root, LocalStore(root, automatic_cleanup=True))
    if parts.scheme == "memory":
        return MemoryBackend(MemoryStore())
    if parts.scheme == "s3" and parts.netloc:
        return BucketBackend(parts.netloc, parts.path.strip("/") or None, s3 or S3Options())
    raise StorageError(
        "a store is file:///folder, memory:, s3://bucket/prefix or supabase://PROJECT",
        code="store_url",
    )


@lru_cache(maxsize=64)
def _bucket(
    bucket: str,
    prefix: str | None,
    options: S3Options,
    endpoint: str | None,
    content_type: str | None,
) -> S3Store:
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=5),
        "timeout": _REQUEST_TIMEOUT,
        "read_timeout": _SILENCE_TIMEOUT,
        "allow_http": bool(endpoint and endpoint.startswith("http://")),
    }
    if content_type is not None:
        client["default_content_type"] = content_type
    given = {
        "endpoint": endpoint,
        "access_key_id": options.access_key_id,
        "secret_access_key": options.secret_access_key,
        "session_token": options.session_token,
        "copy_if_not_exists": None if options.create_only == "none" else options.create_only,
    }
    return S3Store(
        bucket,
        prefix=prefix,
        region=options.region,
        virtual_hosted_style_request=options.virtual_hosted,
        client_options=client,
        retry_config=_RETRIES,
        config={name: value for name, value in given.items() if value is not None},  # pyright: ignore[reportArgumentType]
    )
