"""Pictures that were given by address: fetched once, behind the guard, then taken in like any other."""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import UUID

from photoplay.config import Settings
from photoplay.db.pool import WORKER
from photoplay.domain.job import Job
from photoplay.intake import PictureIntake
from photoplay.network.addresses import AddressPolicy
from photoplay.network.download import Downloader
from photoplay.network.guard import SystemResolver
from photoplay.network.transfer import DownloadLimits

_DEADLINE_S = 30.0


class PictureFetcher:
    """Fetches pictures for jobs."""

    def __init__(self, intake: PictureIntake, settings: Settings) -> None:
        self._intake = intake
        self._policy = AddressPolicy(settings.allowed_networks)
        self._resolver = SystemResolver()
        self._limits = DownloadLimits(max_bytes=settings.max_image_bytes, deadline_s=_DEADLINE_S)

    async def fetch(self, job: Job) -> UUID:
        """Return the id of the job's picture after fetching it from the job's address.

        Raises:
            UrlNotAllowedError: the address leads to where we do not go.
            DownloadError: nothing usable came; its class says whether trying again may help.
            PictureError: what came is no usable picture.
        """
        with tempfile.TemporaryDirectory(prefix="photoplay-fetch-") as folder:
            file = Path(folder) / "picture"
            async with Downloader(self._policy, self._resolver) as downloader:
                await downloader.download(job.source, file, self._limits)
            row = await self._intake.take(WORKER, job.user_id, file)
        return row["id"]
