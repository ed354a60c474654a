"""Fault 43: whatever strangers write stays text: in logs, streams, pages, headers, statements and files.

One real server process is told hostile things wherever something can be told: prompt, keys, options, file
names, the metadata of pictures, headers, addresses, and by its providers. What came out of it is then read
the way the programs read it that could be deceived.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from PIL import Image

from photoplay.sandbox import Fault, SandboxOptions
from tests.api.serving import token
from tests.conftest import until
from tests.support.hostile import MARKS, Elements, dressed_pictures, hostile, printable
from tests.support.outlet import Outlet, outlet

pytestmark = [
    pytest.mark.fault(43),
    pytest.mark.xdist_group("providers"),
    pytest.mark.asyncio(loop_scope="module"),
]
TEMPLATES = Path(__file__).parents[2] / "photoplay" / "pages" / "control_room"


@dataclass
class Seen:
    """What came out.

    Attributes:
        jobs: job ids by what was hostile about them.
        pages: HTML by address.
    """

    served: Outlet
    folder: Path
    jobs: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    answers: list[httpx.Response] = field(default_factory=list)
    raw_answers: list[bytes] = field(default_factory=list)
    stream: bytes = b""
    tables: list[Any] = field(default_factory=list)

    @property
    def log(self) -> str:
        return self.served.log.decode()

    def schema(self) -> list[Any]:
        return self.served.owner.execute(
            "select relname from pg_class where relkind = 'r' and relnamespace::regnamespace::text"
            " in ('public', 'photoplay') union all select rolname from pg_roles order by 1"
        ).fetchall()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(postgres, template, tmp_path_factory) -> AsyncIterator[Seen]:
    folder = tmp_path_factory.mktemp("injection") / "data"
    settings = {
        "PHOTOPLAY_LOG_FORMAT": "console",
        "PHOTOPLAY_ADMIN_CLAIMS": "app_metadata.role=operator",
    }
    options = SandboxOptions(quick=True, queue_s=0, run_s=0.1)
    async with outlet(postgres, template, folder, options=options, **settings) as served:
        seen = Seen(served, folder)
        served.http.event_hooks["response"] = [keep(seen.answers)]
        seen.tables = seen.schema()
        image = await send_pictures(served)
        await ask_for_films(seen, image)
        await ask_for_what_is_refused(served, image)
        await ask_with_raw_headers(seen)
        await let_providers_speak(seen, image)
        await be_an_operator(seen)
        yield seen


def keep(answers: list[httpx.Response]):
    async def kept(answer: httpx.Response) -> None:
        answers.append(answer)

    return kept


async def send_pictures(served: Outlet) -> str:
    """Send each picture raw and in a form with a hostile name; return an image id."""
    mark = MARKS["filename"]
    names = [
        f"../../../../etc/{mark}.jpg",
        f"{mark}\x1b[2J\u2028<script>.jpg",
        f"{mark}\\..\\%0d%0aSet-Cookie: {mark}=1.mp4",
        f"{mark}.svg",
    ]
    image = ""
    for number, content in enumerate(dressed_pictures()):
        raw = await served.ask(
            "POST",
            "/api/video/images",
            content=content,
            headers={"Content-Disposition": f'attachment; filename="../{mark}.svg"'},
        )
        assert raw.status_code == 201, (number, raw.text)
        image = raw.json()["data"]["imageId"]
        for name in names:
            boundary = "b0undary"
            form = (
                f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}";'
                f" filename*=UTF-8''{quote(name)}\r\nContent-Type: text/html; {mark}\r\n\r\n"
            ).encode() + content
            answer = await served.ask(
                "POST",
                "/api/video/images",
                content=form + f"\r\n--{boundary}--\r\n".encode(),
                headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
            )
            # The same picture, whatever it is called.
            assert answer.json()["data"]["imageId"] == image, (name, answer.text)
    return image


async def ask_for_films(seen: Seen, image: str) -> None:
    """A hostile wish at the built-in renderer, which reads it, and at a provider, which gets it."""
    served = seen.served
    prompt = f"slow zoom in, {hostile(MARKS['prompt'])}"
    for provider in ("local", "runway"):
        body: dict[str, Any] = {
            "imageId": image,
            "prompt": prompt,
            "clientRequestId": f"{provider}-{printable(MARKS['key'])}",
            "options": {"provider": provider, "durationSec": 1},
        }
        if provider == "runway":
            body["options"] |= {"durationSec": 5, "move": "rise"}
        made = await served.ask("POST", "/api/video/animate", json=body)
        assert made.status_code == 202, made.text
        seen.jobs[provider] = made.json()["data"]["jobId"]
        async with served.http.stream("GET", f"{made.headers['location']}/events") as stream:
            assert stream.headers["content-type"].partition(";")[0] == "text/event-stream"
            seen.stream += await stream.aread()
        job = await served.ended(made.headers["location"])
        assert job["status"] == "succeeded", job["failure"]
        # What was asked is what is known of it, letter by letter.
        row = served.owner.execute(
            "select prompt, client_request_id from public.video_jobs where id = %s", (job["id"],)
        ).fetchone()
        assert row == (prompt, body["clientRequestId"])


async def ask_for_what_is_refused(served: Outlet, image: str) -> None:
    text, mark = hostile(MARKS["address"]), MARKS["address"]
    bodies: list[dict[str, Any]] = [
        {"imageId": text[:64]},
        {"sourceImagePath": f"../../{text}"[:512]},
        {"sourceImageUrl": f"https://{mark}.example/{text}"},
        {"imageId": image, text: 1},
        {"imageId": image, "options": {text: 1}},
        {"imageId": image, "options": {"provider": "local", "move": text[:32]}},
        {"imageId": image, "options": {"provider": "runway", "move": text[:32]}},
        {"imageId": image, "options": {"provider": text[-64:]}},
        {"imageId": image, "prompt": f"{mark}\0"},
        {"imageId": image, "clientRequestId": text[:255]},
    ]
    for body in bodies:
        answer = await served.ask("POST", "/api/video/animate", json=body)
        assert answer.status_code in {400, 422}, (body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    for way in (text, f"{mark}\0", "../..", "%00", "<script>"):
        where = quote(way, safe="")
        for path in (
            f"/api/video/jobs/{where}",
            f"/api/video/jobs?cursor={where}",
            f"/api/video/jobs?status={where}",
            f"/api/video/images/{where}",
            f"/api/video/callbacks/{where}/{where}",
            f"/media/{where}?expires=1&signature={where}",
            f"/elements/{where}",
            f"/studio/{where}",
            f"/{where}",
        ):
            answer = await served.ask("GET", path)
            assert answer.status_code in {400, 403, 404, 405, 422}, (path, answer.text)
    for token_text in (
        token(uuid4(), kid=mark),
        token(printable(mark)),
        f"pp_{printable(mark)}",
    ):
        answer = await served.ask(
            "GET", "/api/video/quota", headers={"Authorization": f"Bearer {token_text}"}
        )
        assert answer.status_code in {200, 401}


async def ask_with_raw_headers(seen: Seen) -> None:
    """Bytes that no client library sends."""
    mark = MARKS["header"]
    values = [
        printable(mark).encode(),
        f"{mark} \x1b[2J".encode(),
        f"{mark} \x9b\x85\xad".encode("latin-1"),
        f"{mark}\u2028\u202e".encode(),
        f"{mark}\rSet-Cookie: {mark}=1".encode(),
        f"{mark}\r\n Set-Cookie: {mark}=1".encode(),
        f"{mark}\0".encode(),
    ]
    names = [
        b"X-Request-Id", b"User-Agent", b"Idempotency-Key", b"Origin", b"Cookie", b"Range", b"If-Range",
        b"If-None-Match", b"If-Modified-Since", b"Prefer", b"Last-Event-ID", b"X-Forwarded-For", b"Accept",
        b"X-Forwarded-Host", b"X-Forwarded-Proto", b"Forwarded", b"Referer", b"Traceparent",
    ]  # fmt: skip
    where = urlsplit(str(seen.served.http.base_url))
    secret = seen.served.http.headers["Authorization"].encode()
    for value, told in product(values, (names, [b"X-On-Behalf-Of"])):
        sent = [b"%s: %s" % (name, value) for name in told]
        lines = [b"GET /api/video/jobs?limit=1 HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close"]
        lines += [b"Authorization: " + secret, *sent]
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
        seen.raw_answers.append(await reader.read())
        writer.close()


async def let_providers_speak(seen: Seen, image: str) -> None:
    """Providers whose errors, ids, states and callbacks are hostile."""
    served, text = seen.served, hostile(MARKS["provider"])
    cases: list[tuple[str, Fault]] = [
        ("fal-pika", Fault(do="fail", message=text)),
        ("fal-pika", Fault(do="error", code="bad_request", message=text)),
        ("fal-pika", Fault(do="status", status=400, body={"detail": text})),
        ("fal-pika", Fault(do="error", route="poll", message=text)),
        ("fal-pika", Fault(do="patch", route="poll", body={"status": text, "logs": [text]})),
        ("kling", Fault(do="fail", message=text)),
        ("kling", Fault(do="patch", route="poll", body={"message": text, "request_id": text})),
        ("runway", Fault(do="fail", code="SAFETY.INPUT.TEXT", message=text)),
        ("runway", Fault(do="patch", route="poll", body={"failureCode": text, "failure": text})),
    ]
    for provider, fault in cases:
        await speak(seen, image, provider, fault)
    for job in seen.jobs.values():
        await served.ended(f"/api/video/jobs/{job}")
    # A clip at such an address would be asked for as long as the provider keeps it.
    lost = Fault(do="result_url", location=f"https://10.0.0.1/{quote(text)}")
    address = await speak(seen, image, "fal-pika", lost)
    await until(lambda: b"video.address_refused" in served.log)
    assert (await served.ask("POST", f"{address}/cancel")).status_code == 202
    ((callback,),) = served.owner.execute(
        "select callback_token from photoplay.attempts where job_id = %s and n = 1",
        (seen.jobs["case-2"],),
    ).fetchall()
    forged = await served.ask(
        "POST", f"/api/video/callbacks/fal-pika/{callback}",
        content=text.encode(), headers={"X-Fal-Webhook-Signature": printable(MARKS["provider"])},
    )  # fmt: skip
    assert forged.status_code == 401


async def speak(seen: Seen, image: str, provider: str, fault: Fault) -> str:
    """Ask for a film whose provider does this; return the job's address once it has done so."""
    (armed,) = seen.served.sandbox.add(fault)
    key = f"case-{len(seen.jobs)}"
    body = {
        "imageId": image,
        "options": {"provider": provider, "durationSec": 5},
        "clientRequestId": key,
    }
    made = await seen.served.ask("POST", "/api/video/animate", json=body)
    seen.jobs[key] = made.json()["data"]["jobId"]
    await until(lambda: armed.hits)
    return made.headers["location"]


