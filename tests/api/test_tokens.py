"""Tokens signed with the sign-in's private keys: whose they are, and every way to forge one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid4, uuid5

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from photoplay.api.app import create_app
from photoplay.api.authentication.key_set import KeySet
from photoplay.api.authentication.tokens import Tokens
from photoplay.config import Settings, SettingsError, load_settings
from photoplay.domain.errors import UnauthenticatedError, UnavailableError
from photoplay.network.addresses import AddressPolicy
from photoplay.network.guard import SystemResolver
from photoplay.network.sender import Sender
from tests.api.serving import Server, ago, installed, refused, served, token, with_identity
from tests.support.sign_in import KeyPage, KeyPair

pytestmark = pytest.mark.asyncio(loop_scope="session")
USER = UUID("11111111-2222-4333-8444-555555555555")
QUOTA = "/api/video/quota"
LOOPBACK = (ip_network("127.0.0.0/8"),)
EC, RSA, ED = KeyPair("ec", "ES256"), KeyPair("rsa", "RS256"), KeyPair("ed", "EdDSA")
STRANGER = KeyPair("ec", "ES256")


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page() -> AsyncIterator[KeyPage]:
    async with KeyPage().served() as page:
        page.show(EC, RSA, ED)
        yield page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def signed_in(
    postgres, template, decoders, tmp_path_factory, page: KeyPage
) -> AsyncIterator[Server]:
    """A server that takes tokens by both ways, so that one may be tried for the other."""
    settings = with_identity(
        jwks_url=page.url,
        allowed_networks=LOOPBACK,
        admin_claims=("app_metadata.role=photoplay_admin", "role=service_role"),
    )
    folder = tmp_path_factory.mktemp("signed-in")
    with installed(postgres, template, decoders, folder, **settings) as stack:
        async with served(stack) as server:
            yield server


@pytest.mark.parametrize("key", [EC, RSA, ED], ids=lambda key: key.algorithm)
async def test_a_token_of_each_algorithm_is_its_subject(signed_in, key):
    for _ in range(2):
        answer = await signed_in.http.get(QUOTA, headers=bearer(key.token(USER)))
        assert answer.status_code == 200
    shared = await signed_in.http.get(QUOTA, headers=bearer(token(USER)))
    assert shared.status_code == 200


def encoded(part: object) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], sign: Callable[[bytes], bytes], user: UUID = USER) -> str:
    """A token that no library would make."""
    claims = {"sub": str(user), "aud": "authenticated", "exp": int(ago(-3600).timestamp())}
    head = f"{encoded(header)}.{encoded(claims)}"
    return f"{head}.{encoded(sign(head.encode()))}"


def hmac_over_public_key(pair: KeyPair, header: dict[str, Any]) -> str:
    pem = pair.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return by_hand(header, lambda text: hmac.digest(pem, text, hashlib.sha256))


def tampered(value: str) -> str:
    head, _, signature = value.split(".")
    claims = {"sub": str(uuid4()), "aud": "authenticated", "exp": int(ago(-3600).timestamp())}
    return f"{head}.{encoded(claims)}.{signature}"


def renamed(value: str, **changes: Any) -> str:
    """The same token with another header; its signature does not cover it."""
    head, rest = value.split(".", 1)
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    return f"{encoded({**header, **changes})}.{rest}"


FORGED: dict[str, Callable[[], str]] = {
    # The eight of every list of attacks on tokens.
    "HS256 over the EC key": lambda: hmac_over_public_key(EC, {"alg": "HS256", "kid": "ec"}),
    "unsigned": lambda: by_hand({"alg": "none", "kid": "ec"}, lambda _: b""),
    "tampered": lambda: tampered(EC.token(USER)),
    "expired": lambda: EC.token(USER, exp=ago(60)),
    "wrong audience": lambda: EC.token(USER, aud="anon"),
    "without expiry": lambda: EC.token(USER, exp=None),
    "unknown critical header": lambda: EC.token(USER, headers={"crit": ["x"], "x": 1}),
    "unknown key": lambda: KeyPair("other", "ES256").token(USER),
    # And what they leave open.
    "another's key under our name": lambda: STRANGER.token(USER),
    "HS256 over the RSA key": lambda: hmac_over_public_key(RSA, {"alg": "HS256", "kid": "rsa"}),
    "HS256 under an RSA header": lambda: hmac_over_public_key(RSA, {"alg": "RS256", "kid": "rsa"}),
    "the shared secret under an EC header": lambda: renamed(token(USER), alg="ES256", kid="ec"),
    "RS256 with the EC key": lambda: renamed(RSA.token(USER), kid="ec"),
    "ES256 with the RSA key": lambda: renamed(EC.token(USER), kid="rsa"),
    "PS256 with the RSA key": lambda: jwt.encode(
        {"sub": str(USER), "aud": "authenticated", "exp": ago(-3600)},
        RSA.private,
        algorithm="PS256",
        headers={"kid": "rsa"},
    ),
    "a signature of zeros": lambda: by_hand({"alg": "ES256", "kid": "ec"}, lambda _: bytes(64)),
    "no signature": lambda: by_hand({"alg": "ES256", "kid": "ec"}, lambda _: b""),
    "its own key in the header": lambda: STRANGER.token(USER, headers={"jwk": STRANGER.public}),
    "an address of keys in the header": lambda: STRANGER.token(
        USER, headers={"jku": "http://127.0.0.1:9/keys"}
    ),
    "without a name": lambda: renamed(EC.token(USER), kid=""),
    "a name that is no text": lambda: by_hand({"alg": "ES256", "kid": ["ec"]}, lambda _: b"x"),
    "a name that is a path": lambda: by_hand({"alg": "HS256", "kid": "/dev/null"}, lambda _: b""),
    "without an algorithm": lambda: by_hand({"kid": "ec"}, lambda _: b"x"),
    "an algorithm that is no text": lambda: by_hand({"alg": ["ES256"]}, lambda _: b"x"),
    "payload not encoded": lambda: EC.token(USER, headers={"b64": False, "crit": ["b64"]}),
    "not valid yet": lambda: EC.token(USER, nbf=ago(-600)),
    "without audience": lambda: EC.token(USER, aud=None),
    "without subject": lambda: EC.token(USER, sub=None),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
async def test_a_forged_token_is_the_same_401(signed_in, forge):
    answer = await signed_in.http.get(QUOTA, headers=bearer(forge()))
    body = refused(answer, 401, "unauthenticated")
    assert body["detail"] == "Send a valid bearer token."


class TestOperators:
    @pytest.mark.parametrize(
        "claims",
        [
            {"app_metadata": {"role": "photoplay_admin"}},
            {"app_metadata": {"role": ["editor", "photoplay_admin"]}},
        ],
        ids=["text", "list"],
    )
    async def test_a_token_that_says_so_is_an_operators(self, signed_in, claims):
        headers = bearer(EC.token(USER, **claims))
        assert (await signed_in.http.get("/api/admin/keys", headers=headers)).status_code == 200
        other = {**headers, "X-On-Behalf-Of": str(uuid4())}
        assert (await signed_in.http.get(QUOTA, headers=other)).status_code == 200

    @pytest.mark.parametrize(
        "claims",
        [
            {},
            {"app_metadata": {"role": "authenticated"}},
            {"app_metadata": "photoplay_admin"},
            {"app_metadata": {"role": {"photoplay_admin": True}}},
            {"user_metadata": {"role": "photoplay_admin"}},
            {"app_metadata.role": "photoplay_admin"},
        ],
        ids=str,
    )
    async def test_any_other_token_is_not(self, signed_in, claims):
        headers = bearer(EC.token(USER, **claims))
        answer = await signed_in.http.get("/api/admin/keys", headers=headers)
        refused(answer, 403, "admin_required")

    async def test_a_servers_token_acts_for_whom_it_names(self, signed_in):
        made = token(None, aud=None, role="service_role")
        assert (
            await signed_in.http.get("/api/admin/keys", headers=bearer(made))
        ).status_code == 200
        refused(await signed_in.http.get(QUOTA, headers=bearer(made)), 400, "on_behalf_of_required")
        named = {**bearer(made), "X-On-Behalf-Of": str(USER)}
        assert (await signed_in.http.get(QUOTA, headers=named)).status_code == 200
        anonymous = token(None, aud=None, role="anon")
        refused(await signed_in.http.get(QUOTA, headers=bearer(anonymous)), 401, "unauthenticated")

    @pytest.mark.parametrize(
        "claim",
        ["role", "role=", "=x", "a..b=x", "user_metadata.role=admin", "raw_user_meta_data.a=1"],
    )
    async def test_a_claim_that_makes_no_sense_or_is_the_users_own_is_refused(
        self, tmp_path, monkeypatch, claim
    ):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PHOTOPLAY_ADMIN_CLAIMS", claim)
        with pytest.raises(SettingsError, match="PHOTOPLAY_ADMIN_CLAIMS"):
            load_settings()


async def test_other_subjects_can_be_mapped_to_users(open_installation):
    namespace = uuid4()
    async with open_installation(**with_identity(jwt_subject_namespace=namespace)) as server:
        user = uuid5(namespace, "auth0|5")
        made = await server.person(user).new_job()
        for headers in (
            bearer(token("auth0|5")),
            {**(await server.key_holder()).headers, "X-On-Behalf-Of": "auth0|5"},
        ):
            job = await server.http.get(f"/api/video/jobs/{made}", headers=headers)
            assert job.json()["data"]["user_id"] == str(user)
        for subject in ("", 42):
            answer = await server.http.get(QUOTA, headers=bearer(by_secret(subject)))
            refused(answer, 401, "invalid_subject")


def by_secret(subject: object) -> str:
    return token(None, sub=subject) if subject else token(subject)


class TestKeySet:
    """The keys' life, on a clock of the test's own."""

    @pytest_asyncio.fixture(loop_scope="session")
    async def own_page(self) -> AsyncIterator[KeyPage]:
        async with KeyPage().served() as page:
            yield page

    @pytest_asyncio.fixture(loop_scope="session")
    async def keys(self, own_page: KeyPage) -> AsyncIterator[KeySet]:
        self.now = 0.0
        async with Sender(AddressPolicy(LOOPBACK), SystemResolver()) as sender:
            yield KeySet(sender, own_page.url, clock=lambda: self.now)

    @staticmethod
    async def knows(keys: KeySet, name: str) -> bool:
        try:
            await keys.find(name)
        except UnauthenticatedError:
            return False
        return True

    async def test_it_is_fetched_once_for_all_its_keys(self, keys, own_page):
        own_page.show(EC, RSA, ED)
        found = [await keys.find(name) for name in ("ec", "rsa", "ed") * 3]
        assert [key.algorithm for key in found[:3]] == ["ES256", "RS256", "EdDSA"]
        assert own_page.asked == 1

    async def test_an_unknown_name_fetches_it_again_at_most_once_a_minute(self, keys, own_page):
        own_page.show(EC)
        assert await self.knows(keys, "ec")
        for self.now in (1, 30, 59):
            assert not await self.knows(keys, f"x{self.now}")
        assert own_page.asked == 1
        own_page.show(EC, ED)
        self.now = 60
        assert await self.knows(keys, "ed")
        assert own_page.asked == 2

    async def test_a_rotated_key_is_taken_and_a_withdrawn_one_is_not(self, keys, own_page):
        own_page.show(EC)
        assert await self.knows(keys, "ec")
        own_page.show(ED)
        self.now = 60
        assert await self.knows(keys, "ed")
        assert not await self.knows(keys, "ec")

    @pytest.mark.parametrize(
        "answer",
        [
            (500, "no"),
            (200, "<html>"),
            (200, {"keys": []}),
            (200, []),
            (302, ""),
            (200, {"keys": "x"}),
        ],
        ids=str,
    )
    async def test_it_is_kept_when_a_fetch_fails(self, keys, own_page, answer):
        own_page.show(EC)
        assert await self.knows(keys, "ec")
        own_page.answer = answer
        self.now = 60
        assert not await self.knows(keys, "x")
        assert own_page.asked == 2
        assert await self.knows(keys, "ec")

    async def test_without_any_key_nobody_is_let_in_and_it_is_tried_again_soon(
        self, keys, own_page
    ):
        own_page.answer = (503, "")
        for self.now in (0, 1, 4.9):
            with pytest.raises(UnavailableError) as caught:
                await keys.find("ec")
            assert caught.value.code == "identity_unavailable"
        assert own_page.asked == 1
        own_page.show(EC)
        self.now = 5
        assert await self.knows(keys, "ec")

    async def test_what_is_no_key_for_signatures_is_left_out(self, keys, own_page):
        weak = KeyPair("weak", "RS256")
        weak.private = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        private = {**ED.public, "kid": "private", "d": "AAAA"}
        own_page.show(
            EC,
            {"kty": "oct", "k": encoded(b"x" * 32), "kid": "oct", "alg": "HS256"},
            private,
            weak,
            {**RSA.public, "kid": "for-encryption", "use": "enc"},
            {**RSA.public, "kid": "other-hash", "alg": "RS512"},
            {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "AA", "y": "AA"},
            {"kid": "nothing"},
        )
        assert await self.knows(keys, "ec")
        for name in ("oct", "private", "weak", "for-encryption", "other-hash", "broken", "nothing"):
            assert not await self.knows(keys, name), name

    async def test_what_was_verified_is_remembered_until_it_expires_or_the_keys_change(
        self, keys, own_page, monkeypatch
    ):
        own_page.show(EC)
        instant, calls = ago(0).timestamp(), []
        decode = jwt.decode
        monkeypatch.setattr(jwt, "decode", lambda *a, **k: (calls.append(1), decode(*a, **k))[1])
        settings = Settings(_env_file=None).model_copy(update={"jwks_url": own_page.url})
        tokens = Tokens(settings, keys, clock=lambda: instant)
        made = EC.token(USER)
        assert [(await tokens.verify(made)).user_id for _ in range(3)] == [USER] * 3
        assert len(calls) == 1
        instant += 3601
        await tokens.verify(made)
        assert len(calls) == 2, "remembered beyond its expiry"
        instant -= 3601
        own_page.show(ED)
        self.now = 60
        await tokens.verify(ED.token(USER))
        with pytest.raises(UnauthenticatedError):
            await tokens.verify(made)


async def test_a_server_without_keys_yet_is_closed_and_not_ready(open_installation):
    async with KeyPage().served() as page:
        page.answer = (503, "")
        settings = {"jwks_url": page.url, "allowed_networks": LOOPBACK}
        async with open_installation(**settings) as server:
            answer = await server.http.get(QUOTA, headers=bearer(EC.token(USER)))
            refused(answer, 503, "identity_unavailable")
            refused(await server.http.get(QUOTA), 401, "unauthenticated")
            refused(
                await server.http.get(QUOTA, headers=bearer(token(USER))), 401, "unauthenticated"
            )
            ready = await server.http.get("/readyz")
            assert ready.status_code == 503
            assert ready.json()["checks"]["identity"] == "identity_unavailable"
            page.show(EC)
            server.app.state.service.authenticator.key_set._tried_at = float("-inf")
            answer = await server.http.get(QUOTA, headers=bearer(EC.token(USER)))
            assert answer.status_code == 200
            assert (await server.http.get("/readyz")).json()["checks"]["identity"] == "ok"


@pytest.mark.parametrize("url", ["http://127.0.0.1/keys", "ftp://keys.example/", "keys.example"])
async def test_an_address_of_keys_that_would_never_be_called_is_refused_at_the_start(stack, url):
    settings = stack.settings.model_copy(update={"jwks_url": url})
    with pytest.raises(SettingsError, match="PHOTOPLAY_JWKS_URL"):
        create_app(replace(stack, settings=settings), base_url="http://127.0.0.1:1")
