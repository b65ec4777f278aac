"""How many rows a file has to have, and what it has to be called."""

import pytest

from novaforge.tools.datasets.formats.counts import batch_findings, count_findings
from novaforge.tools.datasets.formats.names import name_findings
from novaforge.tools.datasets.formats.targets import row_format


def counted(method: str, model: str, platform: str | None, rows: int, task: str | None = None) -> list[tuple[str, str]]:
    found = count_findings(row_format(method, model, platform, task), model, platform, method, rows, {})
    return [(finding.rule, finding.severity) for finding in found]


@pytest.mark.parametrize(
    ("method", "model", "platform", "few", "enough", "rule", "severity"),
    [
        ("SFT_LORA", "nova_lite_2", "bedrock", 199, 200, "DA5-few", "block"),
        ("SFT_LORA", "nova_micro", "bedrock", 7, 8, "DA5-few", "block"),
        ("RFT_LORA", "nova_lite_2", "bedrock", 99, 100, "DA5-few", "block"),
        ("SFT_LORA", "nova_lite_2", "serverless", 199, 200, "DA6", "warn"),
        ("SFT_FULL", "nova_pro", "hyperpod", 199, 200, "DA6", "warn"),
        ("SFT_LORA", "nova_lite_2", "sagemaker", 200, 1000, "DA6-typical", "info"),
        ("SFT_LORA", "nova_pro", "bedrock", 999, 1000, "DA6-typical", "info"),
        ("DPO_FULL", "nova_lite", "sagemaker", 999, 1000, "DA6-pairs", "warn"),
        ("RFT_LORA", "nova_lite_2", "sagemaker", 99, 100, "DA7-few", "confirm"),
        ("RFT_FULL", "nova_lite_2", None, 99, 100, "DA7-few", "confirm"),
    ],
)  # fmt: skip
def test_too_few_rows_are_found_where_they_matter(
    method: str, model: str, platform: str | None, few: int, enough: int, rule: str, severity: str
) -> None:
    assert counted(method, model, platform, few) == [(rule, severity)]
    assert (rule, severity) not in counted(method, model, platform, enough)


@pytest.mark.parametrize(("method", "model"), [("SFT_LORA", "nova_pro"), ("SFT_LORA", "nova_lite_2"), ("RFT_LORA", "nova_lite_2")])  # fmt: skip
def test_bedrock_takes_at_most_twenty_thousand_rows(method: str, model: str) -> None:
    assert counted(method, model, "bedrock", 20_001) == [("DA5-many", "block")]
    assert ("DA5-many", "block") not in counted(method, model, "bedrock", 20_000)
    assert ("DA5-many", "block") not in counted(method, model, "serverless", 20_001)


def test_a_first_run_of_rft_wants_few_prompts_and_an_evaluation_of_it_as_many_as_one_likes() -> None:
    assert counted("RFT_LORA", "nova_lite_2", "sagemaker", 201) == [("DA7-many", "info")]
    assert counted("EVALUATION", "nova_lite_2", "sagemaker", 201, "rft_eval") == []
    assert counted("EVALUATION", "nova_lite_2", "sagemaker", 99, "rft_eval") == [("DA7-few", "confirm")]


@pytest.mark.parametrize(
    ("method", "model", "platform"),
    [("CPT", "nova_lite", None), ("EVALUATION", "nova_micro", None), ("RFT_MULTITURN_FULL", "nova_lite_2", "hyperpod")],
)
def test_where_no_source_names_a_bound_there_is_none(method: str, model: str, platform: str | None) -> None:
    assert counted(method, model, platform, 1) == []


@pytest.mark.parametrize(
    ("method", "model", "batch", "rule", "severity"),
    [
        ("SFT_LORA", "nova_lite_2", 32, "BS2", "block"),
        ("SFT_FULL", "nova_lite", 16, "BS2", "block"),
        ("DPO_LORA", "nova_micro", 16, "BS2", "block"),
        ("CPT", "nova_pro", 32, "BS2", "block"),
        ("RFT_FULL", "nova_lite_2", 16, "BS4", "warn"),
    ],
)  # fmt: skip
def test_rows_have_to_fill_the_smallest_batch_of_the_recipe(
    method: str, model: str, batch: int, rule: str, severity: str
) -> None:
    (finding,) = batch_findings(method, model, "serverless", batch - 1)
    assert (finding.rule, finding.severity) == (rule, severity)
    assert f"{batch - 1} rows" in finding.message and str(batch) in finding.message
    assert batch_findings(method, model, None, batch) == []


def test_bedrock_counts_batches_in_other_units_and_evaluations_have_none() -> None:
    assert batch_findings("SFT_LORA", "nova_lite_2", "bedrock", 1) == []
    assert batch_findings("EVALUATION", "nova_lite_2", "sagemaker", 1) == []
    assert batch_findings("RFT_MULTITURN_LORA", "nova_lite_2", "hyperpod", 1) == []


def test_the_sources_that_disagree_about_bedrock_are_named() -> None:
    (finding,) = count_findings(row_format("SFT_LORA", "nova_lite_2"), "nova_lite_2", "bedrock", "SFT_LORA", 100, {})
    assert "says 8" in finding.message and "200" in finding.message


@pytest.mark.parametrize(
    ("uri", "method", "task", "found"),
    [
        ("s3://b/train.jsonl", "SFT_LORA", None, []),
        ("s3://b/train set.jsonl", "SFT_LORA", None, [("DA1-file-name", "block")]),
        ("/home/me/train(1).jsonl", "SFT_LORA", None, [("DA1-file-name", "warn")]),
        ("/home/me/train.json", "SFT_LORA", None, [("DA1-name", "block")]),
        ("s3://b/gen_qa.jsonl", "EVALUATION", None, []),
        ("s3://b/test.jsonl", "EVALUATION", None, [("DA1-gen-qa-name", "block")]),
        ("/tmp/test.jsonl", "EVALUATION", None, [("DA1-gen-qa-name", "warn")]),
        ("s3://b/gen_qa.jsonl", "EVALUATION", "llm_judge", [("DA1-judge-name", "block")]),
        ("s3://b/llm_judge.jsonl", "EVALUATION", "llm_judge", []),
        ("s3://b/any-name_1.jsonl", "EVALUATION", "rft_eval", []),
    ],
)  # fmt: skip
def test_a_file_has_the_name_its_method_reads(
    uri: str, method: str, task: str | None, found: list[tuple[str, str]]
) -> None:
    findings = name_findings(uri, row_format(method, "nova_lite_2", None, task))
    assert [(finding.rule, finding.severity) for finding in findings] == found
