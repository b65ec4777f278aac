"""Every file of the shared data gives the rows that other readers count in it, and reading takes little memory."""

import csv
import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pyarrow import parquet

from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.datasets.reading.source import open_source

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FILES = sorted(path for path in DATA.rglob("*") if path.is_file() and path.suffix not in (".md", ".txt"))


def lines(path: Path) -> Iterator[bytes]:
    return (line for line in path.read_bytes().split(b"\n") if line.strip())


def rows_of(path: Path) -> list[Any]:
    """Read a file with another reader."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in lines(path)]
    if path.suffix == ".json":
        return list(json.loads(path.read_bytes()))
    if path.suffix == ".parquet":
        return list(parquet.read_table(path).to_pylist())
    encoding = "cp1252" if path.name == "ram_data.csv" else "utf-8"
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.mark.skipif(not FILES, reason="the shared data are not here")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_shared_file_gives_the_rows_another_reader_finds(desk: "Desk", path: Path) -> None:
    seen = desk.read(str(path), desk.context(storage=Storage(Aws(), (DATA,))))
    wanted = rows_of(path)
    assert not seen.rejects and len(seen.rows) == len(wanted)
    # Times become text; everything else is what it was.
    assert seen.rows == orjson.loads(orjson.dumps(wanted))


@pytest.mark.skipif(not FILES, reason="the shared data are not here")
@pytest.mark.parametrize("name", ["tinyshakespeare.txt", "wiki_demo.txt"])
def test_shared_texts_come_whole(desk: "Desk", name: str) -> None:
    path = DATA / "cpt_text" / name
    seen = desk.read(str(path), desk.context(storage=Storage(Aws(), (DATA,))))
    assert "".join(row["text"] for row in seen.rows).encode() == path.read_bytes() and len(seen.rows) > 20


ROW = {"messages": [{"role": "user", "content": "x" * 400}, {"role": "assistant", "content": "y\n" * 200}]}
MAKERS: dict[str, Callable[[int], bytes]] = {
    "rows.jsonl": lambda count: (json.dumps(ROW).encode() + b"\n") * count,
    "rows.jsonl.gz": lambda count: gzip.compress((json.dumps(ROW).encode() + b"\n") * count, 1),
    "rows.json": lambda count: b"[" + b",\n".join([json.dumps(ROW, indent=1).encode()] * count) + b"]",
    "rows.csv": lambda count: b"A,B\n" + (b'"' + b"x" * 500 + b'\n""quoted""",b\n') * count,
    "rows.txt": lambda count: (b"word " * 100 + b"\n\n") * count,
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_memory_of_reading_does_not_grow_with_the_file(desk: "Desk", name: str) -> None:
    path = desk.write(name, MAKERS[name](60_000))
    tracemalloc.start()
    with open_source(desk.ctx, path) as source:
        batches = sum(1 for _ in source.batches())
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert batches > 20 and peak < 12_000_000
