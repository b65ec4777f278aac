"""Planners learn a file's identity, rows, findings, labels and lengths from one pass."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.datasets.facts import training_file

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

Row = dict[str, Any]


def test_a_good_file_is_identified_counted_and_measured(desk: "Desk", converse: Callable[..., Row]) -> None:
    source = desk.jsonl([converse(f"question {index}", "ab"[index % 2]) for index in range(200)])
    seen = training_file(desk.ctx, source, "SFT_LORA", "nova_lite_2")
    data = Path(source).read_bytes()
    assert (seen.rows, seen.identity.rows, seen.identity.bytes) == (200, 200, len(data))
    assert seen.identity.sha256 == hashlib.sha256(data).hexdigest() == desk.ctx.storage.stat(source).sha256
    assert (seen.identity.uri, seen.identity.role, seen.identity.upload_to) == (source, "", None)
    assert seen.labels == {"a": 100, "b": 100} and seen.reasoning_share == 0
    assert [finding.rule for finding in seen.findings] == ["DA6-typical"]
    assert seen.lengths["chars_max"] == len("question 199a")


def test_lengths_are_those_of_whole_rows(desk: "Desk", converse: Callable[..., Row]) -> None:
    rows = [converse(f"q{index}", "a") for index in range(200)]
    for index, row in enumerate(rows):
        row["system"] = [{"text": "\u00e9" * 4000}]
        if index < 4:
            row["messages"][1]["content"].insert(0, {"reasoningContent": {"reasoningText": {"text": "r" * 60_000}}})
    lengths = training_file(desk.ctx, desk.jsonl(rows), "SFT_LORA", "nova_lite_2").lengths
    assert lengths["chars_p50"] == 4000 + len("q199a") and lengths["chars_max"] == 64_000 + len("q3a")
    assert lengths["chars_p99"] == 64_000 + len("q0a") and int(lengths["tokens_p50"]) > 1000


def test_bad_rows_are_findings_and_stop_nothing(desk: "Desk", converse: Callable[..., Row]) -> None:
    rows = [converse(f"q {index}", f"free answer {index}") for index in range(250)]
    rows[9] = converse("q", "a", "no answer")
    source = desk.write("data.jsonl", Path(desk.jsonl(rows)).read_bytes() + b"{oops\n")
    seen = training_file(desk.ctx, source, "SFT_LORA", "nova_lite_2")
    assert [(finding.rule, finding.severity, finding.line) for finding in seen.findings] == [
        ("DA1-row", "block", 251),
        ("DA3-turns", "block", 10),
        ("DA6-typical", "info", None),
    ]
    assert seen.labels == {} and seen.rows == 250


def test_the_share_of_reasoning_is_told_and_left_to_the_plans_own_rules(
    desk: "Desk", converse: Callable[..., Row]
) -> None:
    rows = [converse(f"q {index}", "a") for index in range(200)]
    for row in rows[:50]:
        row["messages"][1]["content"].insert(0, {"reasoningContent": {"reasoningText": {"text": "t"}}})
    seen = training_file(desk.ctx, desk.jsonl(rows), "SFT_LORA", "nova_lite_2")
    assert seen.reasoning_share == 0.25 and [finding.rule for finding in seen.findings] == ["DA6-typical"]


def test_what_cannot_be_a_training_file_is_an_error(desk: "Desk") -> None:
    with pytest.raises(InputError) as caught:
        training_file(desk.ctx, desk.csv([("q", "a")]), "SFT_LORA", "nova_lite_2")
    assert caught.value.data["field"] == "data"
    with pytest.raises(InputError, match="is empty"):
        training_file(desk.ctx, desk.write("e.jsonl", b""), "SFT_LORA", "nova_lite_2")
    with pytest.raises(RefusedError):
        training_file(desk.ctx, desk.jsonl([{"a": 1}]), "DPO_LORA", "nova_lite_2")
