"""Callbacks of the sandbox: signed as the providers sign, and misdelivered on demand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from aiohttp import web as server
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from photoplay.sandbox import Fault, Sandbox, SandboxOptions
from photoplay.sandbox.signing import FalKeys, standard_webhook_headers
from tests.conftest import until

KLING = "fal-ai/kling-video/v3/pro/image-to-video"
VECTOR_BODY = (
    b'{"request_id":"123e4567-e89b-12d3-a456-426614174000",'
    b'"gateway_request_id":"123e4567-e89b-12d3-a456-426614174000","status":"OK",'
    b'"payload":{"video":{"url":"https://v3b.fal.media/files/b/demo/out.mp4",'
    b'"content_type":"video/mp4"}}}'
)
VECTOR_SIGNATURE = (
    "78ef910150711da08aef75f5f5a4e581ee97f3c4b397d243aacb9d57d06c4668"
    "bd931284c708b41d431485a407e1e03698d8df187414c810d773696ce3219e07"
)


@dataclass
class Receiver:
    """Takes callbacks and remembers them as they came."""

    address: str = ""
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def take(self, request: server.Request) -> server.Response:
        self.got.append((request.path_qs, dict(request.headers), await request.read()))
        return server.Response(status=self.answers.pop(0) if self.answers else 200)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = server.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    runner = server.AppRunner(app)
    await runner.setup()
    await server.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.address = f"http://127.0.0.1:{runner.addresses[0][1]}/callbacks/token-1?kept=yes"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    options = SandboxOptions(quick=True, queue_s=0, run_s=0, fetch_pictures=False)
    async with Sandbox(options) as opened:
        yield opened


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as opened:
        yield opened


async def submit(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver, **changes: object
) -> dict[str, Any]:
    environment = sandbox.environment
    answer = await http.post(
        f"{environment['FAL_QUEUE_BASE_URL']}/{KLING}",
        params={"fal_webhook": receiver.address},
        json={
            "prompt": "x",
            "start_image_url": "https://x.example/a.png",
            "duration": "5",
            **changes,
        },
        headers={"Authorization": "Key " + environment["FAL_KEY"]},
    )
    return answer.json()


async def verdicts(sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver) -> list[bool]:
    """Verify everything received, by the vendor's published rules and key set."""
    url = sandbox.environment["FAL_REST_BASE_URL"] + "/.well-known/jwks.json"
    keys = (await http.get(url)).json()["keys"]
    return [is_genuine(headers, body, keys, sandbox.now()) for _, headers, body in receiver.got]


def is_genuine(
    headers: dict[str, str], body: bytes, keys: list[dict[str, str]], now: datetime
) -> bool:
    names = ("Request-Id", "User-Id", "Timestamp", "Signature")
    values = [headers.get(f"X-Fal-Webhook-{name}") for name in names]
    if None in values or abs(now.timestamp() - int(values[2] or 0)) > 300:
        return False
    signed = "\n".join([*(v or "" for v in values[:3]), hashlib.sha256(body).hexdigest()]).encode()
    for key in keys:
        raw = base64.urlsafe_b64decode(key["x"] + "=")
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(bytes.fromhex(values[3] or ""), signed)
        except InvalidSignature:
            continue
        return True
    return False


def test_first_key_makes_the_signature_of_the_contracts_vector() -> None:
    keys = FalKeys(seed=7)
    assert keys.key_set()["keys"][0]["x"] == "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
    headers = keys.headers(
        VECTOR_BODY,
        request_id="123e4567-e89b-12d3-a456-426614174000",
        user_id="user_demo",
        timestamp=1_700_000_000,
    )
    assert headers["X-Fal-Webhook-Signature"] == VECTOR_SIGNATURE
    vector_time = datetime.fromtimestamp(1_700_000_000, UTC)
    assert is_genuine(headers, VECTOR_BODY, keys.key_set()["keys"], vector_time)