async def be_an_operator(seen: Seen) -> None:
    """Look at everything, with hostile words in every field of the control room."""
    served = seen.served
    mark, text = MARKS["operator"], hostile(MARKS["operator"])
    me = {"Authorization": f"Bearer {token(uuid4(), app_metadata={'role': 'operator'})}"}
    origin = str(served.http.base_url).rstrip("/")
    made = await served.ask(
        "POST", "/api/admin/keys", headers=me, json={"name": text[:100], "scope": "admin"}
    )
    assert made.status_code == 201, made.text
    ((user,),) = served.owner.execute(
        "select user_id from public.video_jobs where id = %s", (seen.jobs["local"],)
    ).fetchall()
    asked, found = quote(text, safe=""), quote(printable(MARKS["key"]))
    paths = [
        "/admin", "/admin/jobs", "/admin/providers", "/admin/workers", "/admin/audit",
        f"/admin/users/{user}", *(f"/admin/jobs/{job}" for job in seen.jobs.values()),
        f"/admin/find?q={asked}", f"/admin/find?q={found}", f"/admin/find?q=%00{mark}",
        f"/admin/audit?actor={asked}&action={asked}&target={asked}", f"/admin/audit?actor=%00&before={asked}",
        f"/admin/jobs?provider={asked}&status={asked}&show={asked}&user={asked}", "/admin/jobs?provider=%00",
        f"/admin/jobs?cursor={asked}", f"/admin/jobs/{asked}", f"/admin/users/{asked}",
        f"/admin/sign-in?then={asked}", f"/admin/sign-in?then=/admin%22%3E{asked}",
    ]  # fmt: skip
    for path in paths:
        answer = await served.ask("GET", path, headers=me)
        assert answer.status_code in {200, 303, 400, 404, 422}, (path, answer.status_code)
        if answer.headers.get("content-type", "").startswith("text/html"):
            seen.pages[path] = answer.text
    job = seen.jobs["case-2"]
    for path, form in (
        (f"/admin/jobs/{job}/resolve", {"task_id": text[:200]}),
        (f"/admin/jobs/{job}/resolve", {"task_id": f"\0{mark}"}),
        (f"/admin/providers/{asked}/pause", {}),
        ("/admin/sign-in", {"key": text, "then": f"/admin\r\nSet-Cookie: {mark}=1"}),
        ("/admin/sign-in", {"key": made.json()["data"]["key"], "then": f"/admin/{text}"}),
    ):
        answer = await served.ask("POST", path, data=form, headers={**me, "Origin": origin})
        assert answer.status_code in {303, 400, 401, 404, 409, 422}, (path, answer.status_code)
        if answer.headers.get("content-type", "").startswith("text/html"):
            seen.pages[f"POST {path}"] = answer.text


