"""A product's sign-in: key pairs, the page with its public keys, and tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms


class KeyPair:
    """A key pair with its name and its algorithm."""

    def __init__(self, name: str, algorithm: str) -> None:
        self.name = name
        self.algorithm = algorithm
        self.private: Any = {
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
        }[algorithm]()

    @property
    def public(self) -> dict[str, Any]:
        """The public half as a JWK."""
        form: Any = get_default_algorithms()[self.algorithm]
        return {**form.to_jwk(self.private.public_key(), as_dict=True), "kid": self.name}

    def token(
        self, user: UUID | str, *, headers: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token of the user; a claim that is None is left out."""
        payload = {
            "sub": str(user),
            "aud": "authenticated",
            "exp": datetime.now(UTC) + timedelta(hours=1),
            **claims,
        }
        payload = {name: value for name, value in payload.items() if value is not None}
        named = {"kid": self.name, **(headers or {})}
        return jwt.encode(payload, self.private, algorithm=self.algorithm, headers=named)


class KeyPage:
    """The address of a sign-in's public keys.

    Attributes:
        answer: what it answers with: a status and the text.
        asked: how often it was read.
    """

    def __init__(self) -> None:
        self.answer: tuple[int, Any] = (200, {"keys": []})
        self.asked = 0
        self.url = ""

    def show(self, *keys: KeyPair | dict[str, Any]) -> None:
        """Publish these keys and no other."""
        listed = [key.public if isinstance(key, KeyPair) else key for key in keys]
        self.answer = (200, {"keys": listed})

    async def _read(self, _: web.Request) -> web.Response:
        self.asked += 1
        status, body = self.answer
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[KeyPage]:
        """Serve it on the loopback."""
        app = web.Application()
        app.router.add_get("/keys", self._read)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
            yield self
        finally:
            await runner.cleanup()
