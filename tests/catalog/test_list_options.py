"""What can be planned is listed with machines, legal counts, price and bounds; anything else is refused by name."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from novaforge.guards.errors import ConfigError, RefusedError
from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.catalog.support import combinations, require_supported
from novaforge.tools.catalog.tool import OptionsResult, list_options
from novaforge.tools.context import Audit, Mode, ToolContext
from novaforge.tools.records import Ledger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Offline(Aws):
    """AWS without network: each call is counted and fails."""

    def __init__(self, region: str | None = "us-east-1") -> None:
        super().__init__(region=region)
        self.calls = 0

    def call(self, service: str, operation: str, /, *, region: str | None = None, **request: Any) -> dict[str, Any]:
        self.calls += 1
        raise ConfigError("No usable AWS credentials.")


def context(aws: Aws, folder: Path) -> ToolContext:
    """Return a context whose ledger and audit log must not be touched."""
    nothing = cast(Any, None)
    return ToolContext(
        mode=Mode(),
        policy=Policy(),
        ledger=cast(Ledger, nothing),
        aws=aws,
        storage=Storage(aws, (folder,)),
        audit=cast(Audit, nothing),
        clock=lambda: NOW,
    )


@pytest.fixture
def listed(aws: Aws, tmp_path: Path) -> Callable[..., OptionsResult]:
    """Return list_options over the sandbox."""
    return lambda **part: list_options(context(aws, tmp_path), **part)


def test_all_three_methods_are_listed_with_counts_and_todays_price(listed: Callable[..., OptionsResult]) -> None:
    options = {item.method: item for item in listed().options}
    assert set(options) == {"SFT_LORA", "RFT_LORA", "EVALUATION"}
    counts = {method: option.instances[0]["counts"] for method, option in options.items()}
    assert counts == {"SFT_LORA": [4, 8, 16, 32], "RFT_LORA": [2, 4, 6, 8], "EVALUATION": [1, 2, 4, 8, 16]}
    first = options["SFT_LORA"].instances[0]
    assert first["usd_per_hour"] == "63.296" and first["usd_per_hour_smallest"] == "253.18"


def test_bounds_come_by_the_names_that_overrides_take(listed: Callable[..., OptionsResult]) -> None:
    (option,) = listed(method="SFT_LORA").options
    assert option.overrides["lr"] == {"type": "float", "default": 1e-05, "min": 0, "max": 1}
    assert option.overrides["alpha"]["enum"] == [32, 64, 96, 128, 160, 192]
    assert {"name", "replicas", "data_s3_path", "model_name_or_path"}.isdisjoint(option.overrides)
    (reinforcement,) = listed(method="RFT_LORA").options
    assert reinforcement.overrides["number_generation"] == {"type": "integer", "default": 2, "min": 2, "max": 16}


@pytest.mark.parametrize("part", [{"model": "nova_pro"}, {"method": "DPO_FULL"}, {"platform": "bedrock"}])
def test_another_combination_is_refused_with_those_that_work(
    listed: Callable[..., OptionsResult], part: dict[str, str]
) -> None:
    with pytest.raises(RefusedError) as caught:
        listed(**part)
    assert caught.value.data["supported"] == [item.words for item in combinations()]
    assert "nova_lite_2 SFT_LORA on sagemaker" in caught.value.fix


def test_a_supported_combination_is_returned_whole() -> None:
    found = require_supported("nova_lite_2", "RFT_LORA", "sagemaker")
    assert found.recipe.name == "nova_lite_v2_smtj_p5_p5en_gpu_lora_rft"


def test_without_credentials_the_dated_snapshot_is_shown_after_one_try(tmp_path: Path) -> None:
    aws = Offline()
    result = list_options(context(aws, tmp_path))
    first = result.options[0].instances[0]
    assert str(first["price_source"]).startswith("snapshot") and first["price_as_of"] == "2026-09-27"
    assert aws.calls == 1


def test_without_a_region_looking_around_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert list_options(context(Offline(None), tmp_path)).region == "us-east-1"


def test_the_text_names_every_machine_and_never_a_price_of_nothing(listed: Callable[..., OptionsResult]) -> None:
    text = listed().text()
    assert "ml.p4d.24xlarge: nodes 1, 2, 4, 8, 16; USD 25.2513" in text
    assert "ml.p5en.48xlarge" in text and "USD unknown" in text and "USD 0" not in text


def test_the_schema_is_short() -> None:
    assert len(json.dumps(OptionsResult.model_json_schema())) < 1500
