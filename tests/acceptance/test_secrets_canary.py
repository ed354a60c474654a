"""Fault 45: nothing that must stay secret is found in logs, metrics, error answers or rows, whatever happens.

Two real server processes, one for each form of log at its most talkative, do what succeeds and what
fails; all that they let out is searched for canaries.
"""

from __future__ import annotations

import base64
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from photoplay.sandbox import Fault, SandboxOptions
from photoplay.sandbox.options import FalOptions, KlingOptions, RunwayOptions
from tests.api.serving import encoded, noise
from tests.conftest import until
from tests.support.outlet import Outlet, outlet

pytestmark = [pytest.mark.fault(45), pytest.mark.xdist_group("providers")]


def canary(name: str) -> str:
    return f"canary-{name}-{uuid4().hex}"


JWT, MEDIA, PASSWORD = canary("jwt"), canary("media"), canary("password")
FAL, RUNWAY, KLING, WHSEC = canary("fal"), canary("runway"), canary("kling"), uuid4().hex
PROMPT, THEIRS = f"a boat, {canary('prompt')}", canary("provider-text")
OPTIONS = SandboxOptions(
    quick=True,
    queue_s=0,
    run_s=0.1,
    fal=FalOptions(key=f"5a4d:{FAL}"),
    runway=RunwayOptions(secret=f"key_{RUNWAY}"),
    kling=KlingOptions(
        api_key=KLING, webhook_secret=f"whsec_{base64.b64encode(WHSEC.encode()).decode()}"
    ),
)


def body_of(image: str, provider: str) -> dict[str, Any]:
    return {
        "imageId": image,
        "prompt": PROMPT,
        "options": {"provider": provider, "durationSec": 1, "resolution": "480p"},
    }


async def do_what_succeeds(served: Outlet, image: str) -> None:
    for provider in ("fal-pika", "kling", "runway", "local"):
        job = await served.wish(body_of(image, provider))
        assert job["status"] == "succeeded", (job["failure"], job["attempts"])
    await served.ask("GET", f"/api/video/jobs/{job['id']}/video")
    ticket = (await served.ask("POST", f"/api/video/jobs/{job['id']}/ticket")).json()["data"]
    served.secrets["ticket"] = ticket["ticket"].rpartition(".")[2]
    await served.ask("GET", f"/api/video/jobs/{job['id']}/events?ticket={ticket['ticket']}")


async def let_providers_fail(served: Outlet, image: str) -> None:
    """Whatever they say, also with our secrets in it, and wherever they lead to."""
    said = f"{THEIRS} {PROMPT} Key 5a4d:{FAL}"
    cases = [
        Fault(do="fail", message=said),
        Fault(do="fail", code="content_policy_violation", message=said, provider="fal"),
        Fault(do="error", code="unauthorized", message=said),
        Fault(do="status", status=500, body=said, when="after"),
        Fault(do="html", when="after", body=f"<h1>{said}</h1>"),
        Fault(do="garbage", when="after", body=said),
        Fault(do="error", route="poll", message=said),
        Fault(do="wrong_type", content_type="text/html"),
        Fault(do="forge"),
    ]
    for case in cases:
        served.sandbox.clear_faults()
        served.sandbox.add(case)
        job = await served.wish(body_of(image, "fal-pika"))
        served.errors.append(str({**job, "signedVideoUrl": None, "signedPosterUrl": None}))
    served.sandbox.clear_faults()
    # A clip at such an address is asked for as long as the provider keeps it.
    bad = Fault(do="result_url", location=f"https://10.0.0.1/{THEIRS}?X-Amz-Signature={THEIRS}")
    served.sandbox.add(bad)
    made = await served.ask("POST", "/api/video/animate", json=body_of(image, "fal-pika"))
    await until(lambda: b"video.address_refused" in served.log)
    await served.ask("POST", f"{made.headers['location']}/cancel")
    served.sandbox.clear_faults()


async def ask_for_what_is_refused(served: Outlet, image: str) -> None:
    animate = "/api/video/animate"
    for body in (
        {"imageId": image, "prompt": PROMPT, "wish": PROMPT},
        {"imageId": image, "prompt": [PROMPT]},
        {"imageId": image, "prompt": PROMPT * 100},
        {"imageId": PROMPT, "prompt": PROMPT},
        {"sourceImagePath": PROMPT, "prompt": PROMPT},
        {"sourceImageUrl": f"https://user:{PASSWORD}@example.com/?key={FAL}", "prompt": PROMPT},
        {"sourceImageUrl": f"https://10.0.0.1/?token={FAL}", "prompt": PROMPT},
        {"imageId": image, "prompt": PROMPT, "options": {"provider": PROMPT}},
    ):
        assert (await served.ask("POST", animate, json=body)).status_code in {400, 422}
    await served.ask("POST", animate, content=f'{{"prompt": "{PROMPT}')
    for bad in (f"Bearer {JWT}", f"Bearer pp_{FAL}", f"Basic {PASSWORD}"):
        await served.ask("GET", "/api/video/quota", headers={"Authorization": bad})
    await served.ask("GET", f"/media/{uuid4()}/generated-videos/x.mp4?signature={MEDIA}&expires=1")
    await served.ask("POST", f"/api/video/callbacks/fal-pika/{uuid4().hex}", content=PROMPT)


