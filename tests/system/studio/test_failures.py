"""Films that are not made: what is said of the reason, and of the money."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.system.serving import served

from .studio import Studio

pytestmark = pytest.mark.system
Open = Callable[..., Studio]


@dataclass(frozen=True)
class Troubled:
    """A service in front of providers that fail when they are told to."""

    address: str
    script: str

    def fail(self, fault: object) -> None:
        """Let the next film meet this fault."""
        body = json.dumps(fault).encode()
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(f"{self.script}/faults", body, headers)):
            pass


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Troubled]:
    folder = tmp_path_factory.mktemp("troubled")
    options = ["--port", "0", "--quick", "--queue-seconds", "0", "--run-seconds", "1"]
    command = [sys.executable, "-m", "photoplay", "sandbox", *options]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as sandbox:
        assert sandbox.stdout is not None
        settings: dict[str, str] = {}
        script = ""
        for line in sandbox.stdout:
            if "script it under" in line:
                script = line.rpartition(" ")[2].strip()
                break
            name, _, value = line.strip().partition("=")
            settings[name] = value
        try:
            with served(Path(folder), **settings) as address:
                yield Troubled(address, script)
            sandbox.send_signal(signal.SIGTERM)
            sandbox.wait(60)
        finally:
            sandbox.kill()


_BILLED = {"do": "fail", "code": "internal_server_error", "at": "end", "billed": True}


@pytest.mark.parametrize(
    ("fault", "reason", "charge"),
    [
        (
            "moderated_during",
            "refused this picture or prompt",
            "Not charged, and it does not count",
        ),
        (_BILLED, "could not make this video", "Charged: it counts for today"),
    ],
    ids=["refused", "billed"],
)
def test_reason_and_charge_are_told_and_found_again(
    open_studio: Open, troubled: Troubled, fault: object, reason: str, charge: str
) -> None:
    studio = open_studio(troubled.address)
    troubled.fail(fault)
    studio.choose_and_animate()
    studio.see("failed")
    studio.see_text("alert", reason)
    studio.see_text("charge", charge)
    studio.look(reason)
    studio.page.reload()
    studio.see("failed")
    studio.see_text("charge", charge)
    assert [job["status"] for job in studio.new_jobs] == ["failed"]
