"""How `make test` spreads the tests over processes."""

from __future__ import annotations

import os

import pytest


def test_tests_of_one_file_are_kept_in_one_process(request: pytest.FixtureRequest) -> None:
    # Some versions of pytest and xdist ignore groups silently; every process then makes every fixture.
    if "PYTEST_XDIST_WORKER" in os.environ and request.config.getoption("loadgroup"):
        assert request.node.nodeid.endswith(f"@{request.path}")
