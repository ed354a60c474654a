"""The control room as a browser comes to it."""

from __future__ import annotations

from tests.api.serving import Server


class Room:
    """A browser at the control room, as far as cookies and forms go."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}

    async def get(self, path: str):
        return await self.server.http.get(path, headers=self._headers())

    async def post(self, path: str, origin: str | None = "own", **form: str):
        headers = self._headers()
        if origin is not None:
            headers["Origin"] = self.server.address if origin == "own" else origin
        return await self.server.http.post(path, data=form, headers=headers)

    async def enter(self, key: str):
        answer = await self.post("/admin/sign-in", key=key)
        # The client is everybody's; what it keeps would open the room to others.
        self.server.http.cookies.clear()
        if answer.status_code == 303:
            cookie = answer.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def _headers(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": cookie} if cookie else {}


async def operators_key(server: Server) -> str:
    return (await server.key_holder()).headers["Authorization"].removeprefix("Bearer ")
