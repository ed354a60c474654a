"""Settings: read once, typed, refused with a name and a remedy, never printed."""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from pydantic import ValidationError

from photoplay.config import Settings, SettingsError, load_settings, setting_names
from photoplay.environment import names_of, read_settings
from photoplay.registry import provider_settings

SECRET = "a secret of thirty-two characters"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    """No setting of the machine that runs the tests counts."""
    monkeypatch.chdir(tmp_path)
    for kind in (Settings, *provider_settings()):
        for name in names_of(kind).values():
            monkeypatch.delenv(name, raising=False)


def test_the_defaults_of_the_older_system_hold():
    settings = load_settings()
    assert settings.daily_limit == 20
    assert settings.max_image_bytes == 10 * 1024 * 1024
    assert (settings.default_duration, settings.default_resolution, settings.default_motion) == (
        4.0,
        "720p",
        "low",
    )
    assert settings.signed_url_s == 3600
    assert settings.max_open_jobs == 5
    assert settings.overdue_s == 600


def test_the_data_folder_is_the_users_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert load_settings().data_dir == tmp_path / "photoplay"


def test_what_is_given_wins_over_the_environment_and_that_over_the_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("PHOTOPLAY_PORT=1\nVIDEO_DAILY_LIMIT=1\nVIDEO_MAX_OPEN_JOBS=1\n")
    monkeypatch.setenv("PHOTOPLAY_PORT", "2")
    monkeypatch.setenv("VIDEO_DAILY_LIMIT", "2")
    settings = load_settings(port=3, host=None)
    assert (settings.port, settings.daily_limit, settings.max_open_jobs) == (3, 2, 1)
    assert settings.host == "127.0.0.1"


def test_a_variable_that_only_sounds_like_a_setting_is_none(monkeypatch):
    # Many platforms set these for other purposes.
    monkeypatch.setenv("PORT", "80")
    monkeypatch.setenv("HOST", "host.example")
    monkeypatch.setenv("LOG_LEVEL", "debug")
    settings = load_settings()
    assert (settings.port, settings.host, settings.log_level) == (8484, "127.0.0.1", "info")


def test_settings_do_not_change_after_the_start():
    with pytest.raises(ValidationError):
        load_settings().daily_limit = 100


@pytest.mark.parametrize("where", ["environment", "file"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("PHOTOPLAY_UNKNOWN", ""),
        ("PHOTOPLAY_PROT", "; did you mean PHOTOPLAY_PORT?"),
        ("PHOTOPLAY_DATADIR", "; did you mean PHOTOPLAY_DATA_DIR?"),
    ],
)
def test_an_unknown_name_of_ours_stops_the_start(monkeypatch, tmp_path, where, name, hint):
    if where == "file":
        (tmp_path / ".env").write_text(f"{name}=x\n")
    else:
        monkeypatch.setenv(name, "x")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert refused.value.message.startswith(f"Settings: {name} is not a setting of Photoplay")
    assert not hint or refused.value.message.endswith(hint)


