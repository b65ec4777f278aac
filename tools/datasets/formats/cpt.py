"""CPT rows: one text each, and nothing else."""

from collections.abc import Iterator

from novaforge.tools.datasets.formats.base import Fields, RowFormat, blank
from novaforge.tools.datasets.rows import Hit, JsonRow


def build(fields: Fields) -> JsonRow:
    """Return a row."""
    return {"text": fields["text"]}


def check(row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks."""
    text = row.get("text")
    if len(row) == 1 and isinstance(text, str) and text and not text.isspace():
        return []
    hits = [Hit("DA10-text", "$.text")] if blank(text) else []
    return [*hits, Hit("DA10-key")] if row.keys() - {"text"} else hits


def check_fields(fields: Fields) -> list[Hit]:
    """Return every rule the row built from these fields breaks."""
    return [Hit("DA10-text", "$.text")] if blank(fields.get("text")) else []


def prompt(row: JsonRow) -> str:
    """Return the text: it is what no other file may hold."""
    text = row.get("text")
    return text if isinstance(text, str) else ""


def answer(row: JsonRow) -> str:
    """Return nothing: the text is learnt as a whole."""
    return ""


def texts(row: JsonRow) -> Iterator[str]:
    """Yield the text."""
    if isinstance(row.get("text"), str):
        yield row["text"]


def parts(row: JsonRow) -> set[str]:
    """Return nothing: a row has no optional parts."""
    return set()


CPT = RowFormat(
    name="cpt",
    method="CPT",
    required=("text",),
    optional=(),
    structured=(),
    build=build,
    check=check,
    check_fields=check_fields,
    prompt=prompt,
    answer=answer,
    texts=texts,
    parts=parts,
)
