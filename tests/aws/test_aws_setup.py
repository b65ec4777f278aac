"""AWS that is not set up, or no longer signed in, is said in plain words with the fix."""

from pathlib import Path
from typing import Any

import pytest

from novaforge.guards.errors import ConfigError
from novaforge.tools.aws.errors import translate
from novaforge.tools.aws.session import Aws


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return path


@pytest.mark.parametrize("region", [None, "us-east-1"])
def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch, region: str | None) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    for aws in (Aws(region=region), Aws(region=region, profile="nope")):
        with pytest.raises(ConfigError, match="nope") as raised:
            aws.principal()
        assert "AWS_PROFILE" in raised.value.fix


def test_a_configuration_file_that_cannot_be_read_is_named(nothing_configured: Path) -> None:
    nothing_configured.write_text("[default\nregion = us-east-1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="configuration cannot be used"):
        Aws(region="us-east-1").principal()


def test_without_a_region_the_fix_says_where_to_set_it() -> None:
    with pytest.raises(ConfigError, match="No AWS region") as raised:
        Aws().principal()
    assert "AWS_REGION" in raised.value.fix


def test_a_sign_in_that_expired_or_a_helper_that_failed_says_to_sign_in_again() -> None:
    from botocore import exceptions

    failed: list[Any] = [
        exceptions.UnauthorizedSSOTokenError(),
        exceptions.SSOTokenLoadError(error_msg="gone"),
        exceptions.CredentialRetrievalError(provider="process", error_msg="exit 1"),
        exceptions.NoCredentialsError(),
    ]
    for error in failed:
        known = translate(error, "sts:GetCallerIdentity")
        assert isinstance(known, ConfigError) and "sign in" in known.fix
