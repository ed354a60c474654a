"""A picture's way in, for the API, the command line and the worker: look, normalise, store, remember."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from photoplay.db.pool import Database, Scope
from photoplay.domain.errors import InvalidRequestError
from photoplay.domain.job import image_path
from photoplay.operations.add_image import NewImage, add_image, find_image
from photoplay.storage.decoders import DecoderPool
from photoplay.storage.errors import InvalidKeyError, ObjectNotFoundError
from photoplay.storage.objects import ObjectStore
from photoplay.storage.pictures import PictureLimits, intake_picture


class PictureIntake:
    """Takes pictures in for users of one installation.

    Args:
        max_bytes: largest file that is looked at.
    """

    def __init__(
        self, database: Database, store: ObjectStore, decoders: DecoderPool, *, max_bytes: int
    ) -> None:
        self._database = database
        self._store = store
        self._decoders = decoders
        self._max_bytes = max_bytes

    async def take(self, scope: Scope, user_id: UUID, file: Path) -> dict[str, Any]:
        """Return the row of a picture (`id, path, width, height, bytes`), new or known already.

        Raises:
            PictureError: not usable; the code and the message say why. Nothing was stored.
            UnavailableError: database or store are down; nothing was remembered.
        """
        limits = PictureLimits(max_bytes=self._max_bytes)
        with tempfile.TemporaryDirectory(prefix="photoplay-intake-") as folder:
            picture = await intake_picture(
                file, Path(folder) / "normalised", decoders=self._decoders, limits=limits
            )
            digest = bytes.fromhex(picture.sha256)
            known = await find_image(self._database, scope, user_id, digest)
            if known is not None:
                return known
            image_id = uuid4()
            path = image_path(user_id, image_id, picture.extension)
            await self._store.put_file(picture.path, path, content_type=picture.content_type)
        row = await add_image(
            self._database,
            scope,
            user_id,
            NewImage(
                id=image_id,
                path=path,
                content_type=picture.content_type,
                width=picture.width,
                height=picture.height,
                bytes=picture.bytes,
                sha256=digest,
            ),
        )
        if row["id"] != image_id:
            await self._store.delete([path])
        return row

    async def adopt(self, scope: Scope, user_id: UUID, path: str) -> UUID:
        """Return the id of the picture that was put at a path of the user's own, after its intake.

        Raises:
            InvalidRequestError: `image_not_found` for a foreign path and for one with nothing there.
            PictureError: what lies there is not usable.
        """
        unknown = InvalidRequestError("There is no such picture.", code="image_not_found")
        if not path.startswith(f"{user_id}/source-images/"):
            raise unknown
        with tempfile.TemporaryDirectory(prefix="photoplay-intake-") as folder:
            file = Path(folder) / "picture"
            try:
                info = await self._store.head(path)
                if info.bytes > self._max_bytes:
                    raise InvalidRequestError(
                        f"The picture has {info.bytes} bytes; at most {self._max_bytes} are taken.",
                        code="image_too_large",
                    )
                await self._store.get_file(path, file)
            except (ObjectNotFoundError, InvalidKeyError):
                raise unknown from None
            row = await self.take(scope, user_id, file)
        return row["id"]
