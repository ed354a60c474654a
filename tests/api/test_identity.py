"""Who asks: tokens, and what local mode lets through."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import subprocess
import sys
import warnings
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from photoplay.config import LOCAL_USER, Settings
from tests.api.serving import (
    JWT_SECRET,
    ago,
    encoded,
    free_of_environment,
    noise,
    refused,
    token,
    with_identity,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
USER = UUID("11111111-2222-4333-8444-555555555555")
QUOTA = "/api/video/quota"


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def unsigned(**claims: object) -> str:
    return jwt.encode(
        {"sub": str(USER), "aud": "authenticated", "exp": ago(-3600), **claims},
        "",
        algorithm="none",
    )


def with_other_payload(value: str) -> str:
    head, _, signature = value.split(".")
    claims = {"sub": str(uuid4()), "aud": "authenticated", "exp": int(ago(-3600).timestamp())}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{payload}.{signature}"


def with_long_hash() -> str:
    with warnings.catch_warnings():
        # The right secret, another algorithm, for which it is short.
        warnings.simplefilter("ignore")
        return token(USER, algorithm="HS512")


def of_a_key_pair() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = {"sub": str(USER), "aud": "authenticated", "exp": ago(-3600)}
    return jwt.encode(claims, key, algorithm="RS256")


async def test_a_valid_token_is_its_subject(jwt_server):
    answer = await jwt_server.http.get(QUOTA, headers=bearer(token(USER)))
    assert answer.status_code == 200
    made = await jwt_server.person(USER).new_job()
    job = await jwt_server.http.get(
        f"/api/video/jobs/{made}", headers=bearer(token(USER, aud=["x", "authenticated"]))
    )
    assert job.json()["data"]["user_id"] == str(USER)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
async def test_the_scheme_is_read_as_http_says(jwt_server, scheme):
    headers = {"Authorization": f"{scheme} {token(USER)}"}
    assert (await jwt_server.http.get(QUOTA, headers=headers)).status_code == 200


REFUSED = {
    "none at all": dict,
    "empty": lambda: {"Authorization": ""},
    "no token": lambda: {"Authorization": "Bearer"},
    "another scheme": lambda: {"Authorization": f"Basic {token(USER)}"},
    "the token alone": lambda: {"Authorization": token(USER)},
    "no JWT": lambda: bearer("not.a.token"),
    "not text": lambda: {"Authorization": b"Bearer \xff\xfe"},
    "expired": lambda: bearer(token(USER, exp=ago(60))),
    "not yet": lambda: bearer(token(USER, nbf=ago(-600))),
    "without expiry": lambda: bearer(token(USER, exp=None)),
    "wrong audience": lambda: bearer(token(USER, aud="anon")),
    "no audience": lambda: bearer(token(USER, aud=None)),
    "wrong key": lambda: bearer(token(USER, secret="another secret of more than 32 bytes")),
    "unsigned": lambda: bearer(unsigned()),
    "unsigned with another spelling": lambda: bearer(unsigned().replace("bm9uZSI", "Tk9ORSI")),
    "another payload": lambda: bearer(with_other_payload(token(USER))),
    "another algorithm": lambda: bearer(with_long_hash()),
    "a key pair's": lambda: bearer(of_a_key_pair()),
    "without subject": lambda: bearer(token(None)),
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
async def test_a_missing_or_bad_identity_is_the_same_401(jwt_server, headers):
    answer = await jwt_server.http.get(QUOTA, headers=headers())
    body = refused(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert body["detail"] == "Send a valid bearer token."


@pytest.mark.parametrize(
    "subject", ["auth0|5", "", "42", str(USER) + "0", 42, ["x"], {"id": 1}], ids=str
)
async def test_a_subject_that_is_no_user_id_is_named(jwt_server, subject):
    claims = {"aud": "authenticated", "exp": ago(-3600), "sub": subject}
    # PyJWT would not make some of these; others do.
    made = jwt.api_jws.encode(
        json.dumps(claims, default=lambda at: int(at.timestamp())).encode(),
        JWT_SECRET,
        algorithm="HS256",
    )
    answer = await jwt_server.http.get(QUOTA, headers=bearer(made))
    assert "UUID" in refused(answer, 401, "invalid_subject")["detail"]


async def test_a_token_has_no_other_place(jwt_server):
    elsewhere = {"Cookie": f"token={token(USER)}", "X-Authorization": f"Bearer {token(USER)}"}
    answer = await jwt_server.http.get(
        QUOTA, params={"access_token": token(USER)}, headers=elsewhere
    )
    refused(answer, 401, "unauthenticated")


async def test_every_route_of_the_api_asks_for_an_identity(jwt_server):
    document = (await jwt_server.http.get("/openapi.json")).json()
    asked = 0
    for path, item in document["paths"].items():
        # A provider has no identity of ours; its callbacks are signed and their address is secret.
        if not path.startswith("/api/") or path.startswith("/api/video/callbacks/"):
            continue
        for method in item:
            address = re.sub(r"\{\w+\}", str(uuid4()), path)
            answer = await jwt_server.http.request(method, address, json={"imageId": "x"})
            refused(answer, 401, "unauthenticated")
            asked += 1
    assert asked >= 12


async def test_the_issuer_is_checked_when_it_is_configured(open_installation):
    async with open_installation(**with_identity(jwt_issuer="https://sign.example")) as server:
        right = await server.http.get(
            QUOTA, headers=bearer(token(USER, iss="https://sign.example"))
        )
        assert right.status_code == 200
        for claims in ({}, {"iss": "https://other.example"}):
            answer = await server.http.get(QUOTA, headers=bearer(token(USER, **claims)))
            refused(answer, 401, "unauthenticated")


class TestLocalMode:
    async def test_there_is_one_user_and_no_token_is_asked_for(self, server):
        person = server.person()
        assert person.headers == {}
        job = await person.job(await person.new_job(clientRequestId="local"))
        assert UUID(job["user_id"]) == LOCAL_USER
        # A token changes nothing.
        answer = await server.http.get(
            f"/api/video/jobs/{job['id']}", headers=bearer(token(uuid4()))
        )
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.0.0.1:9", "localhost", "LOCALHOST:8484", "[::1]:8484"]
    )
    async def test_every_name_of_the_loopback_is_served(self, server, host):
        assert (await server.http.get("/healthz", headers={"Host": host})).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "127.0.0.1@evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "127.0.0.1:80:80",
            "127.0.0.1:x",
            "localhost\\.evil",
            "",
        ],
    )
    async def test_a_foreign_host_is_refused_everywhere(self, server, host):
        for path in ("/", QUOTA, "/media/x", "/openapi.json", "/metrics"):
            answer = await server.http.get(path, headers={"Host": host})
            refused(answer, 403, "host_not_loopback")

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "null",
            "",
            "http://localhost.evil.example",
            "http://127.0.0.1:1",
            "file://",
        ],
    )
    async def test_a_foreign_origin_is_refused_and_does_nothing(self, server, origin):
        before = server.person().jobs_in_database()
        for method, path in (
            ("POST", "/api/video/images"),
            ("GET", QUOTA),
            ("OPTIONS", QUOTA),
            ("PUT", "/media/x"),
        ):
            answer = await server.http.request(
                method, path, headers={"Origin": origin}, content=encoded(noise())
            )
            refused(answer, 403, "foreign_origin")
            assert "access-control-allow-origin" not in answer.headers
        assert server.person().jobs_in_database() == before

    async def test_the_own_pages_are_no_foreign_origin(self, server):
        answer = await server.http.get(QUOTA, headers={"Origin": server.address})
        assert answer.status_code == 200

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
    async def test_it_refuses_to_bind_elsewhere(self, tmp_path, host):
        folder = tmp_path / "data"
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "photoplay", "serve", "--host", host, "--data-dir", str(folder)],
            env=free_of_environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode != 0
        assert f"--host {host}" in ended.stderr
        assert "PHOTOPLAY_JWT_SECRET" in ended.stderr
        assert not folder.exists(), "it started something"


async def test_with_an_identity_it_binds_where_it_is_told(tmp_path):
    settings = Settings(_env_file=None, PHOTOPLAY_DATA_DIR=tmp_path).model_copy(
        update=with_identity()
    )
    settings.check_binding("0.0.0.0")
