"""What every process of an installation opens first: database, schema, limits, store, secrets.

With `DATABASE_URL` the database is yours; without it, it is the embedded one in the data folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from photoplay.config import Settings, SettingsError
from photoplay.db.migrate import migrate
from photoplay.db.pool import Database
from photoplay.intake import PictureIntake
from photoplay.registry import BUILT_IN_ALONE, Registry, open_registry
from photoplay.storage.backends import S3Options
from photoplay.storage.decoders import DecoderPool
from photoplay.storage.objects import ObjectStore, open_store
from photoplay.storage.signing import sign_media
from photoplay.storage.supabase_calls import SupabaseOptions

_APP_ROLE_LOCK = 7407
APP_ROLE = "photoplay_app"
"""Login of our processes on the embedded server: no rights of its own, a member of our roles."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The opened parts of an installation.

    Attributes:
        owner_dsn: direct address as the owner; for migrations, `photoplay db` and `doctor`.
        app_dsn: address for requests and steps, perhaps through a pooler.
        direct_dsn: address for LISTEN and the engine, never through a pooler.
        media_secret: signs addresses of the local store.
        registry: the providers that are configured.
    """

    settings: Settings
    owner_dsn: str
    app_dsn: str
    direct_dsn: str
    store: ObjectStore
    decoders: DecoderPool
    media_secret: bytes
    registry: Registry = BUILT_IN_ALONE

    async def sign_for_provider(self, key: str) -> str:
        """Return an address of a picture that a provider can read for as long as it may need it."""
        ttl = timedelta(hours=24)
        url = await self.store.presign_get(key, ttl)
        return url or sign_media(
            key,
            expires_at=datetime.now(UTC) + ttl,
            secrets=(self.media_secret,),
            base_url=self.settings.public_url or "",
        )

    def intake(self, database: Database) -> PictureIntake:
        """Return the way in for pictures."""
        return PictureIntake(
            database, self.store, self.decoders, max_bytes=self.settings.max_image_bytes
        )

    def database(
        self,
        *,
        size: int = 10,
        name: str = "photoplay",
        statement_timeout: timedelta | None = None,
    ) -> Database:
        """Return a pool that is not yet opened; `async with` it."""
        return Database(
            self.app_dsn,
            size=size,
            pooled=self.settings.database_pooled,
            application_name=name,
            statement_timeout=statement_timeout,
        )


@contextmanager
def open_stack(settings: Settings, *, with_schema: bool = True) -> Generator[Stack]:
    """Open the database and the store; start the embedded Postgres where it is used.

    Args:
        with_schema: bring the schema up to date; without it an old schema stays as it is.

    Raises:
        SettingsError: an address or folder is unusable.
        EmbeddedPostgresError: the embedded server does not start; the message says why.
        SchemaError: the database cannot be brought to this release.
    """
    registry = open_registry(settings)
    prepare_data_dir(settings.data_dir)
    with _addresses(settings) as (owner, app, direct):
        if with_schema:
            migrate(owner)
            if settings.database_url is None:
                ensure_app_role(owner)
        store = open_store(
            settings.store_url or (settings.data_dir / "objects").absolute().as_uri(),
            _s3(settings),
            _supabase(settings),
        )
        decoders = DecoderPool()
        try:
            yield Stack(
                settings, owner, app, direct, store, decoders, _media_secret(settings), registry
            )
        finally:
            decoders.close()
            store.close()


@contextmanager
def _addresses(settings: Settings) -> Generator[tuple[str, str, str]]:
    if settings.database_url is not None:
        app = settings.database_url.get_secret_value()
        direct = (
            settings.database_direct_url.get_secret_value() if settings.database_direct_url else app
        )
        yield direct, app, direct
        return
    from photoplay import embedded

    server = embedded.use(settings.data_dir, bin_dir=settings.pg_bin)
    try:
        app = server.dsn(APP_ROLE)
        yield server.dsn(), app, app
    finally:
        server.release()


def ensure_app_role(owner_dsn: str) -> None:
    """Give the embedded server a login without superuser rights for everything but migrations."""
    login = sql.Identifier(APP_ROLE)
    with psycopg.connect(owner_dsn) as connection:
        # Several processes may start at once, and grants to one role do not bear each other.
        connection.execute("select pg_advisory_xact_lock(%s)", (_APP_ROLE_LOCK,))
        known = connection.execute(
            "select from pg_roles where rolname = %s", (APP_ROLE,)
        ).fetchone()
        if known is None:
            connection.execute(sql.SQL("create role {} login noinherit").format(login))
        connection.execute(
            sql.SQL(
                "grant authenticated, photoplay_api, photoplay_worker, photoplay_admin to {}"
            ).format(login)
        )


def prepare_data_dir(folder: Path) -> None:
    """Make the data folder, readable by its user alone.

    Raises:
        SettingsError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(
            f"--data-dir {folder}: {error.strerror}; choose a folder that you may write"
        ) from None
    if not os.access(folder, os.W_OK):
        raise SettingsError(
            f"--data-dir {folder}: not writable; choose a folder that you may write"
        )


def _s3(settings: Settings) -> S3Options:
    secret = settings.s3_secret_access_key
    return S3Options(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=secret.get_secret_value() if secret else None,
        create_only=settings.s3_create_only,
    )


def _supabase(settings: Settings) -> SupabaseOptions | None:
    key = settings.supabase_service_key
    return SupabaseOptions(key.get_secret_value()) if key else None


def _media_secret(settings: Settings) -> bytes:
    if settings.media_secret is not None:
        return settings.media_secret.get_secret_value().encode()
    file = settings.data_dir / "media-secret"
    with contextlib.suppress(FileExistsError):
        # Several processes may start at once: the first one writes, all read the same.
        fresh = settings.data_dir / f"media-secret.{os.getpid()}"
        fresh.write_text(secrets.token_urlsafe(48), "ascii")
        fresh.chmod(0o600)
        try:
            os.link(fresh, file)
        finally:
            fresh.unlink()
    return file.read_bytes()
