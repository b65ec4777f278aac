"""A policy file is read whole or refused in plain words."""

from pathlib import Path

import pytest

from novaforge.guards.errors import ConfigError
from novaforge.server.settings import read_policy


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('regions = "us-east-1"', 'regions must be a list, such as ["us-east-1"]'),
        ("max_usd_per_month = 5", "max_usd_per_month is not a key of a policy"),
        ("max_usd_per_day = -1", "max_usd_per_day is wrong"),
        ("plan_minutes = 0", "plan_minutes is wrong"),
        ("regions = [", "is not TOML"),
    ],
)
def test_what_a_policy_cannot_mean_is_named_with_the_key(tmp_path: Path, text: str, wanted: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"policy\.toml") as caught:
        read_policy(path)
    assert wanted in caught.value.message and caught.value.fix


def test_the_policy_of_the_readme_is_valid(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    example = next(part.split("```")[0] for part in readme.split("```toml\n")[1:] if "max_usd_per_plan" in part)
    path = tmp_path / "policy.toml"
    path.write_text(example, encoding="utf-8")
    policy = read_policy(path)
    assert policy.regions and policy.max_usd_per_plan
