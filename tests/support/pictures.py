"""Pictures for tests that are not about intake."""

from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID, uuid4

from photoplay.db.pool import Database, writer
from photoplay.domain.fingerprint import Picture
from photoplay.operations.add_image import NewImage, add_image
from photoplay.storage.objects import ObjectStore

SAMPLE = Path(__file__).parents[1] / "samples" / "coffee.jpg"


async def stored_picture(database: Database, store: ObjectStore, user: UUID) -> Picture:
    """Put a sample into the store as if it had come through intake."""
    content = SAMPLE.read_bytes()
    image_id = uuid4()
    path = f"{user}/source-images/{image_id}.jpg"
    await store.put_file(SAMPLE, path, content_type="image/jpeg")
    digest = hashlib.sha256(content).digest()
    image = NewImage(image_id, path, "image/jpeg", 600, 400, len(content), digest)
    row = await add_image(database, writer(user), user, image)
    return Picture(image_id=row["id"])
