"""Wrong arguments and unusable files are refused with field, value and fix, before anything is written."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from novaforge.guards.errors import ConflictError, InputError, RefusedError
from novaforge.guards.policy import Policy
from novaforge.tools.context import Mode
from novaforge.tools.datasets.tool import transform_dataset

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

ROWS = [("question one", "HQ"), ("question two", "LQ")] * 10


def refused(desk: "Desk", kind: type[Exception] = InputError, **arguments: Any) -> Any:
    """Return the error of a transform that must leave everything as it was."""
    source = arguments.pop("source", None) or desk.csv(ROWS)
    before = desk.tree()
    with pytest.raises(kind) as caught:
        desk.transform(source, **arguments)
    assert desk.tree() == before
    assert not (desk.folder / "out").exists()
    return caught.value


def test_a_missing_source_column_names_the_nearest_ones(desk: "Desk") -> None:
    error = refused(desk, columns={"query": "body", "response": "Z"})
    assert error.data["field"] == "columns" and error.data["value"] == "body"
    assert "did you mean 'Body'" in error.fix and "'Y'" in error.fix


def test_an_unknown_logical_name_is_refused_and_a_swapped_mapping_recognised(desk: "Desk") -> None:
    assert "did you mean query" in refused(desk, columns={"querry": "Body", "response": "Y"}).fix
    assert 'write {"query": "Body"}' in refused(desk, columns={"Body": "query", "Y": "response"}).fix


def test_names_without_a_place_in_the_rows_are_refused(desk: "Desk") -> None:
    error = refused(desk, columns={"query": "Body", "response": "Y", "text": "Body"})
    assert error.data["value"] == "text" and "query, response, system, reasoning" in error.fix
    assert refused(desk, columns={"query": "Body"}).data["field"] == "columns"
    assert refused(desk, columns={"query": "Body", "question": "Y"}).data["value"] == "question"
    assert refused(desk, columns={"query": "Body", "response": "Body"}).data["value"] == "Body"
    both = {"query": "Body", "response": "Y", "id": "Y", "metadata": "Y"}
    assert "either id or metadata" in refused(desk, method="EVALUATION", columns=both).message


def test_columns_that_cannot_be_told_by_name_have_to_be_given(desk: "Desk") -> None:
    error = refused(desk, source=desk.csv(ROWS, ("instruction", "output2")))
    assert "the response" in error.message and "'instruction'" in error.fix
    two = desk.csv([("a", "b", "c")], ("question", "text", "label"))
    assert "query" in refused(desk, source=two).message


def test_another_delimiter_is_found_and_stated(desk: "Desk") -> None:
    result = desk.transform(desk.write("data.csv", "Body;Y\na;b\n"), columns={"query": "Body", "response": "Y"})
    assert result.rows_written == 1 and any("semicolon" in finding.message for finding in result.findings)


def test_an_optional_json_key_that_no_row_has_is_refused_at_the_end(desk: "Desk") -> None:
    source = desk.jsonl([{"q": "a", "r": "b"}] * 3)
    error = refused(desk, source=source, columns={"query": "q", "response": "r", "system": "sistem"})
    assert error.data["value"] == ["sistem"] and "'q'" in error.fix


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"train": 0.8, "dev": 0.2}, "unknown part 'dev'"),
        ({"train": 0.8, "tets": 0.2}, "unknown part 'tets'"),
        ({"train": 0.8, "test": 0.1}, "sum to 0.9"),
        ({"train": 0.8, "test": 5}, "mixes ratios and counts"),
        ({"train": 0, "test": 1.0}, "above 0"),
        ({"train": -0.5, "test": 1.5}, "above 0"),
        ({}, "above 0"),
        ({"train": 19, "test": 5}, "asks for 24 rows; there are 20"),
        ({"train": 0.99, "validation": 0.005, "test": 0.005}, "too few different rows"),
    ],
)
def test_a_split_that_cannot_be_made_is_refused(desk: "Desk", split: dict[str, float], said: str) -> None:
    error = refused(desk, split=split)
    assert said in error.message and error.data["field"] == "split" and error.fix


def test_a_split_of_nothing_but_equal_queries_is_refused(desk: "Desk") -> None:
    error = refused(desk, source=desk.csv([("same", "x")] * 10), split={"train": 0.5, "test": 0.5})
    assert "would be empty" in error.message


def test_unknown_filters_strata_and_blank_prompts_are_refused(desk: "Desk") -> None:
    assert "did you mean exact_duplicates" in refused(desk, filters={"exact_duplicate": True}).fix
    assert refused(desk, filters={"exact_duplicates": "yes"}).data["value"] == "yes"
    assert refused(desk, filters={"max_chars": 0}).data["field"] == "filters"
    assert "did you mean 'Body'" in refused(desk, split={"train": 0.5, "test": 0.5}, stratify_by="Bodi").fix
    assert "wants a split" in refused(desk, stratify_by="Y").message
    assert refused(desk, system_prompt="  ").data["field"] == "system_prompt"
    assert "surrogate" in refused(desk, system_prompt="a\ud800").message


HALVES = {"train": 0.5, "test": 0.5}
JUDGED = {"method": "EVALUATION", "task": "llm_judge"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"split": HALVES, "stratify_by": "Y", "group_by": "Y"}, ("stratify_by", "group_by")),
        ({"split": {"train": 1.0}, "stratify_by": "Y"}, ("stratify_by", "split")),
        ({"split": {"test": 1}, "group_by": "Y"}, ("group_by", "split")),
        ({"stratify_by": "Y"}, ("stratify_by", "split")),
        ({"group_by": "Y"}, ("group_by", "split")),
        ({"pair_with": "other.jsonl"}, ("pair_with", "task")),
        ({"pair_with": "other.jsonl", "method": "EVALUATION"}, ("pair_with", "task")),
        ({"pair_with": "data.csv/", "source": "data.csv", **JUDGED}, ("pair_with", "source")),
    ],
)
def test_arguments_that_mean_nothing_together_are_refused_by_both_names(
    desk: "Desk", arguments: dict[str, Any], named: tuple[str, str]
) -> None:
    error = refused(desk, **arguments)
    assert error.data["field"] == named[0] and all(name in error.message for name in named), error.message
    assert error.fix


def test_one_counted_part_may_be_drawn_by_label_or_group(desk: "Desk") -> None:
    for number, more in enumerate(({"stratify_by": "Y"}, {"group_by": "Body"})):
        result = desk.transform(
            desk.csv([(str(row), "ab"[row % 2]) for row in range(20)]), f"out-{number}", split={"train": 6}, **more
        )
        assert (result.rows_written, result.rows_unused) == (6, 14)


@pytest.mark.parametrize(
    ("method", "model", "platform"),
    [("DPO_FULL", "nova_lite_2", None), ("RFT_LORA", "nova_pro", None), ("SFT_FULL", "nova_lite_2", "bedrock")],
)
def test_combinations_that_do_not_exist_are_refused_with_those_that_do(
    desk: "Desk", method: Any, model: Any, platform: Any
) -> None:
    with pytest.raises(RefusedError) as caught:
        transform_dataset(
            desk.ctx,
            source=desk.csv(ROWS),
            target=str(desk.folder / "out"),
            method=method,
            model=model,
            platform=platform,
        )
    assert f"{method} exists" in caught.value.message
    assert "RFT_LORA for nova_lite_2 on sagemaker, serverless, hyperpod, bedrock" in caught.value.data["supported"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data.csv", b"", "is empty"),
        ("data.csv", b"Body,Y\n", "has no rows"),
        ("data.jsonl", b"\n\n", "has no rows"),
        ("data.csv", b"Body,Y\n\xe4\xf6,x\n", "not UTF-8 (1 row, line 2)"),
        ("data.parquet", b"PAR1....", "cannot be read as parquet"),
        ("data.jsonl.gz", b"\x1f\x8b....", "gzip"),
        ("data.jsonl", b'{"query": \n', "not JSON (1 row, line 1)"),
        ("data.csv", b"Body,Y\n,x\n", "query is empty (1 row, line 2)"),
    ],
)
def test_a_file_without_one_usable_row_is_an_error_that_says_why(
    desk: "Desk", name: str, content: bytes, said: str
) -> None:
    error = refused(desk, source=desk.write(name, content))
    assert said in error.message and error.data["field"] == "source" and error.fix


def test_the_guessed_encoding_is_part_of_the_fix(desk: "Desk") -> None:
    error = refused(desk, source=desk.write("data.csv", "Body,Y\n“quoted”,é\n".encode("cp1252")))
    assert "iconv -f CP1252 -t UTF-8" in error.fix


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data.csv", b"PK\x03\x04....", "zip archive"),
        ("data.jsonl", b"BZh91AY&SY", "bzip2"),
        ("data.dat", b"no table, and\nno, known, name\n", "no data by name or content"),
        ("data.bin", b"\x07\x00\x01binary", "binary file"),
    ],
)
def test_formats_that_are_not_read_are_refused_by_name(desk: "Desk", name: str, content: bytes, said: str) -> None:
    error = refused(desk, RefusedError, source=desk.write(name, content))
    assert said in error.message and error.fix and error.data["rule"] == "source-format"


def test_a_folder_a_missing_file_and_a_path_outside_the_roots_are_refused(desk: "Desk") -> None:
    assert "no files with rows" in refused(desk, source=str(desk.folder)).message
    assert "no file" in refused(desk, source=str(desk.folder / "nope.csv")).message
    assert "outside the folders" in refused(desk, source="/etc/hostname").message
    with pytest.raises(InputError, match="outside the folders"):
        transform_dataset(desk.ctx, source=desk.csv(ROWS), target="/tmp", method="SFT_LORA", model="nova_lite_2")
    with pytest.raises(InputError, match="is a file"):
        desk.transform(desk.csv(ROWS), "data.csv")


def test_s3_targets_need_write_access_and_the_policys_prefix(desk: "Desk") -> None:
    target = "s3://bucket/data-2/x"
    assert refused(desk, RefusedError, target=target).data["rule"] == "read-only"
    for policy, rule in (
        (Policy(write_prefixes=("s3://bucket/data",)), "POL-prefix"),
        (Policy(write_prefixes=("local/folder",)), "POL-prefix"),
        (Policy(buckets=("other",)), "POL-bucket"),
    ):
        policy = policy.model_copy(
            update={
                "write_prefixes": tuple(
                    p if p.startswith("s3:") else str(desk.folder / p) for p in policy.write_prefixes
                )
            }
        )
        ctx = desk.context(mode=Mode(writes_allowed=True), policy=policy)
        assert refused(desk, RefusedError, target=target, ctx=ctx).data["rule"] == rule


def test_local_targets_are_allowed_read_only_and_limited_by_local_prefixes(desk: "Desk") -> None:
    policy = Policy(write_prefixes=("s3://bucket/data", str(desk.folder / "good")))
    ctx = desk.context(policy=policy)
    assert refused(desk, RefusedError, ctx=ctx).data["rule"] == "POL-prefix"
    assert desk.transform(desk.csv(ROWS), "good/one", ctx=ctx).rows_written == 20


def test_nothing_is_ever_overwritten(desk: "Desk") -> None:
    source = desk.csv(ROWS)
    desk.transform(source)
    before = desk.tree()
    for arguments in ({}, {"split": {"train": 0.5, "test": 0.5}}, {"method": "EVALUATION"}):
        with pytest.raises(ConflictError):
            desk.transform(source, **cast(dict[str, Any], arguments))
    assert desk.tree() == before


def test_a_used_target_is_refused_before_the_rows_are_read(desk: "Desk") -> None:
    desk.transform(desk.csv(ROWS))
    with pytest.raises(ConflictError):
        desk.transform(desk.csv([("", "")], name="hopeless.csv"))


def test_the_source_is_left_untouched_even_by_a_target_beside_it(
    desk: "Desk", read: Callable[[str], list[Any]]
) -> None:
    source = desk.csv(ROWS)
    before = desk.tree()
    result = desk.transform(source, "data")
    after = desk.tree()
    assert after.items() >= before.items()
    assert set(after) - set(before) == {"data/train.jsonl", "data/manifest.json"}
    assert len(read(result.files[0].uri)) == 20
