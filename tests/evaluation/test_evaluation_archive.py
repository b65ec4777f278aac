"""Finding and reading the pieces of an evaluation's archive."""

from collections.abc import Callable
from typing import Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.evaluation import reading
from novaforge.tools.evaluation.archive import find_pieces, read_service
from novaforge.tools.evaluation.reading import read_scorecard
from novaforge.tools.evaluation.scorecard import Scorecard

Tarball = Callable[[dict[str, bytes]], bytes]
RUN = "my-run/eval_results"


def silent(share: float, text: str) -> None:
    """Nobody listens."""


def score(reader: Any) -> Scorecard:
    return read_scorecard(reader, "eval-1", None, silent)


def test_the_newest_results_and_the_rows_beside_them_are_used_and_the_others_named() -> None:
    names = [
        "old/eval_results/results_2026-11-19T00-00-00.json",
        "old/eval_results/inference_output.jsonl",
        "new/eval_results/inference_output.jsonl",
        "new/eval_results/results_2026-11-20T00-00-00.json",
        "new/eval_results/details/model/x/details_a_#_x.parquet",
        "elsewhere/results_2027.json",
    ]
    pieces = find_pieces(names)
    assert pieces.results == "new/eval_results/results_2026-11-20T00-00-00.json"
    assert pieces.rows == "new/eval_results/inference_output.jsonl"
    assert [("old/" in finding.message, finding.severity) for finding in pieces.findings] == [(True, "warn")] * 2


def test_names_with_a_leading_dot_are_asked_for_as_the_archive_writes_them(
    tarball: Tarball, reader: Any, line: Callable[..., bytes], results: Callable[..., bytes]
) -> None:
    files = {
        f"./{RUN}/inference_output.jsonl": line("a", "a", "1", "q"),
        f"./{RUN}/results_1.json": results({"exact_match": 1.0}),
    }
    card = score(reader(tarball(files)))
    assert card.scores["exact_match"] == (1.0,) and card.service == {"exact_match": 1.0}


def test_the_results_of_all_tasks_win_over_those_of_one(tarball: Tarball, reader: Any) -> None:
    document = b'{"results": {"custom|gen_qa_gen_qa|0": {"a": 1}, "all": {"acc": 0.5, "text": "x", "<script>": 1}}}'
    service = read_service(reader(tarball({"r": document})), "r")
    assert service.figures == {"acc": 0.5}
    assert service.task == "gen_qa_gen_qa"
    assert [finding.message[:9] for finding in service.findings] == ["2 entries"]


@pytest.mark.parametrize("document", [b"{", b"[]", b"{}", b'{"results": 3}', b'{"results": {"all": 3}}', b"\xff"])
def test_damaged_results_are_a_check_not_made_and_never_a_pass(
    tarball: Tarball, reader: Any, line: Callable[..., bytes], document: bytes
) -> None:
    rows = line("a", "a", "1", "q")
    card = score(reader(tarball({f"{RUN}/results_1.json": document, f"{RUN}/inference_output.jsonl": rows})))
    assert card.scores["exact_match"] == (1.0,)
    assert [
        (finding.rule, "results_1.json" in finding.message)
        for finding in card.findings
        if finding.severity == "not_checked"
    ] == [("EVAL-service", True)]


def test_missing_results_are_a_check_not_made(tarball: Tarball, reader: Any, line: Callable[..., bytes]) -> None:
    card = score(reader(tarball({f"{RUN}/inference_output.jsonl": line("a", "b", "1", "q")})))
    assert any(finding.severity == "not_checked" and "results_*.json" in finding.message for finding in card.findings)


def test_missing_rows_of_a_gen_qa_evaluation_are_an_error_that_names_them(
    tarball: Tarball, reader: Any, results: Callable[..., bytes]
) -> None:
    with pytest.raises(InputError) as caught:
        score(reader(tarball({f"{RUN}/results_1.json": results({"exact_match": 1.0})})))
    assert caught.value.data["piece"] == "inference_output.jsonl"


def test_a_task_that_writes_no_rows_has_the_figures_of_the_service_alone(
    tarball: Tarball, reader: Any, results: Callable[..., bytes]
) -> None:
    data = tarball({f"{RUN}/results_1.json": results({"lambda_reward_score": 0.5}, "rft_eval_rft_eval")})
    card = score(reader(data))
    assert card.service == {"lambda_reward_score": 0.5} and card.scores == {}
    assert [finding.severity for finding in card.findings] == ["not_checked"]


@pytest.mark.parametrize("rows", [b"", b"\n\n", b"junk\nmore junk\n"])
def test_rows_none_of_which_can_be_read_are_an_error(tarball: Tarball, reader: Any, rows: bytes) -> None:
    with pytest.raises(InputError) as caught:
        score(reader(tarball({f"{RUN}/inference_output.jsonl": rows})))
    assert caught.value.data["piece"] == f"{RUN}/inference_output.jsonl"


def test_unreadable_lines_among_good_ones_are_counted_with_their_numbers(
    tarball: Tarball, reader: Any, line: Callable[..., bytes]
) -> None:
    rows = line("a", "a", "1", "q") + b"junk\n[]\nmore junk\n"
    card = score(reader(tarball({f"{RUN}/inference_output.jsonl": rows})))
    counted = {finding.message: (finding.line, finding.count) for finding in card.findings if finding.line}
    assert counted == {
        "2 lines were not scored: not JSON in UTF-8 (lines 2, 4)": (2, 2),
        "1 lines were not scored: not a JSON object (lines 3)": (3, 1),
    }


@pytest.mark.parametrize("cut", [0, 10, 60, 200])
def test_an_archive_cut_short_is_an_error_that_names_the_archive_or_the_piece(
    archive: Callable[..., bytes], reader: Any, cut: int
) -> None:
    whole = archive([("gold answer", f"answer {place}") for place in range(300)])
    with pytest.raises(InputError) as caught:
        score(reader(whole[:cut] if cut else b"not an archive"))
    assert caught.value.data["piece"] == "output.tar.gz"
    assert "archive" in caught.value.message


@pytest.mark.parametrize("limit", ["MOST_ROWS", "MOST_CHARS"])
def test_more_rows_than_fit_in_memory_are_an_error_that_names_the_file(
    archive: Callable[..., bytes], reader: Any, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(reading, limit, 9)
    with pytest.raises(InputError, match="more than") as caught:
        score(reader(archive([("gold", "answer")] * 10)))
    assert caught.value.data["piece"] == f"{RUN}/inference_output.jsonl"
