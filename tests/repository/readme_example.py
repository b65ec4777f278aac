"""The example of the README's data section: a table with a few common defects, and what the tools say of it."""

import csv
import itertools
import os
import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.tool import inspect_dataset, transform_dataset, validate_dataset

TOPICS = {
    "account": ["reset my password", "change the name on my profile", "close the account of my late father", "sign in with a passkey", "merge two accounts", "stop the newsletter"],
    "billing": ["get a refund", "find the invoice", "pay by bank transfer", "understand the second charge", "use my voucher", "see the price with tax"],
    "bug": ["open the camera", "export the report", "scroll past page nine", "read text in dark mode", "upload a photo", "hear any sound"],
}  # fmt: skip
WHENS = [
    "since Monday", "after the update", "while travelling", "on my old tablet", "for my sister", "before the audit", "at the weekend", "without a phone", "from Norway", "with two colleagues", "in less than an hour", "this time",
]  # fmt: skip
ASKS = [
    "How do I {}?",
    "I cannot {} any more.",
    "Why is it so hard to {}, please?",
    "Is there a way to {} without calling you?",
]
HEADER = ("question", "label")


def tickets() -> list[tuple[str, str]]:
    """Return 864 questions with labels, and in them: 12 rows twice, 4 questions with two labels, a key, a trait that tells a label."""
    rows: list[tuple[str, str]] = []
    for label, topics in TOPICS.items():
        for topic, when, ask in itertools.product(topics, WHENS, ASKS):
            # An export that ends each line of one source with a blank: the model would learn the blank.
            rows.append((ask.format(f"{topic} {when}") + (" " if label == "billing" else ""), label))
    random.Random(0).shuffle(rows)
    rows[100:112] = rows[200:212]
    rows[:4] = [(question, "bug" if label != "bug" else "account") for question, label in rows[50:54]]
    rows[40] = (
        "My script has aws_secret_access_key = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYzq7Qe2TdVp', is that safe?",
        "bug",
    )
    return rows


def example() -> str:
    """Return the calls and what a person reads, as one block of text."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        with (folder / "tickets.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADER, *tickets()])
        nothing = cast(Any, None)  # the data tools touch neither ledger nor audit log
        ctx = ToolContext(
            Mode(), Policy(), nothing, Aws(), Storage(Aws(), (folder,)), nothing, clock=lambda: datetime.now(UTC)
        )
        source = str(folder / "tickets.csv")
        seen = inspect_dataset(ctx, source=source)
        target = str(folder / "sft")
        made = transform_dataset(
            ctx, source=source, target=target, **cast(Any, seen.suggested), split={"train": 0.8, "validation": 0.2}
        )
        train = made.files[0].uri
        checked = validate_dataset(
            ctx, source=train, method="SFT_LORA", model="nova_lite_2", against=[made.files[1].uri]
        )
        said = [
            ('inspect_dataset(source="tickets.csv")', seen.text()),
            ('transform_dataset(source="tickets.csv", target="sft", method="SFT_LORA", model="nova_lite_2", split={"train": 0.8, "validation": 0.2})', made.text()),
            ('validate_dataset(source="sft/train.jsonl", ..., against=["sft/validation.jsonl"])', checked.text()),
        ]  # fmt: skip
        return "\n\n".join(f"> {call}\n{text}" for call, text in said).replace(f"{folder}{os.sep}", "")
