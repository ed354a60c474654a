"""Every operation of the OpenAPI document with all kinds of input: never our fault, and never unsaid.

Schemathesis makes the requests from the document, valid ones and broken ones; users, operators and
strangers send them to a real server.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from photoplay.api.openapi import openapi_document
from photoplay.stack import Stack
from tests.api.serving import installed, served, with_identity

EXAMPLES = 12
load_all_checks()


def strict_document() -> dict[str, Any]:
    """The document without the answer that stands for all that it does not name."""
    document = openapi_document()
    for item in document["paths"].values():
        for operation in item.values():
            del operation["responses"]["default"]
    return document


SCHEMA = schemathesis.openapi.from_dict(strict_document())


@dataclass
class Target:
    """A server, who asks it, and ids of things that it has."""

    address: str
    identities: list[dict[str, str]]
    ids: dict[str, str]
    numbers: Iterator[int]


@pytest.fixture(scope="session")
def target(postgres, template, decoders, tmp_path_factory) -> Iterator[Target]:
    """A server in a thread of its own, for requests that are not made by a coroutine."""
    ready, stop, found = threading.Event(), threading.Event(), []

    async def serve(stack: Stack) -> None:
        async with served(stack) as server:
            user, operator = server.person(), await server.key_holder()
            server.allow(user.id, daily=10**6, opened=10**6, dedupe=False)
            # One that has ended: to follow an open one has no end.
            job = await user.new_job()
            await user.post(f"/api/video/jobs/{job}/cancel")
            image = (await user.upload())["imageId"]
            on_behalf = {**operator.headers, "X-On-Behalf-Of": str(user.id)}
            identities = [user.headers, on_behalf, operator.headers, {}]
            ids = {"job_id": job, "image_id": image, "user_id": str(user.id)}
            found.append(Target(server.address, identities, ids, itertools.count()))
            ready.set()
            await asyncio.to_thread(stop.wait)

    folder = tmp_path_factory.mktemp("operations")
    with installed(postgres, template, decoders, folder, **with_identity()) as stack:
        thread = threading.Thread(target=lambda: asyncio.run(serve(stack)))
        thread.start()
        try:
            assert ready.wait(60)
            yield found[0]
        finally:
            stop.set()
            thread.join()


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_an_operation_answers_as_the_document_says(case: Case, target: Target) -> None:
    number = next(target.numbers)
    # What is valid by itself and not together, or not for this user, is refused.
    excluded = [positive_data_acceptance]
    if number % 3 and case.method != "DELETE":
        for name in target.ids.keys() & (case.path_parameters or {}).keys():
            case.path_parameters[name] = target.ids[name]
            # Perhaps it was this that was wrong with the request.
            excluded = [positive_data_acceptance, negative_data_rejection]
    case.call_and_validate(
        base_url=target.address,
        headers=target.identities[number % len(target.identities)],
        excluded_checks=excluded,
        timeout=30,
        allow_redirects=False,
    )
