"""For each rule about whole files: files that break it, and nearly the same files that keep it.

Each entry is called with a desk and returns the findings of both.
"""

import gzip
import json
import random
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.registry import make_checks
from novaforge.tools.datasets.checks.audit import Audit
from novaforge.tools.datasets.checks.counts import Counts
from novaforge.tools.datasets.engine.audit_work import AuditResult, AuditRunner, AuditWork
from novaforge.tools.datasets.formats.names import name_findings
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.rows import Line
from novaforge.tools.datasets.tool import validate_dataset
from tests.datasets.rule_rows import (
    CHAT,
    DOCUMENT,
    IMAGE,
    MARK,
    PAIR,
    SEEN,
    TEXT,
    THOUGHT,
    Row,
    converse,
    put,
    rft,
    said,
)

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

SFT = row_format("SFT_LORA", "nova_lite_2")
QA = row_format("EVALUATION", "nova_lite_2")
JUDGE = row_format("EVALUATION", "nova_lite_2", None, "llm_judge")
Both = tuple[Sequence[Any], Sequence[Any]]
WORDS = [f"w{number}{'xyz' * (number % 3)}" for number in range(5000)]
ENGLISH = "How do I sort this list of numbers in ascending order without the built-in function? I tried a loop."
GERMAN = "Wie sortiere ich diese Liste von Zahlen aufsteigend, ohne die eingebaute Funktion zu verwenden?"
# Put together here so that no scanner takes this file for a leak.
TOKEN = "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzAbC"
MAYBE = "AC" + "0f3b9d1e7c5a2468" * 2


def chat(query: str, answer: str = "a") -> Row:
    return converse([{"text": query}], [{"text": answer}])


def chats(count: int, answer: Callable[[int], str] = str, query: str = f"{MARK} asks {{}}") -> list[Row]:
    return [chat(query.format(number), answer(number)) for number in range(count)]


def prompts(count: int) -> list[Row]:
    return [{**rft(said("user", f"{MARK} {number}")), "id": str(number)} for number in range(count)]


def pairs(count: int) -> list[Row]:
    return [put(PAIR, "messages", 0, "content", 0, "text", to=f"{MARK} {number}") for number in range(count)]


def long_texts(count: int) -> list[str]:
    rng = random.Random(0)
    return [" ".join(rng.choices(WORDS, k=100)) for _ in range(count)]


def edited(text: str) -> str:
    return text.replace(text.split()[50], "edited", 1)


def checked(
    desk: "Desk", rows: Sequence[Any] | bytes, name: str = "data.jsonl", method: str = "SFT_LORA", model: str = "nova_lite_2",
    against: Sequence[Row] | None = None, **more: Any,
) -> Sequence[Finding]:  # fmt: skip
    """Return what validate_dataset finds in a file of these rows."""
    folder = f"{len(desk.tree())}"
    source = desk.write(f"{folder}/{name}", rows) if isinstance(rows, bytes) else desk.jsonl(rows, f"{folder}/{name}")
    other = desk.jsonl(against, f"{folder}/other.jsonl") if against is not None else None
    result = validate_dataset(
        desk.ctx, source=source, method=cast(Any, method), model=cast(Any, model), against=other, **more
    )
    assert MARK not in result.text() + result.model_dump_json()
    return cast(Sequence[Finding], result.findings)


def both(broken: Any, kept: Any, **more: Any) -> Callable[["Desk"], Both]:
    """Return how to check two files that are called and used alike; rows may be made when they are needed."""

    def check(desk: "Desk") -> Both:
        made: list[Any] = [rows() if callable(rows) else rows for rows in (broken, kept)]
        return checked(desk, made[0], **more), checked(desk, made[1], **more)

    return check


def named(broken: str, kept: str, rows: Sequence[Row], **more: Any) -> Callable[["Desk"], Both]:
    def check(desk: "Desk") -> Both:
        return checked(desk, rows, broken, **more), checked(desk, rows, kept, **more)

    return check


