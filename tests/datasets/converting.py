"""Convert records without files: what the tests of shapes share."""

import pickle
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import orjson

from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.media.target import MediaTarget
from novaforge.tools.datasets.rows import Finished, Line, Reject
from novaforge.tools.datasets.shapes.base import Converter
from novaforge.tools.datasets.shapes.convert import converter

Row = dict[str, Any]
BUCKET = MediaTarget("s3://data-bucket/out/media", "111122223333", "s3://data-bucket/in")


def lines_of(rows: Sequence[Any]) -> list[Line]:
    """Return rows as a reader gives them."""
    return [Line(number, row, orjson.dumps(row)) for number, row in enumerate(rows, start=1)]


def make(
    rows: Sequence[Any],
    method: str = "SFT_LORA",
    *,
    model: str = "nova_lite_2",
    columns: dict[str, str] | None = None,
    header: list[str] | None = None,
    system_prompt: str | None = None,
    wanted: RowFormat | None = None,
    **more: str,
) -> Converter:
    """Return the converter for rows, as another process would get it."""
    source = cast(Any, SimpleNamespace(uri="rows.jsonl", columns=header, stem="rows"))
    target = wanted or row_format(method, model, **more)
    made = converter(source, lines_of(rows), columns, target, system_prompt, media=BUCKET)
    return cast(Converter, pickle.loads(pickle.dumps(made)))


def convert(rows: Sequence[Any], method: str = "SFT_LORA", **more: Any) -> tuple[list[Finished], list[Reject]]:
    """Return finished rows and rejects."""
    made = make(rows, method, **more)
    results = [made.finish(one) for line in lines_of(rows) for one in (made.expand(line) if made.expand else (line,))]
    return [row for row in results if isinstance(row, Finished)], [row for row in results if isinstance(row, Reject)]


def one(row: Any, method: str = "SFT_LORA", **more: Any) -> Row:
    """Return the written row of a record, read back from its bytes."""
    (finished,), rejects = convert([row], method, **more)
    assert not rejects
    return cast(Row, orjson.loads(finished.data))


def reject_of(row: Any, good: Any, method: str = "SFT_LORA", **more: Any) -> Reject:
    """Return why a record is left out beside a good one, without which the whole source would be refused."""
    _, (reject,) = convert([good, row], method, **more)
    return reject