async def let_things_break(served: Outlet, image: str) -> None:
    """Errors that nobody foresaw, with a traceback and the database's own words."""
    refuses = "alter table public.video_jobs add constraint canary check (prompt is null) not valid"
    served.owner.execute(refuses)
    body = {"imageId": image, "prompt": PROMPT, "clientRequestId": canary("key")}
    answer = await served.ask("POST", "/api/video/animate", json=body)
    assert answer.status_code == 500
    served.owner.execute("alter table public.video_jobs drop constraint canary")
    # A worker that is refused in the middle, and everybody's connections lost.
    served.owner.execute("revoke update on photoplay.attempts from photoplay_worker")
    await served.ask("POST", "/api/video/animate", json=body_of(image, "fal-pika"))
    await until(lambda: b"InsufficientPrivilege" in served.log)
    served.owner.execute("grant update on photoplay.attempts to photoplay_worker")
    served.owner.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    await until(served.is_up)
    assert (await served.wish(body_of(image, "runway")))["status"] == "succeeded"


def rows_of_everything(owner: psycopg.Connection) -> str:
    """Every row, without the columns that are there to hold what is searched for.

    Those are read by nobody but the worker; a prompt also by its own user.
    """
    tables = owner.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema in ('public', 'photoplay') and table_type = 'BASE TABLE'"
    ).fetchall()
    found: list[str] = []
    for name in tables:
        rows = owner.execute(
            sql.SQL(
                "select (to_jsonb(t) - '{{prompt,callback_token,outcome}}'::text[])::text from {} t"
            ).format(sql.Identifier(*name))
        )
        found += [f"{'.'.join(name)}: {row}" for (row,) in rows]
    return "\n".join(found)


@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_canary_leaves_by_any_way(form, postgres, template, tmp_path):
    folder = tmp_path / "data"
    settings = {"PHOTOPLAY_LOG_FORMAT": form, "PHOTOPLAY_MEDIA_SECRET": MEDIA}
    async with outlet(
        postgres, template, folder, options=OPTIONS, jwt=JWT, password=PASSWORD, **settings
    ) as served:
        picture = encoded(noise(640, 480))
        uploaded = await served.ask("POST", "/api/video/images", content=picture)
        image = uploaded.json()["data"]["imageId"]
        await do_what_succeeds(served, image)
        await let_providers_fail(served, image)
        await ask_for_what_is_refused(served, image)
        await let_things_break(served, image)
        metrics = (await served.ask("GET", "/metrics")).text
        stored = (folder / "objects" / uploaded.json()["data"]["path"]).read_bytes()
        tokens = served.owner.execute("select callback_token from photoplay.attempts").fetchall()
        database = rows_of_everything(served.owner)
    secrets = {
        "jwt": JWT, "media": MEDIA, "password": PASSWORD, "fal": FAL, "runway": RUNWAY, "kling": KLING,
        "webhook": base64.b64encode(WHSEC.encode()).decode(), "prompt": PROMPT.split(", ")[1],
        "provider text": THEIRS, **served.secrets,
        **{f"callback {n}": value for n, (value,) in enumerate(tokens)},
        **{f"picture {n}": base64.b64encode(b[600:660]).decode() for n, b in enumerate((picture, stored))},
    }  # fmt: skip
    assert len(tokens) > 10
    assert sum(name.startswith("signature") for name in secrets) > 8
    places = {
        "log": served.log.decode(),
        "metrics": metrics,
        "errors": "\n".join(served.errors),
        "rows": database,
    }
    # What is searched is what it should be.
    assert "Traceback" in places["log"]
    assert "job.failed" in places["log"] or "[VideoJobs] Job" in places["log"]
    assert "photoplay_http_request_seconds" in metrics
    assert len(served.errors) > 20
    assert "photoplay.events: " in database
    found = [
        f"{name} in {place}: …{text[max(text.index(secret) - 200, 0) :][:400]}…"
        for name, secret in secrets.items()
        for place, text in places.items()
        if secret in text
    ]
    assert found == [], "\n".join(found)