def lines(*rows: Any) -> bytes:
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


def against(broken: Any, kept: Any, rows: Any, **more: Any) -> Callable[["Desk"], Both]:
    def check(desk: "Desk") -> Both:
        made: list[Any] = [item() if callable(item) else item for item in (rows, broken, kept)]
        return checked(desk, made[0], against=made[1], **more), checked(desk, made[0], against=made[2], **more)

    return check


def lengths(
    broken: int, kept: int, rows: Any = None, method: str = "SFT_LORA", **more: Any
) -> Callable[["Desk"], Both]:
    def check(desk: "Desk") -> Both:
        made = rows or chats(50)
        first = checked(desk, made, method=method, max_length=broken, **more)
        return first, checked(desk, made, method=method, max_length=kept, **more)

    return check


def another_bucket(desk: "Desk") -> Both:
    """Plans read no media files, and go by the bucket's name alone."""
    found: list[Any] = []
    decoder = cast(Any, SimpleNamespace(blank_lines=0, guess=""))
    for bucket in ("other", "bucket"):
        work = AuditWork(decoder, SFT, CheckSettings(), (), bucket=bucket)
        result = AuditRunner(work).run_lines(0, [Line(1, SEEN, b"")], [])
        found.append(result.counts.tally.findings())
    return found[0], found[1]


def seen_only(row: Row) -> Sequence[Finding]:
    """Plans do not read media files, and say so."""
    audit = Audit(SFT, ())
    counts = Counts()
    counts.add(1, [], SFT.parts(row), "a", ("q", "a"))
    audit.take(AuditResult(counts, [], None, 0, ""), "")
    return audit.file_findings()


def other_languages(desk: "Desk") -> Both:
    """Which languages are wanted is said to the check, by whoever makes it."""
    found: list[Any] = []
    for text in (GERMAN, ENGLISH):
        rows = [RowView(line, f"{text} {line}", "", (text,)) for line in range(1, 201)]
        (check,) = make_checks(CheckSettings(languages=("en",)), ["languages"])
        check.merge("", check.scan(rows))
        found.append(check.findings(200))
    return found[0], found[1]


def near(rows: int, copies: int) -> list[Row]:
    texts = long_texts(rows)
    return [chat(text) for text in [*texts, *map(edited, texts[:copies])]]


def two(number: int) -> str:
    return "ab"[number % 2]


def uneven(number: int) -> str:
    return "b" if number % 30 == 0 else "a"


MARKED = [chat(f"{'<p>' * (number % 2)}{MARK} {number}{'</p>' * (number % 2)}", two(number)) for number in range(600)]
HALF_LONG = [chat(f"{MARK} {number}" + " word" * (2000 if number < 2 else 0)) for number in range(100)]