async def test_every_line_of_the_log_is_one_that_was_written(seen):
    lines = seen.log.split("\n")
    began = [line for line in lines if re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[\w+ *\] ", line)]
    assert len(began) > 100
    assert not [line for line in began if line.startswith("2026-01-01T00:00:00")]
    # Of a traceback, what the server says at its start, or nothing.
    others = set(lines) - set(began)
    assert [line for line in others if line and not line.startswith(("  ", "Photoplay "))] == []


async def test_no_log_line_steers_a_terminal(seen):
    assert (
        re.findall(
            r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]", seen.log
        )
        == []
    )


async def test_what_strangers_wrote_is_not_in_the_log(seen):
    found = {source for source, mark in MARKS.items() if mark in seen.log}
    # The key is there to be looked for; the task that an operator names is written down.
    assert found <= {"key", "operator"}, found
    assert "key" in found


async def test_a_stream_has_only_the_events_of_its_jobs(seen):
    events: list[dict[str, str]] = [{}]
    for line in re.split(r"\r\n|\n|\r", seen.stream.decode()):
        if not line:
            events.append({})
            continue
        name, _, value = line.partition(":")
        assert name not in events[-1], "a field came twice"
        events[-1][name] = value.removeprefix(" ")
    events = [event for event in events if event and set(event) not in ({"retry"}, {""})]
    assert {frozenset(event) for event in events} == {frozenset({"event", "id", "data"})}
    assert {event["event"] for event in events} == {"job"}
    shown = [json.loads(event["data"]) for event in events]
    assert {job["id"] for job in shown} == {seen.jobs["local"], seen.jobs["runway"]}
    assert [job["version"] for job in shown] == [int(event["id"]) for event in events]
    # The words are there: within the data.
    assert MARKS["key"] in seen.stream.decode()