def test_kling_signs_as_its_published_vector() -> None:
    body = (
        b'{"id":"1234567890","status":"succeeded","message":"",'
        b'"create_time":1781080778802,"update_time":1781080794151}'
    )
    headers = standard_webhook_headers(
        body,
        secret="whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=",
        message_id="9876543210",
        timestamp=1_781_080_794,
    )
    assert headers["webhook-signature"] == "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4="


async def test_fal_tells_success_and_failure_with_a_signature(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    first = await submit(sandbox, http, receiver)
    await until(lambda: len(receiver.got) == 1)
    sandbox.add(Fault(do="fail", code="content_policy_violation"))
    second = await submit(sandbox, http, receiver)
    await until(lambda: len(receiver.got) == 2)
    ok, error = receiver.bodies
    assert (ok["request_id"], ok["status"]) == (first["request_id"], "OK")
    assert ok["payload"]["video"]["content_type"] == "video/mp4"
    assert (error["request_id"], error["status"]) == (second["request_id"], "ERROR")
    assert error["payload"]["detail"][0]["type"] == "content_policy_violation"
    assert receiver.got[0][0] == "/callbacks/token-1?kept=yes"
    assert await verdicts(sandbox, http, receiver) == [True, True]


@pytest.mark.parametrize("do", ["forge", "tamper", "stale", "unsigned", "nonsense"])
async def test_dishonest_callbacks_do_not_verify(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver, do: str
) -> None:
    sandbox.add(Fault(do=do))  # pyright: ignore[reportArgumentType]
    await submit(sandbox, http, receiver)
    await until(lambda: receiver.got)
    genuine = (await verdicts(sandbox, http, receiver))[0]
    # Nonsense is signed: only its content says that it is none of ours.
    assert genuine is (do == "nonsense")


@pytest.mark.parametrize(
    ("do", "is_ours"), [("other_user", False), ("other_task", False), ("payload_error", True)]
)
async def test_signed_callbacks_may_still_be_somebody_elses(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver, do: str, is_ours: bool
) -> None:
    sandbox.add(Fault(do=do))  # pyright: ignore[reportArgumentType]
    task = await submit(sandbox, http, receiver)
    await until(lambda: receiver.got)
    assert await verdicts(sandbox, http, receiver) == [True]
    _, headers, _ = receiver.got[0]
    about = receiver.bodies[0]["request_id"] == task["request_id"]
    ours = headers["X-Fal-Webhook-User-Id"] == sandbox.options.fal.user_id
    assert (about and ours) is is_ours
    if do == "payload_error":
        assert receiver.bodies[0]["payload"] is None


async def test_callback_comes_before_the_answer_to_the_submission(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    sandbox.configure(queue_s=60, run_s=60)
    sandbox.add("early_callback")
    task = await submit(sandbox, http, receiver)
    assert [body["request_id"] for body in receiver.bodies] == [task["request_id"]]


async def test_thousand_copies_arrive_at_once(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    sandbox.add(Fault(do="duplicate", copies=200))
    await submit(sandbox, http, receiver)
    await until(lambda: len(receiver.got) == 200)
    assert len({body for _, _, body in receiver.got}) == 1


async def test_lost_late_replayed_and_contradicting_callbacks(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    sandbox.configure(frozen=True)
    sandbox.add(Fault(do="drop"))
    lost = await submit(sandbox, http, receiver)
    await until(lambda: sandbox.journal.deliveries(lost["request_id"]))
    assert receiver.got == []
    sandbox.add(Fault(do="late", seconds=40))
    await submit(sandbox, http, receiver)
    await until(lambda: all(task.state == "ended" for task in sandbox.tasks()))
    sandbox.advance(41)
    await until(lambda: len(receiver.got) == 1)
    sandbox.add(Fault(do="replay", seconds=600))
    await submit(sandbox, http, receiver)
    await until(lambda: len(receiver.got) == 2)
    await until(lambda: len(sandbox.journal.deliveries()) == 3)
    sandbox.advance(601)
    await until(lambda: len(receiver.got) == 3)
    assert (
        receiver.got[1][1]["X-Fal-Webhook-Signature"]
        == receiver.got[2][1]["X-Fal-Webhook-Signature"]
    )
    sandbox.add(Fault(do="contradict"))
    await submit(sandbox, http, receiver)
    await until(lambda: len(receiver.got) == 5)
    assert [body["status"] for body in receiver.bodies[3:]] == ["OK", "ERROR"]


async def test_key_rotation_needs_a_fresh_key_set(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    url = sandbox.environment["FAL_REST_BASE_URL"] + "/.well-known/jwks.json"
    old = (await http.get(url)).json()["keys"]
    sandbox.add("keys_rotated")
    await submit(sandbox, http, receiver)
    await until(lambda: receiver.got)
    _, headers, body = receiver.got[0]
    assert not is_genuine(headers, body, old, sandbox.now())
    assert await verdicts(sandbox, http, receiver) == [True]
    sandbox.rotate_keys(keep_old=True)
    assert len((await http.get(url)).json()["keys"]) == 2


async def test_failed_deliveries_are_repeated_and_redirects_are_not(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    sandbox.configure(frozen=True)
    receiver.answers = [500, 429, 200, 302]
    await submit(sandbox, http, receiver)
    for expected in (1, 2, 3):
        await until(lambda n=expected: len(sandbox.journal.deliveries()) == n)
        sandbox.advance(5)
    await submit(sandbox, http, receiver)
    await until(lambda: len(sandbox.journal.deliveries()) == 4)
    sandbox.advance(600)
    assert [d.status for d in sandbox.journal.deliveries()] == [500, 429, 200, 302]
    assert [d.attempt for d in sandbox.journal.deliveries()] == [1, 2, 3, 1]


async def kling_submit(sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver) -> str:
    answer = await http.post(
        sandbox.environment["KLING_API_BASE_URL"] + "/image-to-video/kling-3.0",
        headers={"Authorization": "Bearer " + sandbox.environment["KLING_API_KEY"]},
        json={
            "contents": [{"type": "first_frame", "url": "https://x.example/a.png"}],
            "options": {"callback_url": receiver.address, "external_task_id": "J1-a1"},
        },
    )
    return answer.json()["data"]["id"]


async def test_kling_tells_every_state_with_a_standard_signature(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    task_id = await kling_submit(sandbox, http, receiver)
    await until(lambda: len(receiver.got) == 3)
    assert {body["status"] for body in receiver.bodies} == {"submitted", "processing", "succeeded"}
    assert {body["id"] for body in receiver.bodies} == {task_id}
    secret = base64.b64decode((sandbox.options.kling.webhook_secret or "").removeprefix("whsec_"))
    for _, headers, body in receiver.got:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{mac}"


async def test_kling_callbacks_come_out_of_order(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    sandbox.add("callbacks_out_of_order")
    await kling_submit(sandbox, http, receiver)
    await until(lambda: len(receiver.got) == 3)
    assert [body["status"] for body in receiver.bodies].index("submitted") > 0


async def test_callbacks_are_sent_once_more_on_demand(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    task = await submit(sandbox, http, receiver)
    await until(lambda: len(receiver.got) == 1)
    assert sandbox.send_callback(task["request_id"], Fault(do="forge"))
    await until(lambda: len(receiver.got) == 2)
    assert await verdicts(sandbox, http, receiver) == [True, False]
    assert not sandbox.send_callback("unknown")


async def test_receiver_that_never_answers_holds_nothing(
    sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    async def tarpit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    silent = await asyncio.start_server(tarpit, "127.0.0.1", 0)
    sandbox.configure(callback_timeout_s=0.05, callback_repeats=0)
    port = silent.sockets[0].getsockname()[1]
    task = await submit(sandbox, http, Receiver(f"http://127.0.0.1:{port}/tarpit"))
    await until(lambda: sandbox.journal.deliveries(task["request_id"]))
    assert sandbox.journal.deliveries(task["request_id"])[0].status is None
    silent.close()
