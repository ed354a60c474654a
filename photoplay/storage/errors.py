"""What can go wrong with bytes, one class for each decision of the caller.

    PhotoplayError
    ├ StorageError
    │  ├ InvalidKeyError           the key can never name an object: a bug, or a hostile path
    │  ├ ObjectNotFoundError       nothing is stored under the key
    │  ├ ObjectConflictError       something else is stored under the key: alarm, never overwrite
    │  ├ ChecksumMismatchError*    bytes changed on the way: transfer again
    │  ├ StorageUnavailableError*  store down, disk full, access denied (also an UnavailableError)
    │  └ VideoError                no video that a browser plays
    └ RequestError
       ├ PictureError              400  the user can choose another picture
       └ MediaLinkError            403  the link was changed or is too old

`*` is retryable.
"""

from __future__ import annotations

from photoplay.domain.errors import (
    ForbiddenError,
    InvalidRequestError,
    PhotoplayError,
    UnavailableError,
)


class StorageError(PhotoplayError):
    """The object store refused."""

    code = "storage"


class InvalidKeyError(StorageError):
    """This cannot be the name of a stored object."""

    code = "object_key"


class ObjectNotFoundError(StorageError):
    """Nothing is stored under this key."""

    code = "object_not_found"


class ObjectConflictError(StorageError):
    """Another object is already stored under this key; it was left as it is."""

    code = "object_conflict"


class ChecksumMismatchError(StorageError):
    """The bytes are not the ones that were expected; transfer them again."""

    code = "checksum_mismatch"
    retryable = True


class StorageUnavailableError(StorageError, UnavailableError):
    """The object store cannot be used at the moment; try again later."""

    code = "storage_unavailable"
    retryable = True


class VideoError(StorageError):
    """The file is not a video that browsers play.

    `code` is one of `video_empty`, `video_type` (no MP4), `video_codec` (not H.264, HEVC or AV1),
    `video_truncated`, `video_unreadable`. The same file never becomes playable: fetch it again, or
    fail the attempt.
    """

    code = "video_unreadable"


class PictureError(InvalidRequestError):
    """The picture cannot be used; choose another one.

    `code` is one of `image_empty`, `image_type`, `image_too_large` (bytes),
    `image_too_many_pixels`, `image_dimensions`, `image_ratio`, `image_unreadable`; `details` has
    the numbers that were found and the limits.
    """

    code = "image_unreadable"


class MediaLinkError(ForbiddenError):
    """This media link was changed or has expired; ask for a fresh one."""

    code = "media_link_refused"