async def test_a_page_has_no_element_that_is_not_in_its_template(seen):
    ours = Elements("".join(file.read_text("utf-8") for file in TEMPLATES.glob("*.html")))
    base = str(seen.served.http.base_url)
    for path, text in seen.pages.items():
        page = Elements(text)
        assert page.names <= ours.names | {"svg", "title", "g", "rect", "text", "line", "path"}, (
            path
        )
        assert "script" not in page.names
        assert {name for name in page.attributes if name.startswith("on")} == set(), path
        for address in page.addresses:
            assert address.startswith(("/admin", "/studio", "?", base)) or address == "", (
                path,
                address,
            )
            assert not re.search(r"[\s<>\"'\\]", address), (path, address)
        # Nothing was evaluated. (No figure of the page has eight digits by chance.)
        assert str(7 * 7654321) not in text, path
    shown = Elements(seen.pages[f"/admin/jobs/{seen.jobs['local']}"])
    assert f"local-{printable(MARKS['key'])}" in shown.text


async def test_a_page_of_the_control_room_lets_no_script_run(seen):
    pages = [
        a for a in seen.answers if a.request.url.path.startswith("/admin") and a.status_code != 303
    ]
    assert len(pages) > 30
    for answer in pages:
        if answer.headers["content-type"].startswith("text/html"):
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            assert "script-src" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_headers_of_answers_repeat_nothing(seen):
    assert len(seen.answers) > 100
    marks = list(MARKS.values())
    for answer in seen.answers:
        own = {"location"} if answer.status_code in {303, 307} else set[str]()
        said = {name: value for name, value in answer.headers.items() if name not in own}
        assert not [name for name, value in said.items() if any(mark in value for mark in marks)], (
            said
        )
        if "location" in answer.headers:
            # Within our own site, and nothing that breaks out of the line.
            assert re.fullmatch(
                r"(http://127\.0\.0\.1:\d+)?/[\x21-\x7e]*", answer.headers["location"]
            )
            assert not answer.headers["location"].startswith("//")
        names = {cookie.partition("=")[0] for cookie in answer.headers.get_list("set-cookie")}
        assert names <= {"photoplay_operator"}
    for raw in seen.raw_answers:
        head, _, _ = raw.partition(b"\r\n\r\n")
        assert re.match(rb"HTTP/1\.1 (200|400|403) ", head), head
        assert MARKS["header"].encode() not in head or b"\r\nx-request-id: " not in head.lower()
        assert b"set-cookie" not in head.lower()


