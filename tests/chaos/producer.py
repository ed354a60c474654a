"""Users: each asks for their videos, repeats themselves, changes their mind, and trusts no silence."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp
import numpy as np
from PIL import Image

from tests.chaos.menu import MENU
from tests.chaos.plan import Plan, Wish
from tests.chaos.site import Site

PAUSE_S = 0.3


@dataclass
class Ledger:
    """What users were told.

    Attributes:
        jobs: every job that was named to the sender of a wish, by the wish's mark.
        answers: how often each was given, by status and code.
        odd: answers that nobody may ever get.
    """

    jobs: dict[str, set[UUID]] = field(default_factory=dict[str, set[UUID]])
    answers: Counter[str] = field(default_factory=Counter[str])
    odd: list[str] = field(default_factory=list[str])


class Users:
    """All users of a round."""

    def __init__(self, site: Site, plan: Plan) -> None:
        self._site = site
        self._plan = plan
        self.ledger = Ledger()

    async def live(self) -> None:
        """Return when every wish has been answered and every change of mind has been sent."""
        async with asyncio.TaskGroup() as group:
            for n in range(self._plan.users):
                mine = [wish for wish in self._plan.wishes if wish.user == n]
                group.create_task(self._life(self._site.user(n), mine))

    async def _life(self, user: UUID, wishes: list[Wish]) -> None:
        headers = self._site.token(user)
        picture = await self._upload(headers)
        async with asyncio.TaskGroup() as minds:
            for wish in wishes:
                if wish.fault is not None:
                    self._site.sandbox.add(*MENU[wish.fault].armed_for(wish.mark))
                job_id = await self._ask(headers, picture, wish)
                if wish.cancel_after_s is not None:
                    minds.create_task(self._cancel(headers, job_id, wish.cancel_after_s))

    async def _upload(self, headers: dict[str, str]) -> str:
        while True:
            status, body = await self._send("/api/video/images", headers, data=_picture())
            if status == 201:
                return body["data"]["imageId"]
            await asyncio.sleep(PAUSE_S)

    async def _ask(self, headers: dict[str, str], picture: str, wish: Wish) -> UUID:
        """Send a wish as often as planned, and again until it is answered; return its job."""
        body = {
            "imageId": picture,
            "prompt": f"{wish.mark}: it moves",
            "clientRequestId": wish.mark,
            "options": {"resolution": "480p", "durationSec": 4.0}
            | ({"provider": wish.provider} if wish.provider else {}),
        }
        if wish.at_once:
            asked = await asyncio.gather(
                *(self._ask_once(headers, body, wish) for _ in range(wish.sends))
            )
        else:
            asked = [await self._ask_once(headers, body, wish) for _ in range(wish.sends)]
        return asked[0]

    async def _ask_once(self, headers: dict[str, str], body: dict[str, Any], wish: Wish) -> UUID:
        while True:
            status, answer = await self._send("/api/video/animate", headers, json=body)
            if status in {200, 202}:
                job_id = UUID(answer["data"]["jobId"])
                self.ledger.jobs.setdefault(wish.mark, set()).add(job_id)
                return job_id
            await asyncio.sleep(PAUSE_S)

    async def _cancel(self, headers: dict[str, str], job_id: UUID, after_s: float) -> None:
        await asyncio.sleep(after_s)
        while True:
            status, _ = await self._send(f"/api/video/jobs/{job_id}/cancel", headers)
            # 409: it had ended before.
            if status in {202, 409}:
                return
            await asyncio.sleep(PAUSE_S)

    async def _send(
        self, path: str, headers: dict[str, str], **what: Any
    ) -> tuple[int, dict[str, Any]]:
        """Send a request and return status and body; status 0 stands for silence."""
        try:
            async with self._site.http.post(
                self._site.address + path, headers=headers, **what
            ) as answer:
                status, body = answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            self.ledger.answers["no answer"] += 1
            return 0, {}
        code = body.get("code", "ok")
        self.ledger.answers[f"{status} {code}"] += 1
        is_expected = status in {200, 201, 202, 503} or code in {
            "too_many_open_jobs", "already_finished",
        }  # fmt: skip
        if not is_expected:
            self.ledger.odd.append(f"{path}: {status} {code}")
        return status, body


def _picture() -> bytes:
    """Return a photograph's worth of soft colours, like no other."""
    coarse = np.random.default_rng().integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC).save(file, "JPEG")
    return file.getvalue()
