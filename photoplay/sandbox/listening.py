"""A loopback HTTP server that lets go of its port on demand and knows its connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from photoplay.sandbox.answers import Connections, end_with_reset

_HOST: Final = "127.0.0.1"


class Listener:
    """Serves an application on a loopback port.

    Args:
        refuses: asked for each new connection; True ends it before a byte is read.
    """

    def __init__(self, app: ASGIApp, connections: Connections, refuses: Callable[[], bool]) -> None:
        self._config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=60,
        )
        self._state = ServerState()
        self._connections = connections
        self._refuses = refuses
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, port: int) -> None:
        """Listen.

        Args:
            port: 0 takes a free one.

        Raises:
            OSError: the port is taken; choose another.
        """
        if not self._config.loaded:
            self._config.load()
        loop = asyncio.get_running_loop()
        # With the protocol named, asyncio turns Nagle's delay off; else an answer may wait 40 ms.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
            self._server = await loop.create_server(self._protocol, sock=listener, backlog=2048)
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]

    async def close(self) -> None:
        """Stop listening and end every connection; new ones are refused by the system.

        Requests that are being answered go on for nobody; `drain` waits for them.
        """
        if self._server is None:
            return
        self._server.close()
        for transport in list(self._connections.values()):
            transport.abort()
        await self._server.wait_closed()
        self._server = None

    @property
    def is_answering(self) -> bool:
        """Whether a request is being answered."""
        return bool(self._state.tasks)

    async def drain(self) -> None:
        """Return when no request is being answered any more."""
        while self._state.tasks:
            await asyncio.wait(self._state.tasks)

    def _protocol(self) -> _TrackedProtocol:
        return _TrackedProtocol(self._config, self._state, self._connections, self._refuses)


class _TrackedProtocol(HttpToolsProtocol):
    def __init__(
        self,
        config: uvicorn.Config,
        state: ServerState,
        connections: Connections,
        refuses: Callable[[], bool],
    ) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._all = connections
        self._asked = refuses

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] -- as the server's own
        super().connection_made(transport)
        if self.client is not None:
            self._all[self.client] = transport
        if self._asked():
            end_with_reset(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client is not None:
            self._all.pop(self.client, None)
        super().connection_lost(exc)