FILES: dict[str, Callable[["Desk"], Both]] = {
    "DA1-row": both(lines(CHAT, f'{{"{MARK}" oops\n'.encode(), CHAT), lines(CHAT, CHAT)),
    "DA1-name": named("data.ndjson", "data.jsonl", [CHAT]),
    "DA1-form": lambda desk: (checked(desk, gzip.compress(lines(CHAT)), "data.jsonl.gz"), checked(desk, lines(CHAT))),
    "DA1-file-name": lambda desk: (name_findings("s3://b/train (1).jsonl", SFT), name_findings("s3://b/train_1.jsonl", SFT)),
    "DA1-gen-qa-name": lambda desk: (name_findings("s3://b/test.jsonl", QA), name_findings("s3://b/gen_qa.jsonl", QA)),
    "DA1-judge-name": lambda desk: (name_findings("s3://b/test.jsonl", JUDGE), name_findings("s3://b/llm_judge.jsonl", JUDGE)),
    "DA8-files": lambda desk: (seen_only(SEEN), seen_only(CHAT)),
    "DA1-empty": both(b"\n\n", lines(CHAT)),
    "DA1-shape": both([{"query": MARK, "response": "a"}] * 3, [CHAT] * 3),
    "DA8-set": both([converse([TEXT, IMAGE], [TEXT]), converse([TEXT, DOCUMENT], [TEXT])], [SEEN, SEEN]),
    "DA9": another_bucket,
    "RE3": both([THOUGHT, CHAT], [THOUGHT, THOUGHT]),
    "DA10-optional": both([CHAT, {**CHAT, "system": [TEXT]}], [{**CHAT, "system": [TEXT]}] * 2),
    "BS2": both(chats(31), chats(32)),
    "BS4": both(prompts(15), prompts(16), method="RFT_LORA"),
    "DA5-few": both(chats(199), chats(200), platform="bedrock"),
    "DA5-many": both(lambda: chats(20_001), lambda: chats(20_000), platform="bedrock"),
    "DA6": both(chats(199), chats(200)),
    "DA6-typical": both(chats(999), chats(1000)),
    "DA6-pairs": both(pairs(999), pairs(1000), method="DPO_LORA", model="nova_lite"),
    "DA7-few": both(prompts(99), prompts(100), method="RFT_LORA"),
    "DA7-many": both(prompts(201), prompts(200), method="RFT_LORA"),
    "DA3-rft-ids": both([*prompts(3), prompts(3)[0] | {"messages": [said("user", "more")]}], prompts(4), method="RFT_LORA"),
    "DA11-duplicates": both([*chats(40), chats(1)[0]], chats(41)),
    "DA11-some-duplicates": both([*chats(200), chats(1)[0]], chats(201)),
    "DA11-overlap": against(chats(3), chats(3, query="other {}"), chats(40)),
    "DA11-near-duplicates": both(partial(near, 200, 10), partial(near, 200, 0)),
    "DA11-some-near-duplicates": both(partial(near, 400, 2), partial(near, 400, 0)),
    "DA11-near-overlap": against(
        lambda: [chat(edited(text)) for text in long_texts(3)], lambda: [chat(text) for text in long_texts(205)[200:]],
        lambda: [chat(text) for text in long_texts(200)],
    ),
    "DA11-short": both(chats(60), lambda: near(200, 0)),
    "DQ1-noise": both([*chats(100, two), chat(f"{MARK} asks 0", "b")], chats(101, two)),
    "DQ1-answers": both([*chats(20), chat(f"{MARK} asks 0", "no")], chats(21)),
    "DQ2-shortcut": both(MARKED, chats(600, two)),
    "DQ3-balance": both(chats(900, uneven), chats(900, two)),
    "DQ3-rare": both([*chats(200, two), chat("one", "c")], chats(200, two)),
    "DQ3-one-file": against([*chats(40, two, "other {}"), *chats(20, lambda number: "c", "third {}")], chats(40, two, "other {}"), chats(200, two)),
    "DQ4-secret": both([chat(f"{MARK} the token is {TOKEN} now")], [chat(f"{MARK} the token is secret now")]),
    "DQ4-secret-maybe": both([chat(f"{MARK} the sid is {MAYBE} now")], [chat(f"{MARK} the sid is known now")]),
    "DQ4-personal": both([chat(f"{MARK} jane.miller@uni-bonn.de")], [chat(f"{MARK} user@example.com")]),
    "DQ5-languages": both(
        lambda: [chat(f"{GERMAN if number % 4 else ENGLISH} {number}") for number in range(200)],
        lambda: [chat(f"{ENGLISH} {number}") for number in range(200)],
    ),
    "DQ5-other-languages": other_languages,
    "SL1": lengths(32_769, 32_768),
    "SL1-cpt": lengths(8_193, 8_192, [{"text": MARK}] * 3, "CPT", platform="hyperpod"),
    "SL2": lengths(4096, 1024),
    "SL3": lengths(1024, 8192, HALF_LONG),
    "SL3-few": lengths(1024, 8192, [*HALF_LONG[1:], *chats(200)]),
    "SL-lengths": both([CHAT], b"\n"),
}  # fmt: skip