async def test_errors_are_json_that_no_browser_takes_for_a_page(seen):
    errors = [
        a
        for a in seen.answers
        if a.status_code >= 400 and not a.request.url.path.startswith("/admin")
    ]
    assert len(errors) > 50
    for answer in errors:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.json()["status"] == answer.status_code
        assert answer.status_code < 500


async def test_what_a_provider_says_reaches_no_user_and_no_row(seen):
    shown = "".join(
        a.text
        for a in seen.answers
        if "/api/video/" in str(a.request.url) and a.is_closed and hasattr(a, "_content")
    )
    assert MARKS["provider"] not in shown
    for table in (
        "public.video_jobs",
        "photoplay.events",
        "photoplay.log_lines",
        "photoplay.providers",
    ):
        rows = seen.served.owner.execute(f"select t::text from {table} t").fetchall()
        assert [row for (row,) in rows if MARKS["provider"] in row] == []


async def test_what_a_picture_says_goes_nowhere(seen):
    kept = [file for file in (seen.folder / "objects").rglob("*") if file.is_file()]
    pictures = [file for file in kept if "source-images" in file.parts]
    assert len(pictures) == 3
    assert any(file.suffix == ".mp4" for file in kept)
    # What a provider was given, too.
    uploads = list(seen.served.sandbox._world.uploads.values())
    assert uploads
    needles = [
        MARKS["picture"].encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be")
    ]
    for file in [*kept, *uploads]:
        content = file.read_bytes()
        assert not [needle for needle in needles if needle in content], file
        assert b"Exif" not in content
    for file in pictures:
        with Image.open(io.BytesIO(file.read_bytes())) as picture:
            assert picture.info.keys() <= {
                "jfif",
                "jfif_version",
                "jfif_unit",
                "jfif_density",
                "progressive",
                "progression",
            }


async def test_no_object_is_named_by_a_stranger(seen):
    names = [
        str(file.relative_to(seen.folder / "objects"))
        for file in (seen.folder / "objects").rglob("*")
    ]
    assert not [name for name in names for mark in MARKS.values() if mark in name]
    for name in names:
        UUID(Path(name).parts[0])


async def test_no_statement_was_changed(seen):
    assert seen.schema() == seen.tables
    ((jobs,),) = seen.served.owner.execute("select count(*) from public.video_jobs").fetchall()
    assert jobs == len(seen.jobs)
