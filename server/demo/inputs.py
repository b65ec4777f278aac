"""What the demo trains on: files, columns, labels, prompt and sizes."""

import csv
import hashlib
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from novaforge.guards.errors import InputError
from novaforge.server.demo.data import write_docstrings, write_rows

DEFAULT_ROWS, SMALL_ROWS = 1500, 480
SHARES = (0.6, 0.2, 0.2)
MAX_LABELS = 20

Row = tuple[str, str]


@dataclass(frozen=True)
class Inputs:
    """Three disjoint files and everything said about them."""

    sft: Path
    rft: Path
    evaluation: Path
    query: str
    response: str
    labels: list[str]
    sample: str
    reward_file: Path
    small: bool
    rows: int

    @property
    def system_prompt(self) -> str:
        """The instruction every row carries."""
        return f"Classify the text. Answer with exactly one of: {', '.join(self.labels)}."

    def sft_overrides(self) -> dict[str, object]:
        """Recipe values for SFT: about two epochs or more, warmup 15 % of the steps, one checkpoint at the end."""
        steps = 60 if self.small else 200
        return {
            "max_steps": steps, "warmup_steps": steps * 15 // 100, "save_steps": steps, "global_batch_size": 32,
            "reasoning_enabled": False, "max_length": 8192,
        }  # fmt: skip

    def rft_overrides(self) -> dict[str, object]:
        """Recipe values for RFT: four completions per prompt, so that a group can hold a right and a wrong answer."""
        steps = 8 if self.small else 40
        return {
            "max_steps": steps, "save_steps": steps, "global_batch_size": 64, "number_generation": 4, "max_new_tokens": 16,
            "top_k": 0, "kl_loss_coef": 0.02, "lr": "1e-5", "reasoning_effort": None,
        }  # fmt: skip


def default_inputs(folder: Path, *, small: bool) -> Inputs:
    """Write docstrings of the standard library and split them."""
    source = folder / "docstrings.csv"
    write_docstrings(source, SMALL_ROWS if small else DEFAULT_ROWS)
    return split_file(folder, source, "query", "response", small=small)


def split_file(folder: Path, source: Path, query: str, response: str, *, small: bool) -> Inputs:
    """Split one labelled CSV in three disjoint files, stratified; equal texts never fall on two sides."""
    rows = unique(read_rows(source, query, response))
    parts: tuple[list[Row], list[Row], list[Row]] = ([], [], [])
    for label in sorted({label for _, label in rows}):
        group = sorted((row for row in rows if row[1] == label), key=_order)
        first, second = round(len(group) * SHARES[0]), round(len(group) * (SHARES[0] + SHARES[1]))
        for part, chunk in zip(parts, (group[:first], group[first:second], group[second:]), strict=True):
            part += chunk
    paths = [folder / f"{name}.csv" for name in ("sft", "rft", "eval")]
    for path, part in zip(paths, parts, strict=True):
        write_rows(path, sorted(part, key=_order))
    return describe(folder, paths[0], paths[1], paths[2], "query", "response", small=small)


def describe(folder: Path, sft: Path, rft: Path, evaluation: Path, query: str, response: str, *, small: bool) -> Inputs:
    """Read the labels of three given files and write the reward function; raises InputError when it is no labelling task."""
    counts = Counter(label for path in (sft, rft, evaluation) for _, label in read_rows(path, query, response))
    if not 2 <= len(counts) <= MAX_LABELS:
        raise InputError(
            f"Column {response!r} has {len(counts)} distinct values; the demo wants 2 to {MAX_LABELS} labels.",
            field="response", value=response, fix="name the label column with RESPONSE=",
        )  # fmt: skip
    reward = folder / "reward.py"
    reward.write_text(REWARD, encoding="utf-8")
    sample = next(read_rows(evaluation, query, response).__iter__())[0]
    return Inputs(sft, rft, evaluation, query, response, sorted(counts), sample, reward, small, sum(counts.values()))


def read_rows(path: Path, query: str, response: str) -> list[Row]:
    """Read (text, label) pairs of a CSV; raises InputError when a column is missing."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for column in (query, response):
            if column not in (reader.fieldnames or []):
                known = ", ".join(reader.fieldnames or [])
                raise InputError(
                    f"{path} has no column {column!r}.", field="column", value=column, fix=f"its columns are {known}"
                )
        return [(row[query], row[response]) for row in reader if row[query] and row[response]]


def unique(rows: list[Row]) -> list[Row]:
    """Keep the first row of every text."""
    return list({text: (text, label) for text, label in reversed(rows)}.values())


def _order(row: Row) -> str:
    return hashlib.sha256(row[0].encode("utf-8")).hexdigest()


REWARD = textwrap.dedent('''
    """Reward: +1 when the answer is exactly the reference label, -1 otherwise."""

    import re

    MARKERS = re.compile(r"<\\|(?:begin|end)_of_solution\\|>")


    def answer_of(sample):
        content = sample["messages"][-1]["content"]
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        return MARKERS.sub("", content).strip()


    def lambda_handler(event, context):
        return [
            {
                "id": sample["id"],
                "aggregate_reward_score": 1.0 if answer_of(sample) == sample["reference_answer"] else -1.0,
            }
            for sample in event
        ]
''').lstrip()
