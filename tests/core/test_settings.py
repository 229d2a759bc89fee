"""Settings: every bad value is named, and `.env.example` is complete."""

import re
from pathlib import Path

import pytest

from app.core.settings import Settings, SettingsError, settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
LINE = re.compile(r"#?([A-Z][A-Z0-9_]*)=(.*)")


@pytest.fixture(autouse=True)
def anew() -> None:
    settings.cache_clear()


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGODB_URI")
    for name, value in {
        "REDIS_URL": "http://example.com",
        "SECRET_KEY": "hunter2",
        "ATRIUM_ENV": "prod",
        "GRAPHQL_MAX_DEPTH": "deep",
        "DRAIN_SECONDS": "-1",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        settings()
    message = str(raised.value)
    assert "MONGODB_URI: is missing" in message
    for name in ("REDIS_URL", "SECRET_KEY", "ATRIUM_ENV", "GRAPHQL_MAX_DEPTH", "DRAIN_SECONDS"):
        assert f"  {name}: " in message
    assert "hunter2" not in message


def test_only_in_dev_an_organization_goes_without_a_time_to_think(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORGANIZATION_DELETION_GRACE_DAYS", "0")
    assert settings().organization_deletion_grace_days == 0
    settings.cache_clear()
    monkeypatch.setenv("ATRIUM_ENV", "production")
    with pytest.raises(SettingsError, match="ORGANIZATION_DELETION_GRACE_DAYS may be 0 in dev only"):
        settings()


def test_secrets_do_not_show() -> None:
    key = settings().secret_key.get_secret_value()
    assert key not in repr(settings())


def example() -> dict[str, str]:
    lines = EXAMPLE.read_text().splitlines()
    return {found[1]: found[2] for line in lines if (found := LINE.fullmatch(line))}


def test_the_example_names_every_setting_and_no_other() -> None:
    assert example().keys() == {name.upper() for name in Settings.model_fields}


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in example().items():
        field = Settings.model_fields[name.lower()]
        if not field.is_required():
            monkeypatch.setenv(name, value)
            assert getattr(Settings(), name.lower()) == field.get_default(call_default_factory=True), name
