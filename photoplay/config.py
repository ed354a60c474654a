"""Every setting, read once at start from the environment (and `.env`), then frozen.

Names are upper-cased for the environment: settings of the older system keep its names
(`VIDEO_DAILY_LIMIT`), ours begin with `PHOTOPLAY_`. Each provider brings its own (`FAL_KEY`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs
from pydantic import Field, PositiveFloat, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from photoplay.domain.options import MotionStrength, OptionDefaults, Resolution
from photoplay.environment import EnvironmentSettings, SettingsError, named, names_of, read_settings

LOCAL_USER = UUID("00000000-0000-4000-8000-000000000001")
"""The one user of local mode."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(EnvironmentSettings):
    """The settings of one process. `photoplay config show` prints them with secrets left out."""

    # Where things are
    database_url: SecretStr | None = Field(None, validation_alias=named("DATABASE_URL"))
    """Address of a Postgres (15 or newer) as its owner. Unset: the embedded one in the data folder."""
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("photoplay", appauthor=False)),
        validation_alias=named("PHOTOPLAY_DATA_DIR"),
    )
    """Folder of the embedded Postgres, the local store and scratch files."""
    store_url: str | None = Field(None, validation_alias=named("PHOTOPLAY_STORE_URL"))
    """Object store: `file:///folder`, `s3://bucket/prefix`, `supabase://PROJECT`.

    Unset: `objects/` in the data folder."""
    s3_endpoint: str | None = Field(None, validation_alias=named("PHOTOPLAY_S3_ENDPOINT"))
    """Address of an S3 server other than Amazon's."""
    s3_region: str = Field("us-east-1", validation_alias=named("PHOTOPLAY_S3_REGION"))
    s3_access_key_id: str | None = Field(None, validation_alias=named("PHOTOPLAY_S3_ACCESS_KEY_ID"))
    s3_secret_access_key: SecretStr | None = Field(
        None, validation_alias=named("PHOTOPLAY_S3_SECRET_ACCESS_KEY")
    )
    s3_create_only: str = Field("multipart", validation_alias=named("PHOTOPLAY_S3_CREATE_ONLY"))
    """How the server copies without overwriting: `multipart`, `header:NAME:VALUE`, or `none`."""
    supabase_service_key: SecretStr | None = Field(
        None, validation_alias=named("PHOTOPLAY_SUPABASE_SERVICE_KEY")
    )
    """Secret (or older service) key of the project, for a `supabase://` store."""
    pg_bin: Path | None = Field(None, validation_alias=named("PHOTOPLAY_PG_BIN"))
    """Folder with another Postgres' programs for the embedded server."""
    database_pooled: bool = Field(False, validation_alias=named("PHOTOPLAY_DATABASE_POOLED"))
    """True when `DATABASE_URL` leads through a transaction-mode pooler; then set the next one too."""
    database_direct_url: SecretStr | None = Field(
        None, validation_alias=named("PHOTOPLAY_DATABASE_DIRECT_URL")
    )
    """Direct address for LISTEN and migrations. Unset: the same as `DATABASE_URL`."""

    database_pool_size: int = Field(
        10, ge=2, le=200, validation_alias=named("PHOTOPLAY_DATABASE_POOL_SIZE")
    )
    """Connections of one server process for requests."""
    statement_timeout_s: float = Field(
        10.0, ge=0.1, le=600, validation_alias=named("PHOTOPLAY_STATEMENT_TIMEOUT_S")
    )
    """Seconds after which a request's statement is given up, for instance while it waits for a lock."""

    # HTTP
    host: str = Field("127.0.0.1", validation_alias=named("PHOTOPLAY_HOST"))
    port: int = Field(8484, ge=0, le=65535, validation_alias=named("PHOTOPLAY_PORT"))
    public_url: str | None = Field(None, validation_alias=named("PHOTOPLAY_PUBLIC_URL"))
    """Address under which others reach this server; used in signed URLs and provider callbacks."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias=named("PHOTOPLAY_CORS_ORIGINS")
    )
    """Origins (comma-separated) whose pages may call the API and show the media."""

    # Identity
    jwt_secret: SecretStr | None = Field(None, validation_alias=named("PHOTOPLAY_JWT_SECRET"))
    """Shared secret of HS256 tokens. Without any identity: local mode, one fixed user, loopback only."""
    jwks_url: str | None = Field(None, validation_alias=named("PHOTOPLAY_JWKS_URL"))
    """Address of the sign-in's public keys, for RS256, ES256 and EdDSA tokens."""
    jwt_audience: str = Field("authenticated", validation_alias=named("PHOTOPLAY_JWT_AUDIENCE"))
    jwt_issuer: str | None = Field(None, validation_alias=named("PHOTOPLAY_JWT_ISSUER"))
    jwt_subject_namespace: UUID | None = Field(
        None, validation_alias=named("PHOTOPLAY_JWT_SUBJECT_NAMESPACE")
    )
    """A UUID. Set: a `sub` that is no UUID becomes the user id UUIDv5(this, sub). Unset: it is refused."""
    admin_claims: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias=named("PHOTOPLAY_ADMIN_CLAIMS")
    )
    """What a token must say, one of these, to be an operator's: `app_metadata.role=photoplay_admin`."""
    api_keys_only: bool = Field(False, validation_alias=named("PHOTOPLAY_API_KEYS_ONLY"))
    """Serve holders of API keys and nobody else, where there are no tokens."""

    # Limits
    daily_limit: int = Field(20, ge=0, validation_alias=named("VIDEO_DAILY_LIMIT"))
    """Videos a user may ask for in a day."""
    max_open_jobs: int = Field(5, ge=1, validation_alias=named("VIDEO_MAX_OPEN_JOBS"))
    """Videos of one user that may be in progress at once."""
    dedupe_open_jobs: bool = Field(True, validation_alias=named("PHOTOPLAY_DEDUPE_OPEN_JOBS"))
    """Without a key, answer the same picture, prompt and options with the job in progress."""
    quota_time_zone: str = Field("UTC", validation_alias=named("PHOTOPLAY_QUOTA_TIME_ZONE"))
    """Time zone (IANA name) in whose midnight a day begins."""
    requests_per_minute: int | None = Field(
        None, ge=1, le=6000, validation_alias=named("PHOTOPLAY_REQUESTS_PER_MINUTE")
    )
    """Requests for a video that a user may make in a minute. Unset: not limited."""
    daily_spend_usd_per_user: Decimal | None = Field(
        None, ge=0, max_digits=12, decimal_places=6,
        validation_alias=named("PHOTOPLAY_DAILY_SPEND_USD_PER_USER"),
    )  # fmt: skip
    """US dollars that a user's videos of a day may cost. Unset: no cap."""
    daily_spend_usd: Decimal | None = Field(
        None, ge=0, max_digits=12, decimal_places=6,
        validation_alias=named("PHOTOPLAY_DAILY_SPEND_USD"),
    )  # fmt: skip
    """US dollars that everybody's videos of a day may cost together. Unset: no cap."""
    max_image_mb: int = Field(10, ge=1, le=100, validation_alias=named("VIDEO_MAX_IMAGE_MB"))
    """Largest picture in megabytes (of 1,048,576 bytes)."""

    # Defaults of a clip
    default_duration: float = Field(
        4.0, ge=1, le=15, validation_alias=named("VIDEO_DEFAULT_DURATION")
    )
    default_resolution: Resolution = Field(
        "720p", validation_alias=named("VIDEO_DEFAULT_RESOLUTION")
    )
    default_motion: MotionStrength = Field("low", validation_alias=named("VIDEO_DEFAULT_MOTION"))

    # Providers
    provider_priority: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias=named("VIDEO_PROVIDER_PRIORITY")
    )
    """Providers in the order they are tried, comma-separated. Unset: those with keys, else `local`."""
    provider_concurrency: Annotated[dict[str, int], NoDecode] = Field(
        default_factory=dict[str, int], validation_alias=named("PHOTOPLAY_PROVIDER_CONCURRENCY")
    )
    """Tasks at once by account, for instance `fal=10,runway=3`; unset: what a new account may."""
    provider_polls_per_s: Annotated[dict[str, PositiveFloat], NoDecode] = Field(
        default_factory=dict[str, PositiveFloat],
        validation_alias=named("PHOTOPLAY_PROVIDER_POLLS_PER_S"),
    )
    """Polls in a second by account, for instance `fal=100`; unset: the provider's own, mostly 20."""
    poll_min_s: float | None = Field(
        None, ge=0.05, le=600, validation_alias=named("PHOTOPLAY_POLL_MIN_S")
    )
    """Shortest pause between two polls of a task. Unset: what the provider asks for."""
    poll_max_s: float | None = Field(
        None, ge=0.05, le=3600, validation_alias=named("PHOTOPLAY_POLL_MAX_S")
    )
    """Longest pause between two polls of a task."""
    depth_model: Path | None = Field(None, validation_alias=named("PHOTOPLAY_DEPTH_MODEL"))
    """ONNX depth network for the built-in renderer; never downloaded by itself."""
    depth_preset: Literal["auto", "midas-small", "depth-anything-v2-small"] = Field(
        "auto", validation_alias=named("PHOTOPLAY_DEPTH_PRESET")
    )
    """How that network wants its input; `auto` tells by the file."""
    encoder: Literal["auto", "libx264", "libopenh264", "libsvtav1"] = Field(
        "auto", validation_alias=named("PHOTOPLAY_ENCODER")
    )
    """Video encoder of the built-in renderer; `auto` takes the best H.264 one of the PyAV build."""

    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), validation_alias=named("PHOTOPLAY_ALLOWED_NETWORKS")
    )
    """Private networks (CIDR, comma-separated) that may be contacted, also over plain http."""

    # Worker
    render_processes: int = Field(
        1, ge=1, le=64, validation_alias=named("PHOTOPLAY_RENDER_PROCESSES")
    )
    """Clips the built-in renderer makes at once in one worker; each takes about two cores."""
    lease_s: float = Field(6.0, ge=0.5, le=600, validation_alias=named("PHOTOPLAY_LEASE_S"))
    """Seconds after which another worker takes over a job whose worker went silent."""
    max_attempts: int = Field(9, ge=1, le=20, validation_alias=named("PHOTOPLAY_MAX_ATTEMPTS"))
    """Attempts a job may make in all."""
    lost_policy: Literal["fail", "retry"] = Field(
        "fail", validation_alias=named("PHOTOPLAY_LOST_POLICY")
    )
    """What becomes of a job whose submission could not be confirmed: `fail`, or `retry` elsewhere and
    accept that both may be billed."""
    overdue_s: int = Field(600, ge=10, validation_alias=named("PHOTOPLAY_OVERDUE_S"))
    """Seconds after which a job is shown as overdue; it goes on."""
    lifetime_s: int = Field(7200, ge=60, validation_alias=named("PHOTOPLAY_LIFETIME_S"))
    """Seconds after which a job without a verdict is given up."""
    retention_days: int | None = Field(
        None, ge=1, validation_alias=named("PHOTOPLAY_RETENTION_DAYS")
    )
    """Days a video is kept. Unset: until it is erased."""

    # Media addresses
    media_secret: SecretStr | None = Field(None, validation_alias=named("PHOTOPLAY_MEDIA_SECRET"))
    """Signs addresses of the local store. Unset: made once and kept in the data folder."""
    signed_url_s: int = Field(
        3600, ge=60, le=604800, validation_alias=named("PHOTOPLAY_SIGNED_URL_S")
    )
    """Seconds a signed address lives."""

    # Logs
    log_format: Literal["console", "json"] = Field(
        "console", validation_alias=named("PHOTOPLAY_LOG_FORMAT")
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias=named("PHOTOPLAY_LOG_LEVEL")
    )

    @field_validator(
        "cors_origins", "provider_priority", "allowed_networks", "admin_claims", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("jwt_secret", "media_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise PydanticCustomError("too_short", "must have at least 32 characters")
        return value

    @field_validator("quota_time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise PydanticCustomError(
                "time_zone", "is not a time zone; use an IANA name like Europe/Berlin"
            ) from None
        return value

    @field_validator("admin_claims")
    @classmethod
    def _claims(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for claim in value:
            path, _, said = claim.partition("=")
            if not said or not all(path.split(".")):
                raise PydanticCustomError(
                    "claim", "must be claim=value, for instance app.role=admin"
                )
            if path.startswith(("user_metadata.", "raw_user_meta_data.")):
                raise PydanticCustomError("claim", "must not be a claim that users set themselves")
        return value

    @field_validator("provider_concurrency", "provider_polls_per_s", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if isinstance(value, str):
            pairs = (part.partition("=") for part in value.split(",") if part.strip())
            return {name.strip(): number.strip() for name, _, number in pairs}
        return value

    @field_validator("public_url", "store_url", mode="before")
    @classmethod
    def _no_trailing_slash(cls, value: object) -> object:
        return value.rstrip("/") or None if isinstance(value, str) else value

    @property
    def is_local_mode(self) -> bool:
        """No identity is configured: one fixed user, loopback only."""
        return not self.identities

    @property
    def identities(self) -> tuple[str, ...]:
        """What callers may prove themselves with; none is local mode."""
        tokens = {"JWT HS256": self.jwt_secret, "JWT by JWKS": self.jwks_url}
        configured = [name for name, setting in tokens.items() if setting is not None]
        return (*configured, "API keys") if configured or self.api_keys_only else ()

    @property
    def option_defaults(self) -> OptionDefaults:
        return OptionDefaults(self.default_duration, self.default_resolution, self.default_motion)

    @property
    def limits(self) -> dict[str, Any]:
        """What `set_limits` takes."""
        return {
            "daily_limit": self.daily_limit,
            "max_open_jobs": self.max_open_jobs,
            "dedupe_open_jobs": self.dedupe_open_jobs,
            "requests_per_minute": self.requests_per_minute,
            "daily_spend_usd": self.daily_spend_usd_per_user,
            "total_daily_spend_usd": self.daily_spend_usd,
            "time_zone": self.quota_time_zone,
        }

    @property
    def statement_timeout(self) -> timedelta:
        return timedelta(seconds=self.statement_timeout_s)

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_s)

    @property
    def overdue_after(self) -> timedelta:
        return timedelta(seconds=self.overdue_s)

    @property
    def max_image_bytes(self) -> int:
        return self.max_image_mb << 20

    @property
    def scratch_dir(self) -> Path:
        """Folder for files in the making; safe to empty while nothing runs."""
        return self.data_dir / "scratch"

    def check_binding(self, host: str) -> None:
        """Refuse to serve one fixed user to a network.

        Raises:
            SettingsError: no identity is configured and `host` is not loopback.
        """
        if self.is_local_mode and host not in _LOOPBACK:
            raise SettingsError(
                f"--host {host}: without an identity the server answers everybody as one user, so it only "
                "binds to 127.0.0.1; set PHOTOPLAY_JWT_SECRET, PHOTOPLAY_JWKS_URL or "
                "PHOTOPLAY_API_KEYS_ONLY to serve a network"
            )


def load_settings(**overrides: object) -> Settings:
    """Read the settings of this process.

    Args:
        overrides: values by attribute name that win over the environment; None is ignored.

    Raises:
        SettingsError: names every setting that is wrong, its problem, and close names of unknown ones.
    """
    settings = read_settings(Settings, **overrides)
    _refuse_unknown([*os.environ, *_names_of_file()])
    return settings


def setting_names() -> dict[str, str]:
    """Return the environment name of every setting by its attribute name; providers have their own."""
    return names_of(Settings)


def _names_of_file() -> list[str]:
    from dotenv import dotenv_values

    return list(dotenv_values(".env", encoding="utf-8", interpolate=False))


def _refuse_unknown(names: Iterable[str]) -> None:
    import difflib

    known = set(setting_names().values())
    for name in names:
        if name.startswith("PHOTOPLAY_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise SettingsError(f"Settings: {name} is not a setting of Photoplay{hint}")
