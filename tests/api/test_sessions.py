"""Supabase session cookies, and what a browser needs to know of this server."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from tests.api.serving import Person, ago, encoded, noise, refused, token, with_identity

pytestmark = pytest.mark.asyncio(loop_scope="session")
USER = UUID("11111111-2222-4333-8444-555555555555")
QUOTA, IMAGES = "/api/video/quota", "/api/video/images"
NAME = "sb-abcdefghijklmnopqrst-auth-token"


def session(value: str) -> str:
    """What a sign-in of supabase-js remembers."""
    user = {"id": str(USER), "email": "müller@example.org", "app_metadata": {}}
    return json.dumps(
        {"access_token": value, "refresh_token": "r", "expires_in": 3600, "user": user},
        ensure_ascii=False,
    )


def based(text: str) -> str:
    return "base64-" + base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def in_pieces(text: str, size: int = 180) -> dict[str, str]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert len(pieces) > 2
    return {f"{NAME}.{n}": piece for n, piece in enumerate(pieces)}


def with_cookies(cookies: dict[str, str], **headers: str) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), **headers}


GOOD = token(USER)
STALE = token(uuid4(), exp=ago(60))
FORMS = {
    "bare token": {"sb-access-token": GOOD},
    "base64": {NAME: based(session(GOOD))},
    "base64 in pieces": in_pieces(based(session(GOOD))),
    "percent-encoded": {NAME: quote(session(GOOD))},
    "percent-encoded in pieces": {
        name: quote(piece) for name, piece in in_pieces(session(GOOD)).items()
    },
    "an older library's list": {NAME: quote(json.dumps([GOOD, "r", None, None, None]))},
    "beside another project's": {
        "sb-127-auth-token": based(session(STALE)),
        **in_pieces(based(session(GOOD))),
    },
    "beside a verifier": {f"{NAME}-code-verifier": "x", NAME: based(session(GOOD))},
}


@pytest.mark.parametrize("cookies", FORMS.values(), ids=FORMS.keys())
async def test_a_session_is_its_user(jwt_server, cookies):
    image = await jwt_server.person(USER).upload()
    own = await jwt_server.http.get(f"{IMAGES}/{image['imageId']}", headers=with_cookies(cookies))
    assert own.status_code == 200


PIECES = in_pieces(based(session(GOOD)))
BROKEN = {
    "expired": {NAME: based(session(STALE))},
    "a piece is missing": {
        name: value for name, value in PIECES.items() if not name.endswith(".1")
    },
    "the first piece is missing": {n: v for n, v in PIECES.items() if not n.endswith(".0")},
    "no JSON": {NAME: based("{")},
    "no base64": {NAME: "base64-***"},
    "no session": {NAME: based('{"access_token": 5}')},
    "an empty list": {NAME: based("[]")},
    "a number": {NAME: based("1")},
    "nested deep": {NAME: based("[" * 3000)},
    "empty": {NAME: "", f"{NAME}.0": "", "sb-access-token": ""},
    "an API key": {"sb-access-token": "pp_" + "0" * 12 + "_" + "A" * 43},
    "another cookie": {"access-token": GOOD, "sb--auth-tokens": based(session(GOOD))},
    "unsigned": {"sb-access-token": GOOD.rpartition(".")[0] + "."},
}


@pytest.mark.parametrize("cookies", BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_no_session_is_refused(jwt_server, cookies):
    refused(await jwt_server.http.get(QUOTA, headers=with_cookies(cookies)), 401, "unauthenticated")


async def test_a_bearer_token_wins_over_the_session(jwt_server, alice):
    headers = with_cookies({"sb-access-token": GOOD})
    job_id = await alice.new_job()
    assert (await alice.get(f"/api/video/jobs/{job_id}", headers=headers)).status_code == 200
    wrong = {**headers, "Authorization": "Bearer wrong"}
    refused(await jwt_server.http.get(QUOTA, headers=wrong), 401, "unauthenticated")


class TestOrigin:
    @pytest.mark.parametrize(
        "origin",
        [None, "", "null", "https://evil.example", "http://127.0.0.1:1", "http://localhost.evil"],
    )
    async def test_an_unsafe_request_from_elsewhere_is_refused_and_does_nothing(
        self, jwt_server, origin
    ):
        user = uuid4()
        headers = with_cookies({"sb-access-token": token(user)})
        if origin is not None:
            headers["Origin"] = origin
        person = Person(jwt_server, user, headers)
        refused(await person.post(IMAGES, content=encoded(noise())), 403, "foreign_origin")
        refused(await person.animate(imageId=str(uuid4())), 403, "foreign_origin")
        refused(await person.delete(f"/api/video/jobs/{uuid4()}"), 403, "foreign_origin")
        pictures = "select from public.video_images where user_id = %s"
        assert jwt_server.rows(pictures, user) == []
        assert (await person.get(QUOTA)).status_code == 200

    async def test_the_own_pages_may(self, jwt_server):
        user = uuid4()
        headers = with_cookies({"sb-access-token": token(user)}, Origin=jwt_server.address)
        person = Person(jwt_server, user, headers)
        assert (await person.job(await person.new_job()))["user_id"] == str(user)

    async def test_a_bearer_token_needs_no_origin(self, alice):
        answer = await alice.post(
            IMAGES, content=encoded(noise()), headers={"Origin": "https://elsewhere.example"}
        )
        assert answer.status_code == 201


async def test_behind_a_public_address_that_and_the_named_origins_are_ours(open_installation):
    settings = with_identity(
        public_url="https://clips.example/api", cors_origins=("https://app.example",)
    )
    async with open_installation(**settings) as server:
        cookies = {"sb-access-token": GOOD}
        for origin, status in {
            "https://clips.example": 201,
            "https://app.example": 201,
            "http://clips.example": 403,
            server.address: 403,
        }.items():
            answer = await server.http.post(
                IMAGES, content=encoded(noise()), headers=with_cookies(cookies, Origin=origin)
            )
            assert answer.status_code == status, origin
        assert "max-age=" in answer.headers["strict-transport-security"]
        asking = {
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, idempotency-key, x-on-behalf-of",
        }
        preflight = await server.http.options(IMAGES, headers=asking)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://app.example"
        assert preflight.headers["access-control-allow-credentials"] == "true"
        foreign = await server.http.get(QUOTA, headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in foreign.headers


async def test_everybodys_pages_never_come_with_a_session(open_installation):
    async with open_installation(**with_identity(cors_origins=("*",))) as server:
        headers = with_cookies({"sb-access-token": GOOD}, Origin="https://evil.example")
        answer = await server.http.get(QUOTA, headers=headers)
        assert "access-control-allow-credentials" not in answer.headers
        refused(await server.http.post(IMAGES, headers=headers), 403, "foreign_origin")


async def test_media_may_be_shown_elsewhere_and_answers_may_not(worker):
    person = worker.person()
    job = await person.ended(await person.new_job())
    own = await person.get("/api/video/quota")
    assert own.headers["cross-origin-resource-policy"] == "same-origin"
    assert own.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in own.headers
    for path in (job["signedVideoUrl"], f"/api/video/jobs/{job['id']}/video"):
        answer = await person.get(path)
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