def test_names_of_others_do_not_matter(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("OTHER_THING=1\n")
    monkeypatch.setenv("VIDEO_PLAYER", "vlc")
    assert load_settings().port == 8484


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("VIDEO_DAILY_LIMIT", "-1", "greater than or equal to 0"),
        ("VIDEO_DAILY_LIMIT", "many", "valid integer"),
        ("VIDEO_MAX_OPEN_JOBS", "0", "greater than or equal to 1"),
        ("VIDEO_DEFAULT_RESOLUTION", "4k", "'480p', '720p' or '1080p'"),
        ("VIDEO_DEFAULT_DURATION", "16", "less than or equal to 15"),
        ("PHOTOPLAY_PORT", "65536", "less than or equal to 65535"),
        ("PHOTOPLAY_LEASE_S", "0", "greater than or equal to 0.5"),
        ("PHOTOPLAY_LOG_FORMAT", "xml", "'console' or 'json'"),
        ("PHOTOPLAY_JWT_SECRET", "canary-short", "at least 32 characters"),
        ("PHOTOPLAY_MEDIA_SECRET", "canary-short", "at least 32 characters"),
        ("PHOTOPLAY_ALLOWED_NETWORKS", "10.0.0.1/8", "10.0.0.1/8"),
        ("PHOTOPLAY_LOST_POLICY", "hope", "'fail' or 'retry'"),
        ("PHOTOPLAY_PROVIDER_CONCURRENCY", "fal", "valid integer"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_a_secret_one_is_not_shown(
    monkeypatch, name, value, problem
):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert refused.value.message.startswith(f"Settings: {name}: ")
    assert "canary" not in refused.value.message
    if "NETWORK" not in name:
        assert problem in refused.value.message


def test_every_wrong_value_is_named_at_once_also_one_that_was_given(monkeypatch):
    monkeypatch.setenv("VIDEO_DAILY_LIMIT", "-1")
    with pytest.raises(SettingsError) as refused:
        load_settings(port=99999)
    assert "VIDEO_DAILY_LIMIT: " in refused.value.message
    assert "PHOTOPLAY_PORT: " in refused.value.message


def test_lists_are_comma_separated(monkeypatch):
    monkeypatch.setenv("PHOTOPLAY_CORS_ORIGINS", "https://a.example, https://b.example,")
    monkeypatch.setenv("PHOTOPLAY_ALLOWED_NETWORKS", "10.0.0.0/8,fd00::/8")
    monkeypatch.setenv("VIDEO_PROVIDER_PRIORITY", "fal-pika,kling,runway")
    monkeypatch.setenv("PHOTOPLAY_PROVIDER_CONCURRENCY", "fal=10, runway=3")
    settings = load_settings()
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.allowed_networks == (IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8"))
    assert settings.provider_priority == ("fal-pika", "kling", "runway")
    assert settings.provider_concurrency == {"fal": 10, "runway": 3}


def test_addresses_lose_their_last_slash(monkeypatch):
    monkeypatch.setenv("PHOTOPLAY_PUBLIC_URL", "https://v.example/")
    monkeypatch.setenv("PHOTOPLAY_STORE_URL", "s3://bucket/prefix/")
    settings = load_settings()
    assert (settings.public_url, settings.store_url) == ("https://v.example", "s3://bucket/prefix")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_local_mode_serves_loopback(host):
    load_settings().check_binding(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.2", "example.org", ""])
def test_local_mode_serves_nothing_else_and_an_identity_serves_everything(host):
    with pytest.raises(SettingsError, match=r"set PHOTOPLAY_JWT_SECRET.* to serve a network"):
        load_settings().check_binding(host)
    for identity in (
        {"jwt_secret": SECRET},
        {"jwks_url": "https://x.example/"},
        {"api_keys_only": True},
    ):
        load_settings(**identity).check_binding(host)


def test_no_secret_is_shown_by_printing_the_settings(monkeypatch):
    names = [
        name
        for kind in (Settings, *provider_settings())
        for attribute, name in names_of(kind).items()
        if "SecretStr" in str(kind.model_fields[attribute].annotation)
    ]
    for name in names:
        monkeypatch.setenv(name, f"canary-{'x' * 40}")
    for settings in (load_settings(), *map(read_settings, provider_settings())):
        assert "canary" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert len(names) >= 10


def test_every_setting_has_one_name_in_the_environment():
    names = setting_names()
    assert set(names) == set(Settings.model_fields)
    for kind in provider_settings():
        names |= names_of(kind)
    assert len(set(names.values())) == len(names)
    known = ("PHOTOPLAY_", "VIDEO_", "FAL_", "RUNWAY_", "KLING_", "DATABASE_URL")
    assert all(name == name.upper() and name.startswith(known) for name in names.values())


def test_a_names_case_does_not_matter(monkeypatch):
    monkeypatch.setenv("video_daily_limit", "7")
    assert "VIDEO_DAILY_LIMIT" not in os.environ
    assert load_settings().daily_limit == 7


def test_the_scratch_folder_is_in_the_data_folder():
    assert load_settings(data_dir=Path("/data")).scratch_dir == Path("/data/scratch")
