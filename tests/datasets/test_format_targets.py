"""Each combination of method, model, platform and task has its rows, or is refused with the reason and with what works."""

from itertools import product
from typing import Any, get_args

import pytest

from novaforge.guards.errors import RefusedError
from novaforge.tools.arguments import Method, Model, PlatformName
from novaforge.tools.catalog.support import SUPPORTED
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.targets import BY_NAME, FORMATS, row_format

ALL = {"nova_micro", "nova_lite", "nova_pro", "nova_lite_2"}
NOVA_1 = ALL - {"nova_lite_2"}
NO_BEDROCK = {"sagemaker", "serverless", "hyperpod"}
LEGAL: dict[str, tuple[set[str], set[str], str]] = {
    "SFT_LORA": (ALL, {*NO_BEDROCK, "bedrock"}, "converse"),
    "SFT_FULL": (ALL, NO_BEDROCK, "converse"),
    "DPO_LORA": (NOVA_1, NO_BEDROCK, "dpo"),
    "DPO_FULL": (NOVA_1, NO_BEDROCK, "dpo"),
    "CPT": (ALL, {"hyperpod"}, "cpt"),
    "RFT_LORA": ({"nova_lite_2"}, {*NO_BEDROCK, "bedrock"}, "rft"),
    "RFT_FULL": ({"nova_lite_2"}, {"sagemaker", "hyperpod"}, "rft"),
    "RFT_MULTITURN_LORA": ({"nova_lite_2"}, {"hyperpod", "serverless"}, "rft_multiturn"),
    "RFT_MULTITURN_FULL": ({"nova_lite_2"}, {"hyperpod"}, "rft_multiturn"),
    "EVALUATION": (ALL, NO_BEDROCK, "gen_qa"),
}


def refused(*combination: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        row_format(*combination)
    return caught.value


def test_the_table_names_every_method() -> None:
    assert set(LEGAL) == set(get_args(Method)) == set(FORMATS)


@pytest.mark.parametrize("method", list(get_args(Method)))
def test_exactly_the_combinations_of_the_table_have_rows(method: str) -> None:
    models, platforms, name = LEGAL[method]
    for model, platform in product(get_args(Model), get_args(PlatformName)):
        if model in models and platform in platforms:
            found = row_format(method, model, platform)
            flat = method.startswith("RFT_MULTITURN") and platform == "serverless"
            assert found.name == ("rft_flat" if flat else name)
            assert (found.method, found.model, found.platform) == (method, model, platform)
        else:
            error = refused(method, model, platform)
            assert f"{method} exists" in error.message and "SFT_LORA for nova_micro" in error.data["supported"]
            assert error.data["rule"] == "data-combination" and len(error.as_text()) < 300


def test_data_can_be_prepared_for_everything_that_can_be_trained() -> None:
    for model, method, platform in SUPPORTED:
        assert row_format(method, model, platform).method == method


def test_the_platform_has_to_be_given_only_where_the_rows_depend_on_it() -> None:
    assert row_format("RFT_MULTITURN_FULL", "nova_lite_2").name == "rft_multiturn"
    error = refused("RFT_MULTITURN_LORA", "nova_lite_2")
    assert "nested on hyperpod, flat on serverless" in error.message and "platform" in error.fix
    assert "full" not in refused("RFT_MULTITURN_FULL", "nova_lite_2", "serverless").fix


@pytest.mark.parametrize(
    ("task", "name", "file"),
    [(None, "gen_qa", "gen_qa.jsonl"), ("gen_qa", "gen_qa", "gen_qa.jsonl"), ("llm_judge", "llm_judge", "llm_judge.jsonl"), ("rft_eval", "rft", "")],
)  # fmt: skip
def test_an_evaluation_has_the_rows_of_its_task(task: str | None, name: str, file: str) -> None:
    found = row_format("EVALUATION", "nova_lite_2", None, task)
    assert (found.name, found.file_name, found.method, found.task) == (name, file, "EVALUATION", task or "gen_qa")


def test_a_task_that_does_not_exist_is_refused_with_those_that_do() -> None:
    assert "gen_qa, llm_judge, rft_eval" in refused("EVALUATION", "nova_lite_2", None, "mmlu").fix
    assert "leave task out" in refused("SFT_LORA", "nova_lite_2", None, "gen_qa").fix
    assert "no method" in refused("PPO", "nova_lite_2").message


def test_a_refusal_says_where_sources_disagree() -> None:
    assert "README" in refused("DPO_LORA", "nova_lite", "bedrock").message
    assert "row limits" in refused("CPT", "nova_lite", "bedrock").message


@pytest.mark.parametrize(
    ("model", "media", "more"),
    [("nova_micro", set[str](), False), ("nova_lite", {"image", "video"}, False), ("nova_pro", {"image", "video"}, False), ("nova_lite_2", {"image", "video", "document"}, True)],
)  # fmt: skip
def test_a_format_tells_what_its_model_can_be_trained_on(model: str, media: set[str], more: bool) -> None:
    found = row_format("SFT_LORA", model)
    assert (set(found.media), found.tools, found.reasoning, "reasoning" in found.fields) == (media, more, more, more)


@pytest.mark.parametrize("found", list(BY_NAME.values()), ids=list(BY_NAME))
def test_a_format_known_by_its_shape_reads_rows_of_every_model(found: RowFormat) -> None:
    assert BY_NAME[found.name] is found and set(found.structured) <= set(found.fields)
