"""What the further checks say about real text: each set without its exact duplicates, divided at random, one part against the other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

FAMILIES = ("DA11-", "DQ1-", "DQ2-", "DQ4-")
LOUD = ("warn", "confirm", "block")
SHARE = {"train": 0.7, "test": 0.3}
_TABLE = {"query": "Body", "response": "Y"}


class RealSet(NamedTuple):
    """A file below the folder of data, and how it becomes rows."""

    file: str
    method: str = "SFT_LORA"
    columns: dict[str, str] | None = None


SETS = (
    RealSet("stackoverflow/sft.csv", columns=_TABLE),
    RealSet("stackoverflow/rft.csv", columns=_TABLE),
    RealSet("stackoverflow/eval.csv", columns=_TABLE),
    RealSet("stackoverflow/raw_full_columns_1652.csv", columns=_TABLE),
    RealSet("parquet_so/test.parquet"),
    RealSet("alpaca_demo/alpaca_en_demo.json"),
    RealSet("sharegpt_tools/glaive_toolcall_en_demo.json"),
    RealSet("openai_chat/gsm8k_chat_train.jsonl"),
    RealSet("openai_chat/stock_toolcall_training.jsonl"),
    RealSet("rft_openai/countdown_train_100.jsonl", method="RFT_LORA"),
    RealSet("dpo/orca_openai_preference.jsonl", method="DPO_LORA"),
    RealSet("cpt_text/c4_demo.jsonl", method="CPT"),
    RealSet("cpt_text/wiki_demo.txt", method="CPT"),
)


def real_sets(context: Callable[[Path], Any], data: Path, folder: Path) -> str:
    """Return the table of what fired on each set that is there."""
    lines = ["| real text | rows | rules that fired, with rows named |", "|---|---:|---|"]
    for number, each in enumerate(each for each in SETS if (data / each.file).exists()):
        rows, fired = _fired(context(data), each, data, folder / str(number))
        shown = ", ".join(f"{rule} {count}" for rule, count in sorted(fired.items())) or "-"
        lines.append(f"| {each.file} | {rows:,} | {shown} |")
    return "\n".join(lines)


def _fired(ctx: Any, each: RealSet, data: Path, folder: Path) -> tuple[int, dict[str, int]]:
    """Return the rows of a set and the findings of its larger part, by rule."""
    from novaforge.tools.datasets.tool import transform_dataset, validate_dataset

    asked: dict[str, Any] = {
        "method": each.method,
        "model": "nova_lite" if each.method == "DPO_LORA" else "nova_lite_2",
    }
    made = transform_dataset(
        ctx, source=str(data / each.file), target=str(folder), columns=each.columns, split=SHARE,
        filters={"exact_duplicates": True}, **asked,
    )  # fmt: skip
    against = str(folder / "test.jsonl")
    found = validate_dataset(ctx, source=str(folder / "train.jsonl"), against=against, **asked).findings
    fired: dict[str, int] = {}
    for item in found:
        if item.severity in LOUD and item.rule.startswith(FAMILIES):
            fired[item.rule] = fired.get(item.rule, 0) + item.count
    return made.rows_written, fired
