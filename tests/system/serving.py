"""An installation served as a product serves it: a process of its own, with its worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from uuid import UUID

import jwt

JWT_SECRET = "the shared secret of the tests, 32+ bytes"
_BANNER = "Photoplay is at "


def token(user: UUID) -> str:
    """A bearer token as a product's sign-in makes it."""
    claims = {
        "sub": str(user),
        "aud": "authenticated",
        "exp": datetime.now(UTC) + timedelta(hours=1),
    }
    return jwt.encode(claims, JWT_SECRET, algorithm="HS256")


@contextmanager
def served(folder: Path, *options: str, **settings: str) -> Iterator[str]:
    """Give the address of a server of its own; ended with the block."""
    ours = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("PHOTOPLAY_", "VIDEO_", "DATABASE_"))
    }
    command = [sys.executable, "-m", "photoplay", "serve", "--port", "0", *options]
    with subprocess.Popen(
        [*command, "--data-dir", str(folder / "data")],
        env={**ours, **settings},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        log: list[str] = []
        for line in server.stdout:
            log.append(line)
            if _BANNER in line:
                break
        else:
            raise AssertionError("the server did not start:\n" + "".join(log[-20:]))
        address = log[-1].partition(_BANNER)[2].strip()
        # What it says afterwards must not fill the pipe.
        drain = Thread(target=log.extend, args=(server.stdout,))
        drain.start()
        try:
            yield address
            server.send_signal(signal.SIGTERM)
            server.wait(60)
        finally:
            server.kill()
            drain.join()
