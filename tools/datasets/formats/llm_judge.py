"""Judge pairs: a prompt, the answer of the baseline as response_A and the candidate's as response_B."""

from collections.abc import Iterator

from novaforge.tools.datasets.formats.base import Fields, RowFormat, blank, long_record
from novaforge.tools.datasets.formats.rules import JUDGE_FILE
from novaforge.tools.datasets.rows import Hit, JsonRow

_KEYS = ("prompt", "response_A", "response_B")


def build(fields: Fields) -> JsonRow:
    """Return a row."""
    return {"prompt": fields["query"], "response_A": fields["response_A"], "response_B": fields["response_B"]}


def check(row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks."""
    hits: list[Hit] = []
    if blank(row.get("prompt")):
        hits.append(Hit("DA3-judge-text", "$.prompt"))
    for key in ("response_A", "response_B"):
        value = row.get(key)
        if not isinstance(value, str):
            hits.append(Hit("DA3-judge-text", f"$.{key}"))
        elif not value or value.isspace():
            hits.append(Hit("DA3-judge-empty", f"$.{key}"))
    if row.keys() - set(_KEYS):
        hits.append(Hit("DA3-judge-extra"))
    if long_record(*(row.get(key) for key in _KEYS)):
        hits.append(Hit("DA3-record-length"))
    return hits


def check_fields(fields: Fields) -> list[Hit]:
    """Return every rule the row built from these fields breaks."""
    return check(build(fields))


def prompt(row: JsonRow) -> str:
    """Return the prompt both answers are for."""
    return str(row.get("prompt", ""))


def answer(row: JsonRow) -> str:
    """Return the candidate's answer."""
    return str(row.get("response_B", ""))


def texts(row: JsonRow) -> Iterator[str]:
    """Yield the prompt and both answers, which is what the judge reads."""
    for key in _KEYS:
        if isinstance(row.get(key), str):
            yield row[key]


def parts(row: JsonRow) -> set[str]:
    """Return nothing: a row has no optional parts."""
    return set()


LLM_JUDGE = RowFormat(
    name="llm_judge",
    method="EVALUATION",
    required=("query", "response_A", "response_B"),
    optional=(),
    structured=(),
    build=build,
    check=check,
    check_fields=check_fields,
    prompt=prompt,
    answer=answer,
    texts=texts,
    parts=parts,
    file_name=JUDGE_FILE,
    task="llm_judge",
)
