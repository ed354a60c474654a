"""POST /api/video/offers and GET /api/video/images/{id}: what is known before anything is asked for."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.api.serving import refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def offers_of(person, **options):
    answer = await person.post("/api/video/offers", json={"options": options})
    assert answer.status_code == 200, answer.text
    return {offer["provider"]: offer for offer in answer.json()["data"]}


async def test_an_offer_says_what_would_be_made_and_takes_the_time_that_clips_took(worker):
    person = worker.person()
    image = await person.upload()
    created = await person.animate(imageId=image["imageId"], options={"durationSec": 2})
    await person.ended(created.json()["data"]["jobId"])
    other = worker.person()
    offer = (await offers_of(other, durationSec=3, resolution="480p"))["local"]
    assert (offer["cost_usd"], offer["billed"], offer["generative"]) == (0, False, False)
    assert (offer["is_default"], offer["is_available"]) == (True, True)
    assert offer["effective_options"]["durationSec"] == 3
    assert "orbit" in offer["moves"]
    shorter = (await offers_of(other, durationSec=1, resolution="480p"))["local"]
    assert 0 <= shorter["typical_s"] <= offer["typical_s"]


async def test_each_provider_with_a_key_names_its_price_and_its_nearest_length(
    open_installation, monkeypatch
):
    monkeypatch.setenv("FAL_KEY", "1f0e:a-key-of-the-tests")
    async with open_installation(jwt_secret=None) as server:
        found = await offers_of(server.person(), durationSec=4, resolution="720p")
    assert next(iter(found)) == "fal-pika"
    assert (found["fal-pika"]["is_default"], found["local"]["is_default"]) == (True, False)
    assert found["fal-pika"]["cost_usd"] > 0
    assert found["fal-pika"]["typical_s"] is None
    effective = found["fal-pika"]["effective_options"]
    assert effective["durationSec"] == 4 or effective["notes"]


async def test_a_wish_that_cannot_be_met_is_an_offer_with_a_reason(worker):
    offer = (await offers_of(worker.person(), move="somersault"))["local"]
    assert offer["effective_options"] is None
    assert "somersault" in offer["reason"]


async def test_a_paused_provider_is_not_available(open_installation):
    async with open_installation(jwt_secret=None) as server:
        from photoplay.operations.pause_provider import pause_provider, resume_provider

        person = server.person()
        async with server.stack.database(size=2) as database:
            await pause_provider(database, "local", actor="a test")
            assert (await offers_of(person))["local"]["is_available"] is False
            await resume_provider(database, "local", actor="a test")
            assert (await offers_of(person))["local"]["is_available"] is True


async def test_an_own_picture_can_be_looked_at_and_another_users_cannot(worker):
    person = worker.person()
    image = await person.upload()
    answer = await person.get(f"/api/video/images/{image['imageId']}")
    found = answer.json()["data"]
    assert {name: found[name] for name in image} == image
    async with httpx.AsyncClient(trust_env=False) as anybody:
        shown = await anybody.get(found["signedUrl"])
    assert shown.headers["content-type"] == "image/jpeg"
    assert len(shown.content) == image["bytes"]
    address = f"/api/video/images/{image['imageId']}"
    foreign = await worker.person().get(address)
    missing = await person.get(f"/api/video/images/{uuid4()}")
    for answer in (foreign, missing):
        refused(answer, 404, "picture_not_found")
