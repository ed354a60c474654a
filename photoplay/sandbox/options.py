"""How a sandbox behaves when nothing is scripted: speeds, keys, and switches for what is not known.

Every switch named here stands for a fact that no primary source settled; its default is the reading
that asks more of the caller.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FalOptions(BaseModel):
    """fal.

    Attributes:
        key: the accepted `FAL_KEY`.
        user_id: sent with callbacks.
        concurrency: requests in progress at once; more wait in the queue.
        url_form: the addresses in answers: `short` ends in `/requests/{id}`, `suffixed` adds
            `/response`, `full` keeps the endpoint's sub-path.
        waiting_status: HTTP status of the status endpoint before completion.
        history: which requests the platform's history lists: those that `ended`, those that
            `started`, or `all`.
        history_lag_s: seconds until a listed request shows up there.
        cancelled_is: what a cancelled request reports: `completed` with an error, or `not_found`.
        cancel_bills: a request cancelled in progress is charged.
        result_ttl_s: life of the result's JSON; media_ttl_s: life of the file.
        retry_header: name of the header that says whether a failure is worth another try.
        retry_words: its spelling.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = "5a4d6b0c-sandbox:fa1-sandbox-secret"
    user_id: str = "user_sandbox"
    concurrency: int = Field(default=2, ge=1)
    url_form: Literal["short", "suffixed", "full"] = "short"
    waiting_status: Literal[200, 202] = 202
    history: Literal["ended", "started", "all"] = "ended"
    history_lag_s: float = Field(default=0, ge=0)
    cancelled_is: Literal["completed", "not_found"] = "completed"
    cancel_bills: bool = True
    result_ttl_s: float = Field(default=3600, gt=0)
    media_ttl_s: float = Field(default=7 * 86_400, gt=0)
    retry_header: Literal["X-Fal-Retryable", "X-Fal-Needs-Retry"] = "X-Fal-Retryable"
    retry_words: Literal["true", "1"] = "true"


class RunwayOptions(BaseModel):
    """Runway.

    Attributes:
        secret: the accepted `RUNWAYML_API_SECRET`.
        concurrency: tasks that run at once, per model; more are THROTTLED.
        daily_limit: generations per model in 24 hours; more are answered 429.
        credits: balance at the start.
        url_ttl_s: life of an output's address; reading the task gives a fresh one.
        bad_picture: an unusable picture is refused at the `submit` (400) or fails the `task`.
        with_estimate: the answer to a submission holds `estimatedCost`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str = "key_" + "5a" * 64
    concurrency: int = Field(default=2, ge=1)
    daily_limit: int = Field(default=10_000, ge=0)
    credits: int = Field(default=1_000_000, ge=0)
    url_ttl_s: float = Field(default=86_400, gt=0)
    bad_picture: Literal["submit", "task"] = "submit"
    with_estimate: bool = True


class KlingOptions(BaseModel):
    """Kling.

    Attributes:
        api_key: accepted as Bearer token everywhere.
        access_key, secret_key: pair of the JWTs that the older addresses accept.
        webhook_secret: signs callbacks; None leaves them unsigned.
        concurrency: open tasks; more are refused with 1303.
        duplicate_id: a used `external_task_id` is refused (`reject`) or starts another task.
        media_ttl_s: life of a result's address.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: str = "kling-sandbox-api-key"
    access_key: str = "ak-sandbox"
    secret_key: str = "sk-sandbox-of-at-least-thirty-two-bytes"  # noqa: S105 -- opens nothing
    webhook_secret: str | None = "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC0zMi1ieXRlcw=="  # noqa: S105
    concurrency: int = Field(default=20, ge=1)
    duplicate_id: Literal["reject", "accept"] = "reject"
    media_ttl_s: float = Field(default=30 * 86_400, gt=0)


class SandboxOptions(BaseModel):
    """Everything that a sandbox is started with.

    Attributes:
        seed: decides every id and every draw; the same requests give the same answers.
        queue_s: seconds a task waits before it runs.
        run_s: seconds it runs; longer when the clip is not rendered by then.
        quick: True delivers a plain clip of the right length and shape at once; False has the
            built-in renderer film the picture.
        fetch_pictures: read the picture behind an address as the providers do. False takes it as
            good; clips then show a plain picture.
        frozen: the clock moves only when told.
        callback_timeout_s: for the first delivery of a callback; repeats have eight times that.
        callback_repeats: deliveries after one that failed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    queue_s: float = Field(default=2.0, ge=0)
    run_s: float = Field(default=8.0, ge=0)
    quick: bool = False
    fetch_pictures: bool = True
    frozen: bool = False
    callback_timeout_s: float = Field(default=15.0, gt=0)
    callback_repeats: int = Field(default=31, ge=0)
    fal: FalOptions = FalOptions()
    runway: RunwayOptions = RunwayOptions()
    kling: KlingOptions = KlingOptions()
