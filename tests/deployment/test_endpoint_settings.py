"""Environment, capacity and lifetime of an endpoint: what is known is checked, what is unknown is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.deployment.capacity import check_capacity, fits, image_uri, known_type, tiers
from novaforge.tools.deployment.environment import SETTINGS, container_environment
from novaforge.tools.deployment.lifetime import delete_time

NOW = datetime(2026, 11, 20, 12, 0, 30, 123456, tzinfo=UTC)


def test_context_and_concurrency_are_always_spelled_out() -> None:
    assert container_environment(None) == {"CONTEXT_LENGTH": "8000", "MAX_CONCURRENCY": "8"}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("CONTEXT_LENGTH", 16000, "16000"),
        ("CONTEXT_LENGTH", "8e3", "8000"),
        ("MAX_CONCURRENCY", 4.0, "4"),
        ("DEFAULT_TEMPERATURE", 0.7, "0.7"),
        ("DEFAULT_TEMPERATURE", "2.0", "2.0"),
        ("DEFAULT_TOP_K", -1, "-1"),
        ("DISABLE_SPECULATIVE_DECODING", True, "true"),
        ("KV_CACHE_DTYPE", "fp8", "fp8"),
    ],
)
def test_legal_values_reach_the_container_as_text(name: str, value: Any, text: str) -> None:
    assert container_environment({name: value})[name] == text


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CONTEXT_LENGTH", 0, "at least 1"),
        ("CONTEXT_LENGTH", 8000.5, "not a whole number"),
        ("CONTEXT_LENGTH", True, "not a number"),
        ("CONTEXT_LENGTH", None, "not a number"),
        ("CONTEXT_LENGTH", "1_000", "not a number"),
        ("MAX_CONCURRENCY", "many", "not a number"),
        ("DEFAULT_TEMPERATURE", 2.1, "from 0 to 2"),
        ("DEFAULT_TEMPERATURE", "nan", "not a number"),
        ("DEFAULT_TOP_P", 0, "from 0.0000000001 to 1"),
        ("DEFAULT_TOP_K", 0, "at least 1 or -1"),
        ("DEFAULT_LOGPROBS", 21, "from 1 to 20"),
        ("KV_CACHE_DTYPE", "fp16", "not one of fp8"),
        ("CONTEXT_LEN", 8000, "nearest: CONTEXT_LENGTH"),
        ("temperature", 1, "DEFAULT_TEMPERATURE"),
        ("zzz", 1, "is not known"),
    ],
)
def test_everything_else_is_refused_by_name(name: str, value: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        container_environment({name: value})
    assert name in caught.value.message and said in caught.value.message


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        container_environment({"CONTEXT_LENGTH": -1, "NOPE": 1})
    assert "CONTEXT_LENGTH" in caught.value.message and "NOPE" in caught.value.message
    assert len(SETTINGS) == 16


@pytest.mark.parametrize(
    ("context", "concurrency", "types"),
    [
        (8000, 8, ["ml.g6.48xlarge", "ml.p5.48xlarge"]),
        (8001, 8, ["ml.p5.48xlarge"]),
        (8000, 9, ["ml.p5.48xlarge"]),
        (16000, 128, ["ml.p5.48xlarge"]),
        (16001, 128, []),
        (256000, 2, ["ml.p5.48xlarge"]),
        (256001, 1, []),
    ],
)
def test_the_smallest_sufficient_tier_decides(context: int, concurrency: int, types: list[str]) -> None:
    assert [name for name, options in tiers("nova_lite_2").items() if fits(options, context, concurrency)] == types


def test_too_much_for_an_instance_blocks_and_names_the_one_that_serves_it() -> None:
    asked = {"CONTEXT_LENGTH": "16000", "MAX_CONCURRENCY": "8"}
    (finding,) = check_capacity("nova_lite_2", "ml.g6.48xlarge", asked)
    assert (finding.rule, finding.severity) == ("SV2", "block")
    assert "8000 tokens x 8" in finding.message and "ml.p5.48xlarge" in finding.fix
    assert check_capacity("nova_lite_2", "ml.p5.48xlarge", asked) == []


def test_models_types_and_regions_outside_the_tables_are_refused_with_what_works() -> None:
    with pytest.raises(RefusedError, match="nova_pro"):
        tiers("nova_pro")
    with pytest.raises(InputError) as caught:
        known_type("nova_lite_2", "ml.g5.12xlarge")
    assert "ml.g6.48xlarge" in caught.value.fix
    with pytest.raises(RefusedError, match="eu-central-1"):
        image_uri("eu-central-1")
    assert image_uri("us-east-1") == (
        "708977205387.dkr.ecr.us-east-1.amazonaws.com/nova-inference-repo:SM-Inference-latest"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, timedelta(hours=4)),
        ("90m", timedelta(minutes=90)),
        ("2 d", timedelta(days=2)),
        ("2026-11-20T20:00:30+02:00", timedelta(hours=6)),
        ("2026-11-20T18:00:30Z", timedelta(hours=6)),
    ],
)
def test_spans_and_times_with_a_zone_are_understood(given: str | None, expected: timedelta) -> None:
    when = delete_time(given, NOW)
    assert when == NOW.replace(microsecond=0) + expected
    assert when.utcoffset() == timedelta(0)


@pytest.mark.parametrize("given", ["", "soon", "4", "-4h", "5m", "8d", "2026-11-20T18:00:30", "2026-11-19T18:00:00Z"])
def test_anything_else_is_refused(given: str) -> None:
    with pytest.raises(InputError) as caught:
        delete_time(given, NOW)
    assert caught.value.data["field"] == "delete_after"
