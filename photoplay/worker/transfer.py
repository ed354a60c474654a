"""A finished clip from a local file into the store: looked at, index in front, stored once."""

from __future__ import annotations

from pathlib import Path

from photoplay.domain.job import Job, poster_path, video_path
from photoplay.operations.settle_attempt import StoredVideo
from photoplay.storage.decoders import DecoderPool
from photoplay.storage.errors import ObjectConflictError, VideoError
from photoplay.storage.objects import ObjectStore
from photoplay.storage.videos import inspect_video, make_poster, prepare_video


class StoringError(Exception):
    """The file is no video that could be kept; trying again would not change it."""


async def store_video(
    store: ObjectStore, decoders: DecoderPool, job: Job, file: Path
) -> StoredVideo:
    """Store a clip and its poster under the job's keys and return what was stored.

    An object that is there already is adopted when it is the same bytes.

    Raises:
        StoringError: no playable MP4, or another video holds the key.
        StorageUnavailableError: the store is down; the file is kept, try again.
    """
    key, poster_key = video_path(job.user_id, job.id), poster_path(job.user_id, job.id)
    # A worker that lost the job may still be at work on the same clip.
    poster = file.with_suffix(f".{job.fence}.jpg")
    prepared = file
    try:
        front = file.with_suffix(f".{job.fence}.mp4")
        prepared = await prepare_video(file, front, decoders=decoders)
        facts = await inspect_video(prepared, decoders=decoders)
        await make_poster(prepared, poster, decoders=decoders)
        stored = await store.put_file(prepared, key, content_type="video/mp4", sha256=facts.sha256)
        await _put_poster(store, poster, poster_key)
    except (VideoError, ObjectConflictError) as error:
        raise StoringError(str(error)) from error
    finally:
        poster.unlink(missing_ok=True)
        if prepared != file:
            prepared.unlink(missing_ok=True)
    return StoredVideo(
        path=key,
        poster_path=poster_key,
        width=facts.width,
        height=facts.height,
        duration_s=round(facts.duration_s, 3),
        bytes=stored.bytes,
        sha256=stored.sha256,
    )


async def _put_poster(store: ObjectStore, poster: Path, key: str) -> None:
    try:
        await store.put_file(poster, key, content_type="image/jpeg")
    except ObjectConflictError:
        # Another run's poster of the same video; encoders need not agree to the byte.
        return
