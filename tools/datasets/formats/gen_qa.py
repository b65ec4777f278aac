"""gen_qa rows, which an evaluation with your own data reads: query, response, system, images, metadata."""

from collections.abc import Iterator
from typing import Any

from novaforge.tools.datasets.formats.base import Fields, RowFormat, all_objects, blank, long_record
from novaforge.tools.datasets.formats.rules import GEN_QA_FILE
from novaforge.tools.datasets.rows import Hit, JsonRow

_KEYS = {"query", "response", "system", "images", "metadata"}


def build(fields: Fields) -> JsonRow:
    """Return a row; the metadata text carries the row id, since it is what comes back in inference_output.jsonl."""
    row: JsonRow = {"query": fields["query"], "response": fields["response"]}
    if fields.get("system"):
        row["system"] = fields["system"]
    row["metadata"] = fields.get("metadata") or fields["id"]
    return row


def check(row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks."""
    hits = [Hit("DA3-gen-qa-text", f"$.{key}") for key in ("query", "response") if blank(row.get(key))]
    for key in ("system", "metadata"):
        # A null crashes AWS's own reader, so the key is left out or holds text.
        if key in row and not isinstance(row[key], str):
            hits.append(Hit("DA3-gen-qa-optional", f"$.{key}"))
    if "images" in row and not _images(row["images"]):
        hits.append(Hit("DA3-gen-qa-images", "$.images"))
    if row.keys() - _KEYS:
        hits.append(Hit("DA3-gen-qa-extra"))
    if long_record(row.get("system"), row.get("query"), row.get("response")):
        hits.append(Hit("DA3-record-length"))
    return hits


def check_text_only(row: JsonRow) -> list[Hit]:
    """Return every rule a row breaks that is for a model that reads text only."""
    hits = check(row)
    return [*hits, Hit("DA5-model", "$.images")] if "images" in row else hits


def check_fields(fields: Fields) -> list[Hit]:
    """Return every rule the row built from these fields breaks: the mapper passes filled texts only, but long ones too."""
    long = long_record(fields.get("system"), fields["query"], fields["response"])
    return [Hit("DA3-record-length")] if long else []


def prompt(row: JsonRow) -> str:
    """Return the query."""
    return str(row.get("query", ""))


def answer(row: JsonRow) -> str:
    """Return the wanted answer."""
    return str(row.get("response", ""))


def texts(row: JsonRow) -> Iterator[str]:
    """Yield system and query, which is what the model reads."""
    for key in ("system", "query"):
        if isinstance(row.get(key), str):
            yield row[key]


def parts(row: JsonRow) -> set[str]:
    """Return which optional parts a row has."""
    return {"system", "images"} & row.keys()


def _images(value: Any) -> bool:
    return all_objects(value) and all(_data_uri(item.get("data")) for item in value)


def _data_uri(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("data:image/") and ";base64," in value[:64]


GEN_QA = RowFormat(
    name="gen_qa",
    method="EVALUATION",
    required=("query", "response"),
    optional=("system", "id", "metadata", "images"),
    structured=("images",),
    build=build,
    check=check,
    check_fields=check_fields,
    prompt=prompt,
    answer=answer,
    texts=texts,
    parts=parts,
    file_name=GEN_QA_FILE,
    task="gen_qa",
    media=("image",),
)
