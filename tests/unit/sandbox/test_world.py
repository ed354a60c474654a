"""What all providers of one sandbox share."""

from __future__ import annotations

import asyncio

from photoplay.sandbox.options import SandboxOptions
from photoplay.sandbox.world import World


async def test_pictures_that_are_uploaded_at_the_same_time_stay_apart():
    world = World(SandboxOptions(quick=True), None)
    try:
        contents = {f"https://files/{n}": bytes([n]) * 100_000 for n in range(20)}
        await asyncio.gather(*(world.keep_upload(*upload) for upload in contents.items()))
        kept = {address: path.read_bytes() for address, path in world.uploads.items()}
        assert kept == contents
    finally:
        world.clips.close()
